-- The record of decisions and disclosures as evidence: found by patient, recipient and time.

CREATE INDEX disclosure_place ON disclosure (part, off, recipient);
