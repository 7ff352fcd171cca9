"""What may rightly change in the record, and whether it is what the latest events of chain ``change`` say (migration 0024).

Triggers write an event for each change of these tables. Their rows are then no evidence of themselves: what each must be now follows from
the events, which are chained.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from hub.ledger.connect import Conn

CHANGE: Final = "change"  # the chain


@dataclass(frozen=True, slots=True)
class _Kept:
    """The columns of a table's key, those that are kept of it (# = their SHA-256), and which of its rows there are events of."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    which: str = "true"


# As the triggers of migration 0024 have them.
KEPT: Final[Mapping[str, _Kept]] = MappingProxyType(
    {
        "merge": _Kept(("retired",), ("survivor", "patient", "version", "in_force", "lock_keys")),
        "consent_key": _Kept(("key", "consent_id"), ()),
        "representation": _Kept(("id",), ("representative_key", "patient_key", "basis", "start_us", "end_us", "protected", "#body")),
        "notice": _Kept(("patient_key",), ("channel", "#address", "language", "since_us")),
        "provider": _Kept(("id",), ("origin", "#body")),
        "subscription": _Kept(("id",), ("origin", "#body")),
        "receipt": _Kept(("part", "off", "recipient", "receipt_id"), ("seen_us",), "seen_us IS NOT NULL"),
    }
)
_COMPARED: Final = """
SELECT key::text, e.n, e.state::text, t.state::text
FROM (SELECT DISTINCT ON (key) key, n, state FROM audit_change WHERE what = '{table}' ORDER BY key, n DESC) e
FULL JOIN (SELECT {key} AS key, {state} AS state FROM {table} WHERE {which}) t USING (key)"""


# Whose an identifier is by the merges in force, and the rows that a retired key leaves behind.
_OWNERS: Final = """
SELECT to_jsonb(i.link_key)::text, m.version, coalesce(m.patient, o.own), i.patient_key
FROM identity i CROSS JOIN LATERAL (SELECT coalesce(i.origin, i.patient_key) AS own) o
LEFT JOIN merge m ON m.in_force AND m.retired = o.own
WHERE coalesce(m.patient, o.own) <> i.patient_key AND NOT starts_with(i.link_key, 'retired:')
UNION ALL
SELECT to_jsonb(concat('retired:', coalesce(m.retired, substr(i.link_key, 9))))::text, m.version, m.patient, i.patient_key
FROM (SELECT * FROM merge WHERE in_force) m FULL JOIN (SELECT * FROM identity WHERE starts_with(link_key, 'retired:')) i
    ON i.link_key = 'retired:' || m.retired
WHERE (m.retired, m.lock_keys) IS DISTINCT FROM (i.patient_key, i.lock_keys)"""


class Difference(NamedTuple):
    """A row that is not what the latest event says. n: of that event, 0 = there is none. said, found: "" = that it is not there."""

    table: str
    key: str
    n: int
    said: str
    found: str


def differences(conn: Conn) -> Iterator[Difference]:
    """Every one of them, inside a transaction; compared here, not by the server. Raises psycopg.Error."""
    for table, kept in KEPT.items():
        state = ", ".join(f"'{c.lstrip('#')}', {_kept(c)}" for c in kept.columns)
        words = {"key": f"jsonb_build_array({', '.join(kept.keys)})", "state": f"jsonb_build_object({state})", "which": kept.which}
        with conn.cursor(name="changes") as cursor:
            cursor.itersize = 1_000
            for key, n, said, found in cursor.execute(_COMPARED.format(table=table, **words).encode()):
                if said != found:
                    yield Difference(table, key, n or 0, said or "", found or "")
    for key, n, said, found in conn.execute(_OWNERS):
        yield Difference("identity", key, n or 0, said or "", found or "")


def _kept(column: str) -> str:
    if not column.startswith("#"):
        return column
    return f"encode(sha256(convert_to({column[1:]}::text, 'UTF8')), 'hex')"
