-- All of the record is in the chain: what was known of a message and whose it was, copies, receipts, and every change of what may change
-- (docs/decisions/0029). New rows of transit are chained whole but for the bytes, whose SHA-256 stands beside them; so are receipts.

ALTER TABLE message ADD COLUMN digest bytea;   -- SHA-256 of the bytes as they came; NULL in a repeat from before this migration
UPDATE message SET digest = sha256(raw) WHERE raw <> '';
ALTER TABLE receipt ADD COLUMN digest bytea;   -- SHA-256 of raw
UPDATE receipt SET digest = sha256(raw);

CREATE FUNCTION audit_row(x sent_copy) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT audit_copied(record_send(x))';
CREATE FUNCTION audit_row(r receipt) RETURNS bytea LANGUAGE sql STABLE AS $$
SELECT audit_copied(record_send(ROW(r.part, r.off, r.recipient, r.receipt_id, r.n, r.status, r.codes, r.said_us, r.noted_us, r.digest))) $$;

CREATE FUNCTION audit_copies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('copy-' || g.part, g.count, g.rows, g.digest) FROM (
        SELECT part, count(*), json_agg(json_build_array(off, recipient, n) ORDER BY off, recipient COLLATE "C", n) AS rows,
               sha256(string_agg(audit_row(ROW(x.*)::sent_copy), '' ORDER BY off, recipient COLLATE "C", n)) AS digest
        FROM added x GROUP BY part ORDER BY part) g;
    RETURN NULL;
END $$;
CREATE FUNCTION audit_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('receipt-' || g.part, g.count, g.rows, g.digest) FROM (
        SELECT part, count(*),
               json_agg(json_build_array(off, recipient, receipt_id) ORDER BY off, recipient COLLATE "C", receipt_id COLLATE "C") AS rows,
               sha256(string_agg(audit_row(ROW(r.*)::receipt), '' ORDER BY off, recipient COLLATE "C", receipt_id COLLATE "C")) AS digest
        FROM added r GROUP BY part ORDER BY part) g;
    RETURN NULL;
END $$;

-- What may rightly change later: each change is an event, and what there is now must be what the latest events say (hub.ledger.changes).
CREATE TABLE audit_change (
    n      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_us  bigint NOT NULL,                -- by the database's clock
    what   text NOT NULL,                  -- table
    key    jsonb NOT NULL,                 -- of the row
    state  jsonb                           -- what is kept of it since; NULL = it is gone
);
CREATE INDEX audit_change_of ON audit_change (what, key, n);

