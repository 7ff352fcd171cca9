-- Which secret the keys of this ledger were made with: a process with another one would accept locks that match nobody.

CREATE TABLE secret_check (single boolean PRIMARY KEY DEFAULT true CHECK (single), value text NOT NULL);
