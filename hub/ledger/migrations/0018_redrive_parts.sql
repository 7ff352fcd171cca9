-- A quarantined message about several patients passes as several messages, each under its own id.

ALTER TABLE redrive DROP CONSTRAINT redrive_pkey, ADD PRIMARY KEY (part, off, event_id);
