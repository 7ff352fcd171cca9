-- Messages whose identifiers belonged to two patients when they were decided, with the keys of those identifiers: what is to be delivered of
-- them is held until a merge has made the patients one.

CREATE TABLE conflict (
    part       int NOT NULL,
    off        bigint NOT NULL,
    link_keys  text[] NOT NULL,
    PRIMARY KEY (part, off)
);
