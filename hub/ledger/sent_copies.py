"""What left the hub in an attempt, where that was not the message as it was decided (migration 0023)."""

from typing import Final

from hub.ledger.outbox import Attempted, Copy

KEEP: Final = """
INSERT INTO sent_copy (part, off, recipient, n, copy_id, detail, dropped)
VALUES (%s, %s, %s, %s, %s, %s, %s::text[]) ON CONFLICT DO NOTHING"""
# Beside an attempt that is written for a sender that died; raised: the deliveries it may have sent, with the attempt's number.
OF_THE_DEAD: Final = """copies AS (
    INSERT INTO sent_copy (part, off, recipient, n, copy_id, detail, dropped)
    SELECT part, off, recipient, attempts, copy_id, detail, dropped FROM raised r
    WHERE copy_id <> '' OR detail <> (SELECT d.detail FROM decision d WHERE d.part = r.part AND d.off = r.off AND d.recipient = r.recipient)
    ON CONFLICT DO NOTHING)"""


def kept_as(ended: Attempted, copy: Copy) -> tuple[object, ...]:
    """The values of ``KEEP``."""
    return (*ended.place, ended.n, copy.copy_id, copy.detail, list(copy.dropped))
