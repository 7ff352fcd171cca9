-- Emergency access: who asked for it, who was let in and read what, until when; and that the provider's supervisor is told of it.
-- Append-only and chained as the rest of the record (migration 0015); an access is a row that opened it, and ended early when one closed it.

CREATE TABLE emergency (
    id           uuid PRIMARY KEY,         -- derived
    at_us        bigint NOT NULL,
    fact         text NOT NULL,            -- opened, refused; of an access that was opened: read, denied, closed, told
    access       uuid NOT NULL,            -- the row that opened it; of a refusal its own id
    provider     text NOT NULL,            -- the organisation of the one who asks, by its token; '' = an administrator, who can only close
    person       text NOT NULL,            -- HPR number of the one who asks, by the organisation's word; '' where nobody in person does
    name         text NOT NULL,            -- what the organisation calls them; '' = not said
    role         text NOT NULL,            -- Volven 9060, by the organisation's word
    address      text NOT NULL,            -- where the request came from
    patient_key  text NOT NULL,            -- the link key of the identifier that was named
    purpose      text NOT NULL,            -- ETREAT, BTG
    template     text NOT NULL,            -- why, in a word of a closed vocabulary; '' = in their own words only
    reason       text NOT NULL,            -- why, in their own words: never on the patient's page, in a log or a metric
    until_us     bigint NOT NULL,          -- opened: when it ends of itself; else 0
    rule         text NOT NULL,            -- model.Rule that decided; '' where none was asked
    code         text NOT NULL,            -- why not (ledger.emergencies.Why); '' = it was
    because      text[] NOT NULL,          -- the decision's reasons: consents as id/version, words of a closed vocabulary
    lock_keys    text[] NOT NULL,          -- opened: consents under any of these concern the patient
    events       uuid[] NOT NULL,          -- read: the messages that were shown, whole or in part
    kinds        text[] NOT NULL           -- read: what each of them tells of
);
CREATE INDEX emergency_patient ON emergency (patient_key, at_us);
CREATE INDEX emergency_provider ON emergency (provider, at_us);
CREATE INDEX emergency_time ON emergency (at_us);
CREATE INDEX emergency_access ON emergency (access);
CREATE INDEX emergency_events ON emergency USING gin (events);

CREATE TABLE emergency_notice (            -- what a supervisor is to be told; one row an access, written with the row that opened it
    access   uuid PRIMARY KEY,
    next_us  bigint NOT NULL,              -- not before
    tries    int NOT NULL DEFAULT 0,       -- that failed
    told_us  bigint                        -- NULL = not yet
);
CREATE INDEX emergency_notice_next ON emergency_notice (next_us) WHERE told_us IS NULL;

CREATE FUNCTION audit_row(e emergency) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT audit_copied(record_send(e))';
CREATE FUNCTION audit_emergencies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_append('emergency', g.count, g.rows, g.digest) FROM (
        SELECT count(*), json_agg(json_build_array(id) ORDER BY id) AS rows,
               sha256(string_agg(audit_row(ROW(e.*)::emergency), '' ORDER BY id)) AS digest
        FROM added e HAVING count(*) > 0) g;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_added AFTER INSERT ON emergency REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION audit_emergencies();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON emergency FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