CREATE FUNCTION audit_key(r jsonb, columns_ text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT jsonb_agg(r -> c ORDER BY i) FROM unnest(string_to_array(columns_, ',')) WITH ORDINALITY AS u(c, i) $$;
-- A column named with # is one whose value is nobody's business here: its SHA-256 is kept.
CREATE FUNCTION audit_state(r jsonb, columns_ text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
SELECT coalesce(jsonb_object_agg(ltrim(c, '#'), CASE WHEN starts_with(c, '#')
    THEN to_jsonb(encode(sha256(convert_to(r ->> ltrim(c, '#'), 'UTF8')), 'hex')) ELSE r -> c END), '{}')
FROM unnest(string_to_array(columns_, ',')) AS c $$;

CREATE FUNCTION audit_changed() RETURNS trigger LANGUAGE plpgsql AS $$  -- arguments: columns of the key, columns that are kept
DECLARE
    now_us bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_change (at_us, what, key, state)
        SELECT now_us, TG_TABLE_NAME, audit_key(to_jsonb(a), TG_ARGV[0]), audit_state(to_jsonb(a), TG_ARGV[1]) FROM added a;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO audit_change (at_us, what, key, state) SELECT now_us, TG_TABLE_NAME, key, state FROM (
            SELECT audit_key(to_jsonb(a), TG_ARGV[0]) AS key, audit_state(to_jsonb(a), TG_ARGV[1]) AS state FROM added a
            EXCEPT SELECT audit_key(to_jsonb(g), TG_ARGV[0]), audit_state(to_jsonb(g), TG_ARGV[1]) FROM gone g) c;
    ELSE
        INSERT INTO audit_change (at_us, what, key) SELECT now_us, TG_TABLE_NAME, audit_key(to_jsonb(g), TG_ARGV[0]) FROM gone g;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION audit_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('change', g.count, g.rows, g.digest) FROM (
        SELECT count(*), json_agg(json_build_array(n) ORDER BY n) AS rows,
               sha256(string_agg(audit_copied(record_send(ROW(c.*)::audit_change)), '' ORDER BY n)) AS digest
        FROM added c HAVING count(*) > 0) g;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_added AFTER INSERT ON audit_change REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_changes();

DO $$
DECLARE
    g record;
BEGIN
    -- What was there before: the columns that no link has yet, copies, receipts.
    FOR g IN SELECT part, off / 1000 AS block, min(off) AS first, max(off) AS last, count(*),
                    sha256(string_agg(audit_copied(record_send(ROW(
                        part, off, event_id, adapter, provider, application, sender, control_id, trigger, kind, patient_key, received_us,
                        decided_us, answer, encoding, outcome, reason, place, occurred_us, municipality, ward, encounter_class, labels,
                        addressed, gps, pathway, unresolved, items, origin, digest))), '' ORDER BY off)) AS digest
             FROM message GROUP BY 1, 2 ORDER BY 1, 2 LOOP
        PERFORM audit_append('facts-' || g.part, g.count, json_build_array(g.first, g.last), g.digest);
    END LOOP;
    FOR g IN SELECT part, off / 1000 AS block, count(*), json_agg(json_build_array(off, recipient, n) ORDER BY off, recipient COLLATE "C", n)
                    AS rows, sha256(string_agg(audit_row(x), '' ORDER BY off, recipient COLLATE "C", n)) AS digest
             FROM sent_copy x GROUP BY 1, 2 ORDER BY 1, 2 LOOP
        PERFORM audit_append('copy-' || g.part, g.count, g.rows, g.digest);
    END LOOP;
    FOR g IN SELECT part, off / 1000 AS block, count(*),
                    json_agg(json_build_array(off, recipient, receipt_id) ORDER BY off, recipient COLLATE "C", receipt_id COLLATE "C") AS rows,
                    sha256(string_agg(audit_row(r), '' ORDER BY off, recipient COLLATE "C", receipt_id COLLATE "C")) AS digest
             FROM receipt r GROUP BY 1, 2 ORDER BY 1, 2 LOOP
        PERFORM audit_append('receipt-' || g.part, g.count, g.rows, g.digest);
    END LOOP;
END $$;

DO $$
DECLARE
    t record;
BEGIN
    -- Tables whose changes are events, with the columns of their keys and what is kept (hub.ledger.changes has the same).
    FOR t IN SELECT * FROM (VALUES
        ('merge', 'retired', 'survivor,patient,version,in_force', true),
        ('consent_key', 'key,consent_id', '', true),
        ('representation', 'id', 'representative_key,patient_key,basis,start_us,end_us,protected,#body', true),
        ('notice', 'patient_key', 'channel,#address,language,since_us', true),
        ('provider', 'id', 'origin,#body', true),
        ('subscription', 'id', 'origin,#body', true),
        ('receipt', 'part,off,recipient,receipt_id', 'seen_us', false)) AS v(name, keys, kept, whole) LOOP
        IF t.whole THEN
            EXECUTE format('CREATE TRIGGER audit_inserted AFTER INSERT ON %I REFERENCING NEW TABLE AS added
                            FOR EACH STATEMENT EXECUTE FUNCTION audit_changed(%L, %L)', t.name, t.keys, t.kept);
            EXECUTE format('CREATE TRIGGER audit_deleted AFTER DELETE ON %I REFERENCING OLD TABLE AS gone
                            FOR EACH STATEMENT EXECUTE FUNCTION audit_changed(%L, %L)', t.name, t.keys, t.kept);
        END IF;
        EXECUTE format('CREATE TRIGGER audit_updated AFTER UPDATE ON %I REFERENCING OLD TABLE AS gone NEW TABLE AS added
                        FOR EACH STATEMENT EXECUTE FUNCTION audit_changed(%L, %L)', t.name, t.keys, t.kept);
        EXECUTE format('INSERT INTO audit_change (at_us, what, key, state)
                        SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, %L, audit_key(to_jsonb(t), %L), audit_state(to_jsonb(t), %L)
                        FROM %I t WHERE %L OR to_jsonb(t) ->> ''seen_us'' IS NOT NULL', t.name, t.keys, t.kept, t.name, t.whole);
    END LOOP;
END $$;

CREATE TRIGGER audit_added AFTER INSERT ON sent_copy REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_copies();
CREATE TRIGGER audit_added AFTER INSERT ON receipt REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_receipts();

DROP TRIGGER audit_kept ON message;
CREATE TRIGGER audit_kept BEFORE DELETE OR TRUNCATE OR UPDATE OF part, off, event_id, adapter, provider, application, sender, control_id,
    trigger, kind, patient_key, received_us, decided_us, answer, encoding, outcome, reason, place, occurred_us, municipality, ward,
    encounter_class, labels, addressed, gps, pathway, unresolved, items, origin, digest
    ON message FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE DELETE OR TRUNCATE OR UPDATE OF part, off, recipient, receipt_id, n, status, codes, said_us, noted_us, digest
    ON receipt FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON sent_copy FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_change FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
