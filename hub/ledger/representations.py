"""Who may act for whom: parents, attorneys and guardians, as an administrator has entered what the population register or a court says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from psycopg.types.json import Jsonb

from hub.ledger.connect import Conn, faults
from hub.model import Identifier

_COLUMNS = "id, representative_key, patient_key, basis, start_us, end_us, protected, body"


class Basis(StrEnum):
    """By what somebody acts for a patient (NHN access policies 1, 2 and 3)."""

    PARENT = "parent"
    ATTORNEY = "attorney"
    GUARDIAN = "guardian"  # of someone unable to consent


@dataclass(frozen=True, slots=True)
class Representation:
    """One row of ``representation``; body: as it was written (see ``hub.web.representations``)."""

    id: str
    representative_key: str
    patient_key: str
    basis: Basis
    start_us: int | None
    end_us: int | None
    protected: bool
    body: Mapping[str, Any] = field(repr=False)

    @property
    def patient(self) -> Identifier:
        """The one acted for."""
        return Identifier(self.body["patient"]["system"], self.body["patient"]["value"])

    @property
    def name(self) -> str:
        """What the one acted for is called."""
        return str(self.body["patient"].get("name", ""))

    @property
    def born(self) -> date | None:
        """The birth date of the one acted for; None = unknown."""
        text = self.body["patient"].get("born", "")
        return date.fromisoformat(text) if text else None

    @property
    def withheld(self) -> bool:
        """Whether the child does not want its parents to see."""
        return bool(self.body.get("withheld", False))


def put_representation(conn: Conn, r: Representation) -> bool:
    """Enter or replace; True for a new one. Raises Faulted."""
    query = f"""
    INSERT INTO representation ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET ({_COLUMNS}) = (EXCLUDED.id, EXCLUDED.representative_key, EXCLUDED.patient_key, EXCLUDED.basis,
        EXCLUDED.start_us, EXCLUDED.end_us, EXCLUDED.protected, EXCLUDED.body) RETURNING xmax = 0"""  # noqa: S608
    values = (r.id, r.representative_key, r.patient_key, r.basis.value, r.start_us, r.end_us, r.protected, Jsonb(dict(r.body)))
    with faults():
        row = conn.execute(query, values).fetchone()
    return bool(row and row[0])


def get_representation(conn: Conn, id_: str) -> Representation | None:
    """The one of this id. Raises Faulted."""
    return next(iter(_found(conn, "id = %s", id_)), None)


def delete_representation(conn: Conn, id_: str) -> bool:
    """Remove; False when there was none. Raises Faulted."""
    with faults():
        return conn.execute("DELETE FROM representation WHERE id = %s", (id_,)).rowcount > 0


def find_representation(conn: Conn, id_: str, representative_key: str, now_us: int) -> Representation | None:
    """The one of this id, if it is this person's and in force. Raises Faulted."""
    return next((r for r in representations_of(conn, representative_key, now_us) if r.id == id_), None)


def representations_of(conn: Conn, representative_key: str, now_us: int) -> list[Representation]:
    """Whom this person may act for now, by id. Raises Faulted."""
    in_force = "representative_key = %s AND coalesce(start_us <= %s, true) AND coalesce(end_us >= %s, true)"
    return _found(conn, in_force, representative_key, now_us, now_us)


def representatives_of(conn: Conn, patient_key: str) -> frozenset[str]:
    """Link keys of everybody who is entered as acting for this patient, now, later or once. Raises Faulted."""
    return frozenset(r.representative_key for r in _found(conn, "patient_key = %s", patient_key))


def _found(conn: Conn, condition: str, *values: object) -> list[Representation]:
    with faults():
        rows = conn.execute(f"SELECT {_COLUMNS} FROM representation WHERE {condition} ORDER BY id", values).fetchall()  # noqa: S608
    return [Representation(i, who, whom, Basis(basis), *rest) for i, who, whom, basis, *rest in rows]
