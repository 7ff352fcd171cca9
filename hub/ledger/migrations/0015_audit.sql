-- The record of decisions and disclosures as evidence: found by patient, recipient and time, and chained, so that a change shows.
--
-- A link stands for the rows that one transaction added to a chain. Its digest is the SHA-256 of those rows as COPY (FORMAT BINARY) gives
-- them, in the order of their keys (a transit link: messages, then decisions, each in the order of their bytes); its hash is the SHA-256 of the hash before it, the digest, and "chain n form count total rows".
-- Transit makes its own links (hub.ledger.chain) of the bytes it copies; every other writer's are made here, by triggers.

CREATE INDEX disclosure_place ON disclosure (part, off, recipient);
CREATE INDEX disclosure_time ON disclosure (noted_us);
CREATE INDEX message_time ON message (decided_us, part, off);
CREATE INDEX attempt_time ON attempt (recipient, ended_us);

CREATE TABLE audit_access (                -- who read the record, and what they asked
    id            uuid PRIMARY KEY,        -- derived
    at_us         bigint NOT NULL,
    role          text NOT NULL,           -- admin, patient, provider
    who           text NOT NULL,           -- provider id, or the patient's key; '' = admin
    address       text NOT NULL,           -- where the request came from
    interaction   text NOT NULL,           -- search-type, read
    query         text NOT NULL,           -- what was asked, the patient by key
    patient_keys  text[] NOT NULL          -- whose records were shown, or asked for
);
CREATE INDEX audit_access_time ON audit_access (at_us);
CREATE INDEX audit_access_patient ON audit_access USING gin (patient_keys);

CREATE TABLE audit_link (                  -- one row a transaction and chain
    chain   text NOT NULL,                 -- transit-<partition>, delivery-<partition>, disclosure, consent, access
    n       bigint NOT NULL,               -- 1, 2, 3 ...
    form    int NOT NULL,                  -- which columns are hashed (hub.ledger.chain)
    count   int NOT NULL,                  -- rows of this link
    total   bigint NOT NULL,               -- rows of the chain with this link
    rows    json NOT NULL,                 -- which they are: [first offset, last offset] in transit, the keys elsewhere
    digest  bytea NOT NULL,
    hash    bytea NOT NULL,
    PRIMARY KEY (chain, n)
);
CREATE TABLE audit_checkpoint (            -- signed heads of all chains; each line stands in the checkpoint file too
    n        bigint PRIMARY KEY,
    made_us  bigint NOT NULL,
    line     text NOT NULL
);

