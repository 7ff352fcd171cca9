-- What a delivery is asked about item by item, and what was left out of it.

ALTER TABLE outbox ADD COLUMN items bytea NOT NULL DEFAULT '';       -- the message's items as JSON (hub.ledger.itemised); '' = nobody looked
ALTER TABLE outbox ADD COLUMN dropped text[] NOT NULL DEFAULT '{}';  -- keys of the items that the payload is without
ALTER TABLE outbox ADD COLUMN copy_id text NOT NULL DEFAULT '';      -- event id that a redacted copy bears; '' = the message's own
ALTER TABLE decision ADD COLUMN dropped text[] NOT NULL DEFAULT '{}';
