-- The truth of the hub. Everything of one message is keyed by its place in topic inbound: (part, off).
-- Payload columns are stored uncompressed: messages are short-lived in the outbox and compression costs more than it saves.

CREATE TABLE partition_offset (            -- where transit is; read back on assignment, fenced by epoch
    part   int PRIMARY KEY,
    next   bigint NOT NULL DEFAULT 0,
    epoch  bigint NOT NULL DEFAULT 0       -- raised by each new owner; a writer with an older one is refused
);

CREATE TABLE message (
    part         int NOT NULL,
    off          bigint NOT NULL,
    event_id     uuid NOT NULL,
    adapter      text NOT NULL,
    provider     text NOT NULL,
    application  text NOT NULL,
    sender       text NOT NULL,
    control_id   text NOT NULL,
    trigger      text NOT NULL,
    kind         text NOT NULL,            -- '' when there is no event
    patient_key  text NOT NULL,
    received_us  bigint NOT NULL,
    decided_us   bigint NOT NULL,
    answer       text NOT NULL,
    encoding     text NOT NULL,
    outcome      text NOT NULL,            -- model.Outcome
    reason       text NOT NULL DEFAULT '', -- errors.Reason when quarantined
    place        text NOT NULL DEFAULT '', -- where in the message
    raw          bytea NOT NULL,
    PRIMARY KEY (part, off)
);
ALTER TABLE message ALTER COLUMN raw SET STORAGE EXTERNAL;
CREATE INDEX message_event ON message (event_id);
CREATE INDEX message_control ON message (control_id);
CREATE INDEX message_patient ON message (patient_key, received_us);
CREATE INDEX message_quarantine ON message (decided_us) WHERE outcome = 'quarantined';

CREATE TABLE seen (                        -- first message of each sender and control id: repeats and conflicts are told by it
    sender_key  bytea PRIMARY KEY,         -- SHA-256/16 of provider, application, sender, control id
    digest      bytea NOT NULL,            -- SHA-256/16 of the raw bytes
    part        int NOT NULL,
    off         bigint NOT NULL
);

CREATE TABLE decision (                    -- the decision in transit for each candidate recipient
    part          int NOT NULL,
    off           bigint NOT NULL,
    recipient     text NOT NULL,
    result        text NOT NULL,           -- model.Result
    rule          text NOT NULL,           -- model.Rule
    detail        text NOT NULL,
    subscription  text NOT NULL,
    because       text[] NOT NULL,
    PRIMARY KEY (part, off, recipient)
);

CREATE TABLE outbox (                      -- what is still to be delivered; a row leaves when the delivery is settled
    part         int NOT NULL,
    off          bigint NOT NULL,
    recipient    text NOT NULL,
    event_id     uuid NOT NULL,
    patient_key  text NOT NULL,
    source       text NOT NULL,            -- source provider
    received_us  bigint NOT NULL,
    channel      text NOT NULL,
    form         text NOT NULL,
    detail       text NOT NULL,
    labels       text[] NOT NULL,
    purpose      text NOT NULL,
    lock_keys    text[] NOT NULL,          -- consents under any of these concern the message
    control_id   text NOT NULL,
    kind         text NOT NULL,
    attempts     int NOT NULL DEFAULT 0,
    next_us      bigint NOT NULL DEFAULT 0,  -- not before
    parked       text NOT NULL DEFAULT '', -- '' or why a person must look at it (attempt.code)
    payload      bytea NOT NULL,
    PRIMARY KEY (part, off, recipient)
);
ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE attempt (                     -- every delivery attempt, append-only; a terminal outcome is the receipt
    part        int NOT NULL,
    off         bigint NOT NULL,
    recipient   text NOT NULL,
    n           int NOT NULL,
    started_us  bigint NOT NULL,
    ended_us    bigint NOT NULL,
    outcome     text NOT NULL,             -- model.AttemptOutcome
    code        text NOT NULL,             -- AA, AE, 200, 503, timeout, connect, wrong_control_id, rule of a withheld one ...
    PRIMARY KEY (part, off, recipient, n)
);

CREATE TABLE claim (                       -- what a delivery process has asked about and may be sending now; one row a batch
    id            bigserial PRIMARY KEY,
    worker        text NOT NULL,
    claimed_us    bigint NOT NULL,
    patient_keys  text[] NOT NULL,         -- parallel to the three below
    lock_keys     text[] NOT NULL,         -- all lock keys of all rows
    parts         int[] NOT NULL,
    offs          bigint[] NOT NULL,
    recipients    text[] NOT NULL
);

CREATE TABLE identity (                    -- one row an identifier ever seen
    link_key     text PRIMARY KEY,
    patient_key  text NOT NULL,
    lock_keys    text[] NOT NULL
);
CREATE INDEX identity_patient ON identity (patient_key);

CREATE TABLE patient (
    patient_key   text PRIMARY KEY,
    municipality  text NOT NULL,
    gps           jsonb NOT NULL,
    pathway       text[] NOT NULL
);

CREATE TABLE provider (
    id      text PRIMARY KEY,
    origin  text NOT NULL,                 -- 'file' or 'admin'
    body    jsonb NOT NULL
);
CREATE TABLE subscription (
    id      text PRIMARY KEY,
    origin  text NOT NULL,
    body    jsonb NOT NULL
);
CREATE TABLE directory_version (single boolean PRIMARY KEY DEFAULT true CHECK (single), version bigint NOT NULL);
INSERT INTO directory_version VALUES (true, 1);

CREATE TABLE consent (                     -- every version kept; the one in force is the highest
    id           text NOT NULL,
    version      int NOT NULL,
    active       boolean NOT NULL,
    deny         boolean NOT NULL,
    actors       jsonb NOT NULL,           -- [[system, value], ...]; [] = everyone
    start_us     bigint,
    end_us       bigint,
    written_us   bigint NOT NULL,
    resource     jsonb NOT NULL,           -- as the patient wrote it
    PRIMARY KEY (id, version)
);
CREATE TABLE consent_key (                 -- whom the version in force concerns
    key         text NOT NULL,
    consent_id  text NOT NULL,
    PRIMARY KEY (key, consent_id)
);
CREATE INDEX consent_key_id ON consent_key (consent_id);

CREATE TABLE disclosure (                  -- sends that were under way when a lock came into force
    consent_id  text NOT NULL,
    version     int NOT NULL,
    part        int NOT NULL,
    off         bigint NOT NULL,
    recipient   text NOT NULL,
    noted_us    bigint NOT NULL,
    PRIMARY KEY (consent_id, version, part, off, recipient)
);

CREATE TABLE episode (                     -- the pathway's view: one row an encounter, guarded by the inbound place of its last event
    patient_key   text NOT NULL,
    encounter     text NOT NULL,           -- keyed hash of the encounter identifier, or 'open' when none is given
    state         text NOT NULL,
    ward          text NOT NULL,
    municipality  text NOT NULL,
    source        text NOT NULL,
    admitted_us   bigint,
    ready_us      bigint,
    ended_us      bigint,
    last_kind     text NOT NULL,
    last_us       bigint NOT NULL,
    part          int NOT NULL,
    off           bigint NOT NULL,
    body          jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (patient_key, encounter)
);
CREATE INDEX episode_ward ON episode (ward) WHERE state IN ('admitted', 'ready');
CREATE TABLE deadline (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    patient_key  text NOT NULL,
    encounter    text NOT NULL,
    due_us       bigint NOT NULL,
    met_us       bigint,
    breached_us  bigint
);
CREATE INDEX deadline_open ON deadline (due_us) WHERE met_us IS NULL AND breached_us IS NULL;