CREATE FUNCTION audit_field(bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT int4send(octet_length($1)) || $1';
CREATE FUNCTION audit_field(text) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT int4send(octet_length($1)) || textsend($1)';
CREATE FUNCTION audit_field(int) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT audit_field(int4send($1))';
CREATE FUNCTION audit_field(bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT audit_field(int8send($1))';
CREATE FUNCTION audit_field(uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT audit_field(uuid_send($1))';
CREATE FUNCTION audit_field(text[]) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT audit_field(array_send($1))';
CREATE FUNCTION audit_field(jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT audit_field(jsonb_send($1))';

CREATE FUNCTION audit_row(m message) RETURNS bytea LANGUAGE sql STABLE AS $$
SELECT int2send(18::smallint) || audit_field(m.part) || audit_field(m.off) || audit_field(m.event_id) || audit_field(m.adapter)
    || audit_field(m.provider) || audit_field(m.application) || audit_field(m.sender) || audit_field(m.control_id)
    || audit_field(m.trigger) || audit_field(m.kind) || audit_field(m.patient_key) || audit_field(m.received_us)
    || audit_field(m.decided_us) || audit_field(m.answer) || audit_field(m.encoding) || audit_field(m.outcome)
    || audit_field(m.reason) || audit_field(m.place) $$;
-- All of a row's columns, of what record_send makes of it: the number of fields, then of each its type, its length and its bytes.
CREATE FUNCTION audit_copied(sent bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    made bytea := substring(sent FROM 3 FOR 2);
    place int := 5;
    size int;
BEGIN
    WHILE place < octet_length(sent) LOOP
        size := greatest(0, ('x' || encode(substring(sent FROM place + 4 FOR 4), 'hex'))::bit(32)::int);
        made := made || substring(sent FROM place + 4 FOR 4 + size);
        place := place + 8 + size;
    END LOOP;
    RETURN made;
END $$;
CREATE FUNCTION audit_row(d decision) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT audit_copied(record_send(d))';
CREATE FUNCTION audit_row(a attempt) RETURNS bytea LANGUAGE sql STABLE AS $$
SELECT int2send(8::smallint) || audit_field(a.part) || audit_field(a.off) || audit_field(a.recipient) || audit_field(a.n)
    || audit_field(a.started_us) || audit_field(a.ended_us) || audit_field(a.outcome) || audit_field(a.code) $$;
CREATE FUNCTION audit_row(x disclosure) RETURNS bytea LANGUAGE sql STABLE AS $$
SELECT int2send(6::smallint) || audit_field(x.consent_id) || audit_field(x.version) || audit_field(x.part) || audit_field(x.off)
    || audit_field(x.recipient) || audit_field(x.noted_us) $$;
-- Whatever columns say what a consent means: what decides is evidence as much as what its patient wrote.
CREATE FUNCTION audit_row(c consent) RETURNS bytea LANGUAGE sql STABLE AS $$
SELECT int2send(3::smallint) || audit_field(c.id) || audit_field(c.version) || audit_field(to_jsonb(c)) $$;
CREATE FUNCTION audit_row(r audit_access) RETURNS bytea LANGUAGE sql STABLE AS $$
SELECT int2send(8::smallint) || audit_field(r.id) || audit_field(r.at_us) || audit_field(r.role) || audit_field(r.who)
    || audit_field(r.address) || audit_field(r.interaction) || audit_field(r.query) || audit_field(r.patient_keys) $$;

-- One more link; whoever adds to a chain does so alone until its commit.
CREATE FUNCTION audit_append(chain_ text, count_ bigint, rows_ json, digest_ bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    before audit_link;
    number bigint;
    sum bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7105, hashtext(chain_));
    SELECT * INTO before FROM audit_link WHERE chain = chain_ ORDER BY n DESC LIMIT 1;
    number := coalesce(before.n, 0) + 1;
    sum := coalesce(before.total, 0) + count_;
    INSERT INTO audit_link (chain, n, form, count, total, rows, digest, hash)
    VALUES (chain_, number, 1, count_, sum, rows_, digest_,
            sha256(coalesce(before.hash, decode(repeat('00', 32), 'hex')) || digest_
                   || convert_to(concat_ws(' ', chain_, number, 1, count_, sum, rows_), 'UTF8')));
END $$;

CREATE FUNCTION audit_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('delivery-' || g.part, g.count, g.rows, g.digest) FROM (
        SELECT part, count(*), json_agg(json_build_array(off, recipient, n) ORDER BY off, recipient COLLATE "C", n) AS rows,
               sha256(string_agg(audit_row(ROW(a.*)::attempt), '' ORDER BY off, recipient COLLATE "C", n)) AS digest
        FROM added a GROUP BY part ORDER BY part) g;
    RETURN NULL;
END $$;
CREATE FUNCTION audit_disclosures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('disclosure', g.count, g.rows, g.digest) FROM (
        SELECT count(*), json_agg(json_build_array(consent_id, version, part, off, recipient)
                                  ORDER BY consent_id COLLATE "C", version, part, off, recipient COLLATE "C") AS rows,
               sha256(string_agg(audit_row(ROW(x.*)::disclosure), ''
                                 ORDER BY consent_id COLLATE "C", version, part, off, recipient COLLATE "C")) AS digest
        FROM added x HAVING count(*) > 0) g;
    RETURN NULL;
END $$;
CREATE FUNCTION audit_consents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('consent', g.count, g.rows, g.digest) FROM (
        SELECT count(*), json_agg(json_build_array(id, version) ORDER BY id COLLATE "C", version) AS rows,
               sha256(string_agg(audit_row(ROW(c.*)::consent), '' ORDER BY id COLLATE "C", version)) AS digest
        FROM added c HAVING count(*) > 0) g;
    RETURN NULL;
END $$;
CREATE FUNCTION audit_accesses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('access', g.count, g.rows, g.digest) FROM (
        SELECT count(*), json_agg(json_build_array(id) ORDER BY id) AS rows,
               sha256(string_agg(audit_row(ROW(r.*)::audit_access), '' ORDER BY id)) AS digest
        FROM added r HAVING count(*) > 0) g;
    RETURN NULL;
END $$;

-- What was recorded before there were chains: chained as it is now, a thousand offsets of a partition to a link.
DO $$
DECLARE
    g record;
BEGIN
    FOR g IN SELECT part, off / 1000 AS block, min(off) AS first, max(off) AS last FROM message GROUP BY 1, 2 ORDER BY 1, 2 LOOP
        PERFORM audit_append('transit-' || g.part, m.count + d.count, json_build_array(g.first, g.last), sha256(m.bytes || d.bytes))
        FROM (SELECT count(*), coalesce(string_agg(audit_row(m), '' ORDER BY off), '') AS bytes
              FROM message m WHERE part = g.part AND off BETWEEN g.first AND g.last) m,
             (SELECT count(*), coalesce(string_agg(audit_row(d), '' ORDER BY off, octet_length(recipient), recipient COLLATE "C"), '') AS bytes
              FROM decision d WHERE part = g.part AND off BETWEEN g.first AND g.last) d;
    END LOOP;
    FOR g IN SELECT part, off / 1000 AS block, count(*),
                    json_agg(json_build_array(off, recipient, n) ORDER BY off, recipient COLLATE "C", n) AS rows,
                    sha256(string_agg(audit_row(a), '' ORDER BY off, recipient COLLATE "C", n)) AS digest
             FROM attempt a GROUP BY 1, 2 ORDER BY 1, 2 LOOP
        PERFORM audit_append('delivery-' || g.part, g.count, g.rows, g.digest);
    END LOOP;
    FOR g IN SELECT json_build_array(id, version) AS key, sha256(audit_row(c)) AS digest FROM consent c ORDER BY written_us, id, version LOOP
        PERFORM audit_append('consent', 1, json_build_array(g.key), g.digest);
    END LOOP;
    FOR g IN SELECT json_build_array(consent_id, version, part, off, recipient) AS key, sha256(audit_row(x)) AS digest
             FROM disclosure x ORDER BY noted_us, part, off, recipient LOOP
        PERFORM audit_append('disclosure', 1, json_build_array(g.key), g.digest);
    END LOOP;
END $$;

CREATE TRIGGER audit_added AFTER INSERT ON attempt REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_attempts();
CREATE TRIGGER audit_added AFTER INSERT ON disclosure REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_disclosures();
CREATE TRIGGER audit_added AFTER INSERT ON consent REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_consents();
CREATE TRIGGER audit_added AFTER INSERT ON audit_access REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_accesses();

-- A second belt: what was recorded is neither changed nor taken away by accident. Whoever owns the tables can take the belt off; the chain tells.
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_kept BEFORE DELETE OR TRUNCATE OR UPDATE OF part, off, event_id, adapter, provider, application, sender, control_id,
    trigger, kind, patient_key, received_us, decided_us, answer, encoding, outcome, reason, place
    ON message FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON decision FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON attempt FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosure FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON consent FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_access FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_link FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
