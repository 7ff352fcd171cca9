-- What the pathway needs beside episodes: which patients are one, and the events it could not read.

CREATE TABLE episode_merge (               -- one row a merge of two patient keys; together they say who is the same person
    retired      text NOT NULL,
    survivor     text NOT NULL,
    received_us  bigint NOT NULL,          -- of the latest merge of these two; (received_us, part, off) orders merges
    part         int NOT NULL,             -- its place in topic inbound
    off          bigint NOT NULL,
    PRIMARY KEY (retired, survivor)
);
CREATE INDEX episode_merge_survivor ON episode_merge (survivor);

CREATE TABLE pathway_poison (              -- events the pathway could not apply; the record itself stays in topic events
    part      int NOT NULL,                -- of topic events, not of inbound: the event may be unreadable
    off       bigint NOT NULL,
    reason    text NOT NULL,               -- errors.Cause, or the name of an exception's class
    noted_us  bigint NOT NULL,
    PRIMARY KEY (part, off)
);

CREATE INDEX episode_state ON episode (state);
