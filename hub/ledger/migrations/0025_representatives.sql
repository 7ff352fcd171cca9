-- Who acts for a patient is asked where somebody would lift a lock. Column basis: parent, attorney, guardian.

CREATE INDEX representation_patient ON representation (patient_key);
