"""The consents of patients as they were at a moment of the past: what had been written by then, and nothing that came later."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from hub.ledger.arrays import texts
from hub.ledger.connect import Conn, faults
from hub.ledger.consents import THROUGH_TIME, Consents
from hub.model import Policy

_KEY: Final = ""  # the one patient of ``Consents`` here


class Versions:
    """Every version of one patient's consents."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._rows: Final = sorted(rows, key=lambda row: row[2])  # written_us, id, version, ...

    def as_of(self, us: int) -> Policy:
        """Of each consent the highest version that had been written by then."""
        return self._policy(row for row in self._rows if row[0] <= us)

    def latest(self) -> Policy:
        """Of each consent the highest version."""
        return self._policy(self._rows)

    @staticmethod
    def _policy(rows: Iterable[Sequence[Any]]) -> Policy:
        latest = {row[1]: row[1:] for row in rows}
        return Consents((_KEY, *columns[:1], *columns) for columns in latest.values()).policy((_KEY,))


def versions(conn: Conn, patient_keys: Collection[str]) -> dict[str, Versions]:
    """The consents of each of these patients who has any. Raises Faulted."""
    found: dict[str, list[Sequence[Any]]] = {}
    with faults():
        for key, *row in conn.execute(THROUGH_TIME, (texts(patient_keys),), binary=True):
            found.setdefault(key, []).append(row)
    return {key: Versions(rows) for key, rows in found.items()}
