-- What transit keeps beside the message: ids under which a message left, permissions for one more passage, waiting rows by patient.

CREATE TABLE bundle (                      -- FHIR Bundles made of a message; their ids are derived from it
    bundle_id  uuid NOT NULL,
    part       int NOT NULL,
    off        bigint NOT NULL,
    PRIMARY KEY (bundle_id, part, off)
);

CREATE TABLE redrive (                     -- an operator's word that a quarantined message may pass once more under its own id
    part        int NOT NULL,              -- where it was quarantined
    off         bigint NOT NULL,
    event_id    uuid NOT NULL,
    recipients  text[] NOT NULL,           -- only for these; {} = for all
    asked_us    bigint NOT NULL,
    done_part   int,                       -- where it passed
    done_off    bigint,
    PRIMARY KEY (part, off)
);
CREATE INDEX redrive_pending ON redrive (event_id) WHERE done_off IS NULL;

CREATE INDEX outbox_patient ON outbox (patient_key);   -- a merge of two patients moves what waits
CREATE INDEX message_stuck ON message (decided_us) WHERE reason <> '' AND outcome <> 'quarantined';
CREATE INDEX outbox_parked ON outbox (received_us) WHERE parked <> '';
