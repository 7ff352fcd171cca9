-- What receivers' applications said of what they were given, and what waits to be fetched.

CREATE TABLE receipt (                     -- one row a receipt; the latest of a delivery says how it stands
    part        int NOT NULL,              -- the delivery it is about
    off         bigint NOT NULL,
    recipient   text NOT NULL,             -- who wrote it: nobody else's is taken
    receipt_id  text NOT NULL,             -- as the receiver's application named it
    status      text NOT NULL,             -- model.ReceiptStatus
    codes       text[] NOT NULL,           -- what was wrong: of Volven 8221, or 'other'
    said_us     bigint NOT NULL,           -- by the receiver's clock
    noted_us    bigint NOT NULL,
    seen_us     bigint,                    -- when a person took note of one that is not 'accepted'
    raw         bytea NOT NULL,
    PRIMARY KEY (part, off, recipient, receipt_id)
);
CREATE INDEX receipt_open ON receipt (noted_us) WHERE status <> 'accepted' AND seen_us IS NULL;

CREATE INDEX outbox_polled ON outbox (recipient, patient_key, part, off) WHERE channel = 'poll';
