-- What subscribers ask for again (Subscriptions R5 Backport: $events): which numbers they were told.

CREATE TABLE telling (                     -- one row a subscription that was asked about
    recipient     text NOT NULL,
    subscription  text NOT NULL,
    next_n        bigint NOT NULL DEFAULT 1,   -- the number of the next event that it is told
    looked_us     bigint NOT NULL DEFAULT 0,   -- what was delivered before stands in table told
    PRIMARY KEY (recipient, subscription)
);

CREATE TABLE told (                        -- events that a subscription may be told
    recipient     text NOT NULL,
    subscription  text NOT NULL,
    event_id      uuid NOT NULL,
    part          int NOT NULL,                -- the passage that it is decided by
    off           bigint NOT NULL,
    seq           bigserial,                   -- in what order they are told
    released      boolean NOT NULL,            -- false: withheld, and for those alone who ask for what was
    n             bigint,                      -- its number; NULL = it was never told, and counts for nothing
    PRIMARY KEY (recipient, subscription, event_id)
);
CREATE UNIQUE INDEX told_number ON told (recipient, subscription, n) WHERE n IS NOT NULL;
CREATE INDEX told_never ON told (recipient, subscription, seq) WHERE n IS NULL;

CREATE TABLE leaving (                     -- what is being told under a claim: what it shows, and by which rule
    claim      bigint NOT NULL,
    part       int NOT NULL,
    off        bigint NOT NULL,
    recipient  text NOT NULL,
    rule       text NOT NULL,                  -- model.Rule
    copy_id    text NOT NULL,                  -- event id that it bears; '' = the message's own
    detail     text NOT NULL,
    dropped    text[] NOT NULL,                -- keys of the items that it is without
    items      bytea NOT NULL,                 -- that it was asked about (hub.ledger.itemised); '' = as a whole
    PRIMARY KEY (claim, part, off, recipient)
);
CREATE INDEX leaving_place ON leaving (part, off, recipient);

CREATE TABLE sent_unknown (                -- made anew and sent before it was kept what of it was left out (0023): nobody knows any more
    part       int NOT NULL,
    off        bigint NOT NULL,
    recipient  text NOT NULL,
    PRIMARY KEY (part, off, recipient)
);
INSERT INTO sent_unknown (part, off, recipient)
SELECT DISTINCT part, off, recipient FROM attempt a
WHERE code = 'made_anew' AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.part = a.part AND o.off = a.off AND o.recipient = a.recipient);

CREATE INDEX withheld_recipient ON withheld (recipient);
CREATE INDEX subscription_provider ON subscription ((body ->> 'provider'));
