-- Whose a message is without the merges that were in force when it was decided; NULL = patient_key. When a merge is taken back, what came
-- meanwhile is each patient's own again: their record, their page and what a consent of theirs would change show nothing of the other.

ALTER TABLE message ADD COLUMN origin text;
DROP INDEX message_patient;
CREATE INDEX message_whose ON message (coalesce(origin, patient_key), received_us);
