"""The consents of patients as they were at a moment of the past: what had been written by then, and nothing that came later."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from hub.ledger.arrays import texts
from hub.ledger.connect import Conn, faults
from hub.ledger.consents import THROUGH_TIME, Consents
from hub.model import Policy

# Every key a patient's messages may stand under: its own and the link keys of its identifiers, one of which it was before a merge.
_OWNERS: Final = """
SELECT l.key, o.link_key, o.patient_key FROM identity i CROSS JOIN LATERAL unnest(i.lock_keys) AS l(key)
JOIN unnest(%s::text[]) AS w(key) ON w.key = l.key JOIN identity o ON o.patient_key = i.patient_key"""
_KEY: Final = ""  # the one patient of ``Consents`` here


class Versions:
    """Every version of one patient's consents."""

    __slots__ = ("_last", "_rows")

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._rows: Final = sorted(rows, key=lambda row: row[2])  # written_us, id, version, ...
        self._last: tuple[Sequence[Sequence[Any]], Policy] | None = None

    def as_of(self, us: int) -> Policy:
        """Of each consent the highest version that had been written by then."""
        return self._policy([row for row in self._rows if row[0] <= us])

    def latest(self) -> Policy:
        """Of each consent the highest version."""
        return self._policy(self._rows)

    def _policy(self, rows: Sequence[Sequence[Any]]) -> Policy:
        """Read once for as long as it stays in force: a patient's messages come in the order of their times, more or less."""
        if self._last is None or self._last[0] != rows:
            latest = {row[1]: row[1:] for row in rows}
            self._last = rows, Consents((_KEY, *columns[:1], *columns) for columns in latest.values()).policy((_KEY,))
        return self._last[1]


def versions(conn: Conn, patient_keys: Collection[str]) -> dict[str, Versions]:
    """The consents of each of these patients who has any. Raises Faulted."""
    found: dict[str, list[Sequence[Any]]] = {}
    with faults():
        for key, *row in conn.execute(THROUGH_TIME, (texts(patient_keys),), binary=True):
            found.setdefault(key, []).append(row)
    return {key: Versions(rows) for key, rows in found.items()}


def owners_of(conn: Conn, lock_keys: Collection[str]) -> dict[str, set[str]]:
    """Lock key -> the patients that a consent under it concerns, by every key their messages may stand under. Raises Faulted."""
    found: dict[str, set[str]] = {}
    with faults():
        for key, *patient in conn.execute(_OWNERS, (texts(lock_keys),)):
            found.setdefault(key, set()).update(patient)
    return found


def versions_of(conn: Conn, consent_ids: Collection[str]) -> dict[str, int]:
    """The highest version of each of these consents that there is. Raises Faulted."""
    query = "SELECT id, max(version) FROM consent WHERE id = ANY (%s) GROUP BY id"
    with faults():
        return dict(conn.execute(query, (list(consent_ids),)).fetchall())
