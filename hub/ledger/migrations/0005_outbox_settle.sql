-- What becomes of a delivery after an attempt. A function, so that each row is one index look-up whatever the planner believes of the table:
-- a queue is empty whenever its statistics are taken, and a join planned for an empty table reads all of a full one.

CREATE FUNCTION outbox_settle(part_ int, off_ bigint, recipient_ text, effect text, n int, next_us_ bigint, parked_ text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF effect = 'settled' THEN
        DELETE FROM outbox WHERE part = part_ AND off = off_ AND recipient = recipient_;
    ELSIF effect = 'again' THEN
        UPDATE outbox SET attempts = n, next_us = next_us_, parked = parked_ WHERE part = part_ AND off = off_ AND recipient = recipient_;
    END IF;
END
$$;
