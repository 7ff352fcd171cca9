"""What supervisors are to be told of emergency access: one row an access, written when it was opened and kept when it was told."""

from dataclasses import dataclass
from typing import Final

from hub.identity import derived_id
from hub.ledger.connect import Conn, faults
from hub.ledger.emergencies import Emergency, Personnel, Step, find_access, keep

BATCH: Final = 50
# Taken by one process at a time, and out of sight for a while: one that dies with it leaves it to be taken again.
_TAKE: Final = f"""
UPDATE emergency_notice SET next_us = %s WHERE access IN (
    SELECT access FROM emergency_notice WHERE told_us IS NULL AND next_us <= %s ORDER BY next_us LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
RETURNING access::text, tries"""  # noqa: S608  # a constant


@dataclass(frozen=True, slots=True)
class SupervisorNotice:
    """One that is due. tries: that failed."""

    opened: Emergency
    tries: int


def take_supervisor_notices(conn: Conn, now_us: int, next_us: int) -> list[SupervisorNotice]:
    """Some whose time has come; nobody else takes them before ``next_us``. Raises Faulted."""
    with faults():
        taken = conn.execute(_TAKE, (next_us, now_us)).fetchall()
    found = [(find_access(conn, access), tries) for access, tries in taken]
    return [SupervisorNotice(access.asked, tries) for access, tries in found if access is not None]


def supervisor_told(conn: Conn, opened: Emergency, now_us: int) -> None:
    """It has been sent, which is a part of the record. Raises Faulted."""
    by, id_ = Personnel(opened.who.provider, ""), derived_id("emergency", Step.TOLD.value, opened.access)
    row = Emergency(id_, now_us, Step.TOLD, opened.access, by, "", opened.patient_key, opened.grounds.without_words)
    with faults(), conn.transaction():
        conn.execute("UPDATE emergency_notice SET told_us = %s WHERE access = %s", (now_us, opened.access))
        keep(conn, row)


def supervisor_not_told(conn: Conn, access: str, next_us: int) -> None:
    """It could not be sent: not before ``next_us`` again. Raises Faulted."""
    with faults():
        conn.execute("UPDATE emergency_notice SET tries = tries + 1, next_us = %s WHERE access = %s", (next_us, access))
