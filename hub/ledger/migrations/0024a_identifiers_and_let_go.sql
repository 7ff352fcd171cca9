-- Identifiers are in the chain too, the locks of a merge with it, and the bytes of messages may be let go (docs/decisions/0029).

ALTER TABLE identity ADD COLUMN part int, ADD COLUMN off bigint;   -- the first message of the batch that brought it; NULL = not known
CREATE INDEX identity_place ON identity USING brin (part, off);

DO $$
DECLARE
    g record;
BEGIN
    -- What was there before.
    FOR g IN SELECT b, count(*), json_agg(json_build_array(link_key) ORDER BY link_key COLLATE "C") AS rows,
                    sha256(string_agg(audit_copied(record_send(ROW(link_key, lock_keys, coalesce(origin, patient_key)))), ''
                                      ORDER BY link_key COLLATE "C")) AS digest
             FROM (SELECT *, row_number() OVER (ORDER BY link_key COLLATE "C") / 1000 AS b FROM identity
                   WHERE part IS NULL AND NOT starts_with(link_key, 'retired:')) i GROUP BY b ORDER BY b LOOP
        PERFORM audit_append('identity', g.count, g.rows, g.digest);
    END LOOP;
END $$;

-- Of a merge also the locks of all that were merged: the row that the retired key leaves in identity has the same.
ALTER TABLE merge ADD COLUMN lock_keys text[];
DROP TRIGGER audit_inserted ON merge;
DROP TRIGGER audit_updated ON merge;
DROP TRIGGER audit_deleted ON merge;
CREATE TRIGGER audit_inserted AFTER INSERT ON merge REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_changed('retired', 'survivor,patient,version,in_force,lock_keys');
CREATE TRIGGER audit_updated AFTER UPDATE ON merge REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION audit_changed('retired', 'survivor,patient,version,in_force,lock_keys');
CREATE TRIGGER audit_deleted AFTER DELETE ON merge REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION audit_changed('retired', 'survivor,patient,version,in_force,lock_keys');
INSERT INTO audit_change (at_us, what, key, state)   -- as it is told from now on, then with what the next statement fills in
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 'merge', audit_key(to_jsonb(m), 'retired'),
       audit_state(to_jsonb(m), 'survivor,patient,version,in_force,lock_keys') FROM merge m;
UPDATE merge SET lock_keys = i.lock_keys FROM identity i WHERE i.link_key = 'retired:' || retired;

-- Messages whose bytes were let go when they were old enough and nothing was open of them (hub.ledger.retention): their SHA-256 stays.
CREATE TABLE let_go (
    n      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_us  bigint NOT NULL,
    part   int NOT NULL,
    offs   bigint[] NOT NULL
);
CREATE FUNCTION audit_let_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('let_go', g.count, g.rows, g.digest) FROM (
        SELECT count(*), json_agg(json_build_array(n) ORDER BY n) AS rows,
               sha256(string_agg(audit_copied(record_send(ROW(x.*)::let_go)), '' ORDER BY n)) AS digest
        FROM added x HAVING count(*) > 0) g;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_added AFTER INSERT ON let_go REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_let_go();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON let_go FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
