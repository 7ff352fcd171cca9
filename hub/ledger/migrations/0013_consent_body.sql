-- A consent is a tree of provisions: column body has it whole (hub/ledger/consent_rows.py), where it had a column for each part of a simple one.

ALTER TABLE consent ADD COLUMN body jsonb;
UPDATE consent SET body = jsonb_build_object(
    'root', jsonb_strip_nulls(jsonb_build_object(
        'deny', deny,
        'actors', CASE WHEN jsonb_typeof(actors) = 'array' AND actors <> '[]'
                       THEN (SELECT jsonb_agg(actor || '["organisation"]'::jsonb) FROM jsonb_array_elements(actors) AS actor) END))
        || CASE WHEN start_us IS NULL AND end_us IS NULL THEN '{}'::jsonb
                ELSE jsonb_build_object('period', jsonb_build_array(start_us, end_us)) END
        || CASE WHEN jsonb_typeof(actors) = 'array' THEN '{}'::jsonb ELSE '{"actors": null}'::jsonb END,  -- unreadable before, and after
    'base', CASE WHEN deny THEN 'law' ELSE 'explicit' END);
ALTER TABLE consent ALTER COLUMN body SET NOT NULL, DROP COLUMN deny, DROP COLUMN actors, DROP COLUMN start_us, DROP COLUMN end_us;
