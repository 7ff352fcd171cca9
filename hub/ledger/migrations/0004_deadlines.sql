-- An episode that changes asks for its deadlines anew, and must not look through everybody's.

CREATE INDEX deadline_episode ON deadline (patient_key, encounter);
