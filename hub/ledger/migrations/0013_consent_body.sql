-- A consent is a tree of provisions: column body has it whole (hub/ledger/consent_rows.py), where it had a column for each part of a simple one.
-- What could not be read before cannot be read after.

ALTER TABLE consent ADD COLUMN body jsonb;
UPDATE consent SET body = jsonb_build_object('root', jsonb_build_object('deny', deny)
        || CASE WHEN actors = '[]' THEN '{}'::jsonb ELSE jsonb_build_object('actors', actors) END
        || CASE WHEN start_us IS NULL AND end_us IS NULL THEN '{}'::jsonb
                ELSE jsonb_build_object('period', jsonb_build_array(start_us, end_us)) END)
    || CASE WHEN deny THEN '{}'::jsonb ELSE '{"base": "explicit"}'::jsonb END;
ALTER TABLE consent ALTER COLUMN body SET NOT NULL, DROP COLUMN deny, DROP COLUMN actors, DROP COLUMN start_us, DROP COLUMN end_us;
