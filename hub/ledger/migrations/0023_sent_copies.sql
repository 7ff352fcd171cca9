-- What left the hub in an attempt, where that was not the message as it was decided: without some of its items, or with less detail. Its
-- recipient knows it by ids of its own, and a receipt names one of them.

CREATE TABLE sent_copy (
    part       int NOT NULL,
    off        bigint NOT NULL,
    recipient  text NOT NULL,
    n          int NOT NULL,               -- of the attempt
    copy_id    text NOT NULL,              -- event id that it bears; '' = the message's own
    detail     text NOT NULL,
    dropped    text[] NOT NULL,            -- keys of the items that it is without
    PRIMARY KEY (part, off, recipient, n)
);
ALTER TABLE receipt ADD COLUMN n int;      -- the attempt that it answers; NULL = not told apart

-- Of what was sent before, what was decided is all that is known; under which id is not, where it has left the outbox.
INSERT INTO sent_copy (part, off, recipient, n, copy_id, detail, dropped)
SELECT a.part, a.off, a.recipient, a.n, coalesce(o.copy_id, ''), d.detail, d.dropped
FROM decision d JOIN attempt a USING (part, off, recipient) LEFT JOIN outbox o USING (part, off, recipient)
WHERE d.dropped <> '{}' AND a.outcome IN ('delivered', 'refused', 'failed', 'unknown') AND a.code NOT IN ('read', 'apprec');
