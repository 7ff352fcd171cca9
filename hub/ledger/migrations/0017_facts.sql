-- What was known of a message when it was decided, so that it can be decided again under other rules without being read again.
-- NULL in a message that was not decided, and in those from before this migration. Empty text = none was given.

ALTER TABLE message
    ADD COLUMN occurred_us      bigint,
    ADD COLUMN municipality     text,      -- the patient's: the message's own, else the one remembered
    ADD COLUMN ward             text,
    ADD COLUMN encounter_class  text,
    ADD COLUMN labels           text[],
    ADD COLUMN addressed        text[],    -- the receivers as the sender wrote them
    ADD COLUMN gps              text[],    -- system, value, system, value ...: the message's own, else those remembered
    ADD COLUMN pathway          text[],    -- providers that were on the patient's pathway before this message
    ADD COLUMN unresolved       boolean,   -- the identifiers pointed at two people
    ADD COLUMN items            bytea;     -- what it was asked about item by item (hub.ledger.itemised); empty = it was asked about whole

-- Rows come in the order of their times, so a few bytes tell where a span of time is.
CREATE INDEX message_decided ON message USING brin (decided_us);
