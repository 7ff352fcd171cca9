-- Merges are kept, so that an unmerge can take one back; and what comes after a merge says what it must wait for.

CREATE SEQUENCE merge_version;
CREATE TABLE merge (                       -- the latest merge that retired a patient key; those in force are a forest whose roots are patients
    retired   text PRIMARY KEY,
    survivor  text NOT NULL,
    patient   text NOT NULL,               -- the patient both were one under when this was last changed
    version   bigint NOT NULL,             -- rises with every merge made or taken back, in the order of their commits
    in_force  boolean NOT NULL
);
CREATE UNIQUE INDEX merge_change ON merge (version);
CREATE INDEX merge_survivor ON merge (survivor);
CREATE INDEX merge_patient ON merge (patient) WHERE in_force;

ALTER TABLE identity ADD COLUMN origin text;   -- whose it is without any merge; NULL = patient_key
ALTER TABLE outbox ADD COLUMN origin text;     -- under whose identifiers the message came, without any merge; NULL = patient_key
ALTER TABLE outbox ADD COLUMN fence bigint[];  -- of a merged patient: partition, offset, partition, offset ... that must be decided first; NULL = not merged

CREATE FUNCTION unpassed(fence bigint[]) RETURNS TABLE (part int, off bigint, next bigint)  -- what of a fence is still to be waited for
LANGUAGE sql STABLE AS $$
    SELECT fence[n]::int, fence[n + 1], coalesce(p.next, 0)
    FROM generate_series(1, coalesce(array_length(fence, 1), 0), 2) AS n LEFT JOIN partition_offset p ON p.part = fence[n]
    WHERE coalesce(p.next, 0) < fence[n + 1]
$$;

CREATE TABLE episode_parting (             -- unmerges as the pathway heard of them: these keys are another's than all others since then
    key          text NOT NULL,
    received_us  bigint NOT NULL,          -- (received_us, part, off): the unmerge, as of a merge in episode_merge
    part         int NOT NULL,
    off          bigint NOT NULL,
    PRIMARY KEY (key, received_us, part, off)
);
CREATE INDEX episode_parting_when ON episode_parting (received_us, part, off);
