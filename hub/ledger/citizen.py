"""A patient's own messages, for the patient: the bytes as they came, the stays and the deadlines."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from hub.ledger.arrays import texts
from hub.ledger.connect import Conn, faults
from hub.ledger.consents import lock_keys_of, policies
from hub.ledger.stored import COLUMNS, WHOSE, Stored
from hub.model import Kind, Outcome, Policy

_MESSAGES: Final = f"""
SELECT m.part, m.off, {COLUMNS} FROM message m
WHERE {WHOSE} = ANY (%s::text[]) AND m.kind <> '' AND m.outcome IN ('{Outcome.ROUTED}', '{Outcome.NO_RECIPIENT}')
      AND (%s::text[] IS NULL OR m.kind = ANY (%s::text[]))
ORDER BY m.received_us DESC, m.part, m.off LIMIT %s OFFSET %s"""  # noqa: S608  # constants
_STAYS: Final = """
SELECT patient_key, encounter, state, ward, municipality, source, admitted_us, ready_us, ended_us, last_us
FROM episode WHERE patient_key = ANY (%s::text[]) AND state <> 'merged' ORDER BY coalesce(admitted_us, last_us) DESC"""
_DEADLINES: Final = """
SELECT patient_key, encounter, name, due_us, met_us, breached_us FROM deadline WHERE patient_key = ANY (%s::text[]) ORDER BY due_us"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it was recorded, and its place."""

    part: int
    off: int
    stored: Stored


@dataclass(frozen=True, slots=True)
class Slice:
    """Which of a patient's messages: so many, after so many later ones, of these kinds (none = of all)."""

    limit: int
    skip: int = 0
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay or visit as the pathway has followed it."""

    patient_key: str
    encounter: str = field(repr=False)
    state: str
    ward: str
    municipality: str = field(repr=False)
    source: str
    admitted_us: int | None
    ready_us: int | None
    ended_us: int | None
    last_us: int


@dataclass(frozen=True, slots=True)
class Due:
    """One deadline of a stay."""

    patient_key: str
    encounter: str = field(repr=False)
    name: str
    due_us: int
    met_us: int | None
    breached_us: int | None


def messages_of(conn: Conn, patient_keys: Collection[str], part: Slice) -> list[Kept]:
    """What was received of a patient and understood, the latest first. Raises Faulted."""
    kinds = texts([kind.value for kind in part.kinds]) if part.kinds else None
    with faults():
        rows = conn.execute(_MESSAGES, (texts(list(patient_keys)), kinds, kinds, part.limit, part.skip)).fetchall()
    return [Kept(partition, off, Stored(*columns)) for partition, off, *columns in rows]


def policy_of(conn: Conn, link: str, lock_keys: Collection[str]) -> Policy:
    """Every consent that concerns a patient, under whatever identifier they are known by. Raises Faulted.

    link, lock_keys: of the one identifier that is at hand.
    """
    with faults():
        row = conn.execute("SELECT patient_key FROM identity WHERE link_key = %s", (link,)).fetchone()
    known = lock_keys_of(conn, [row[0]])[row[0]] if row else frozenset()
    return policies(conn, [known.union(lock_keys)])[0]


def stays_of(conn: Conn, patient_keys: Collection[str]) -> tuple[list[Stay], list[Due]]:
    """A patient's stays, the latest first, and their deadlines. Raises Faulted."""
    keys = texts(list(patient_keys))
    with faults():
        stays = [Stay(*row) for row in conn.execute(_STAYS, (keys,))]
        return stays, [Due(*row) for row in conn.execute(_DEADLINES, (keys,))]
