-- What a delivery is asked about item by item, and what was left out of it.

ALTER TABLE outbox ADD COLUMN items bytea NOT NULL DEFAULT '';       -- the message's items as JSON (hub.ledger.itemised); '' = nobody looked
ALTER TABLE outbox ADD COLUMN dropped text[] NOT NULL DEFAULT '{}';  -- keys of the items that the payload is without
ALTER TABLE outbox ADD COLUMN copy_id text NOT NULL DEFAULT '';      -- event id that a redacted copy bears; '' = the message's own
ALTER TABLE decision ADD COLUMN dropped text[] NOT NULL DEFAULT '{}';

CREATE TABLE withheld (                    -- what a lock kept from somebody altogether, by the lock
    consent_id  text NOT NULL,
    part        int NOT NULL,
    off         bigint NOT NULL,
    recipient   text NOT NULL,
    PRIMARY KEY (consent_id, part, off, recipient)
);
CREATE INDEX withheld_place ON withheld (part, off);
CREATE TABLE lifted (                      -- consents written anew, whose withheld deliveries are still to be looked at
    consent_id  text NOT NULL,
    version     int NOT NULL,
    PRIMARY KEY (consent_id, version)
);

CREATE FUNCTION consent_lifted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lifted VALUES (NEW.id, NEW.version);
    RETURN NULL;
END
$$;
CREATE TRIGGER consent_lifted AFTER INSERT ON consent FOR EACH ROW WHEN (NEW.version > 1) EXECUTE FUNCTION consent_lifted();
