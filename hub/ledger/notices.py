"""Who wants to be told of new access, and what there is to tell: that there was some, never what."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hub.ledger.connect import Conn, faults
from hub.ledger.disclosures import patient_keys_of
from hub.ledger.stored import WHOSE
from hub.model import AttemptOutcome

BATCH: Final = 50
_COLUMNS: Final = "patient_key, channel, address, language, since_us, tries"
# Taken by one process at a time, and out of sight for a while: one that dies with it leaves it to be taken again.
_TAKE: Final = f"""
UPDATE notice SET next_us = %s WHERE patient_key IN (
    SELECT patient_key FROM notice WHERE next_us <= %s ORDER BY next_us LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}"""  # noqa: S608  # constants
_LATEST: Final = f"""
SELECT greatest((SELECT max(a.ended_us) FROM message m JOIN attempt a ON a.part = m.part AND a.off = m.off
                 WHERE {WHOSE} = ANY (%(keys)s) AND a.outcome = '{AttemptOutcome.DELIVERED}' AND a.ended_us > %(since)s),
                (SELECT max(at_us) FROM emergency WHERE patient_key = ANY (%(keys)s) AND fact IN ('opened', 'read') AND at_us > %(since)s))
"""  # noqa: S608


class NoticeChannel(StrEnum):
    """How somebody is told."""

    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Notice:
    """One row of ``notice``. patient_key: of the identifier they log in with. tries: that failed in a row."""

    patient_key: str
    channel: NoticeChannel
    address: str = field(repr=False)
    language: str
    since_us: int
    tries: int = 0


def put_notice(conn: Conn, n: Notice, next_us: int) -> None:
    """Ask to be told from now on, so instead of as before. Raises Faulted."""
    query = f"""
    INSERT INTO notice ({_COLUMNS}, next_us) VALUES (%s, %s, %s, %s, %s, 0, %s) ON CONFLICT (patient_key) DO UPDATE
    SET channel = EXCLUDED.channel, address = EXCLUDED.address, language = EXCLUDED.language, since_us = EXCLUDED.since_us, tries = 0,
        next_us = EXCLUDED.next_us"""  # noqa: S608
    with faults():
        conn.execute(query, (n.patient_key, n.channel.value, n.address, n.language, n.since_us, next_us))


def get_notice(conn: Conn, patient_key: str) -> Notice | None:
    """What somebody asked for. Raises Faulted."""
    with faults():
        row = conn.execute(f"SELECT {_COLUMNS} FROM notice WHERE patient_key = %s", (patient_key,)).fetchone()  # noqa: S608
    return Notice(row[0], NoticeChannel(row[1]), *row[2:]) if row else None


def delete_notice(conn: Conn, patient_key: str) -> None:
    """Ask not to be told. Raises Faulted."""
    with faults():
        conn.execute("DELETE FROM notice WHERE patient_key = %s", (patient_key,))


def take_notices(conn: Conn, now_us: int, next_us: int) -> list[Notice]:
    """Some whose time has come; nobody else takes them before ``next_us``. Raises Faulted."""
    with faults():
        return [Notice(row[0], NoticeChannel(row[1]), *row[2:]) for row in conn.execute(_TAKE, (next_us, now_us))]


def latest_access(conn: Conn, notice: Notice) -> int | None:
    """When somebody last received something of the patient, or opened or read it in an emergency, since they were told; None = nobody did.

    Raises Faulted.
    """
    keys = patient_keys_of(conn, [notice.patient_key])
    with faults():
        row = conn.execute(_LATEST, {"keys": list(keys), "since": notice.since_us}).fetchone()
    return row[0] if row else None


def told(conn: Conn, notice: Notice, since_us: int) -> None:
    """They know of everything until then. Nothing changes for one that has been asked for anew meanwhile. Raises Faulted."""
    with faults():
        conn.execute(
            "UPDATE notice SET since_us = %s, tries = 0 WHERE patient_key = %s AND since_us = %s",
            (since_us, notice.patient_key, notice.since_us),
        )


def not_told(conn: Conn, notice: Notice, next_us: int) -> None:
    """It could not be sent: not before ``next_us`` again. Raises Faulted."""
    with faults():
        conn.execute(
            "UPDATE notice SET tries = tries + 1, next_us = %s WHERE patient_key = %s AND since_us = %s",
            (next_us, notice.patient_key, notice.since_us),
        )
