-- The patient's page: who is logging in, who is logged in, who acts for whom, and who wants to be told of new access.

CREATE TABLE web_login (                   -- a login begun at the provider; gone when it is answered, or too old
    id       bytea PRIMARY KEY,            -- SHA-256 of the browser's cookie
    made_us  bigint NOT NULL,
    body     jsonb NOT NULL                -- state, nonce, verifier (RFC 7636)
);

CREATE TABLE web_session (                 -- somebody logged in
    id          bytea PRIMARY KEY,         -- SHA-256 of the browser's cookie: who reads this table can be nobody
    started_us  bigint NOT NULL,
    seen_us     bigint NOT NULL,
    person_key  text NOT NULL,             -- the link key of who is logged in
    body        jsonb NOT NULL             -- who, and for whom
);
CREATE INDEX web_session_person ON web_session (person_key);
CREATE INDEX web_session_seen ON web_session (seen_us);

CREATE TABLE representation (              -- who may act for whom, as the population register or a court has said
    id                  text PRIMARY KEY,
    representative_key  text NOT NULL,     -- the link key of the one who acts
    patient_key         text NOT NULL,     -- the link key of the one acted for
    basis               text NOT NULL,     -- parent, attorney
    start_us            bigint,            -- both ends inclusive; NULL = open
    end_us              bigint,
    protected           boolean NOT NULL,  -- one of them has a protected address (code 6 or 7)
    body                jsonb NOT NULL     -- as it was written
);
CREATE INDEX representation_representative ON representation (representative_key);

CREATE TABLE notice (                      -- who wants to be told of new access, and how
    patient_key  text PRIMARY KEY,         -- the link key of the identifier they log in with
    channel      text NOT NULL,            -- email, webhook
    address      text NOT NULL,
    language     text NOT NULL,
    since_us     bigint NOT NULL,          -- access after this has not been told of
    tries        int NOT NULL DEFAULT 0,   -- that failed in a row
    next_us      bigint NOT NULL DEFAULT 0 -- not before
);
CREATE INDEX notice_next ON notice (next_us);
