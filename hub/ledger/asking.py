"""A delivery with everything that decides it, read at one moment: by delivery before it sends, and beside a consent that is written."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg.rows import TupleRow

from hub.ledger.consent_rows import UNREADABLE, consent_of
from hub.ledger.itemised import unpacked
from hub.ledger.outbox import Asked, Parcel, Place
from hub.model import Policy, Rule

# Of how many patients a message's identifiers are now; asked of one that had two when it was decided. None = nobody knows any more.
PATIENTS_OF: Final = """
(SELECT count(DISTINCT i.patient_key) FROM conflict f CROSS JOIN LATERAL unnest(f.link_keys) AS l(link)
 CROSS JOIN LATERAL (SELECT patient_key FROM identity WHERE link_key = l.link OFFSET 0) i WHERE f.part = o.part AND f.off = o.off)"""

# OFFSET 0: a look-up for each of a few rows, whatever the statistics say of a queue that was empty when they were taken.
ASK: Final = f"""
SELECT o.part, o.off, o.recipient, o.event_id::text, o.patient_key, o.source, o.received_us, o.channel, o.form, o.detail, o.labels,
       o.purpose, o.kind, o.attempts, d.subscription, d.because, k.keys, o.control_id, o.payload, o.items, o.dropped, o.copy_id,
       d.rule = '{Rule.PATIENT_UNRESOLVED}' AND {PATIENTS_OF} <> 1,
       CASE WHEN o.fence IS NOT NULL THEN (SELECT array_agg(retired) FROM merge WHERE in_force AND patient = o.patient_key) END, d.detail,
       c.consents, (SELECT version FROM directory_version)
FROM unnest(%s::int[], %s::bigint[], %s::text[]) WITH ORDINALITY AS w(part, off, recipient, n)
CROSS JOIN LATERAL (SELECT * FROM outbox WHERE part = w.part AND off = w.off AND recipient = w.recipient OFFSET 0) o
LEFT JOIN LATERAL (SELECT rule, because, subscription, detail FROM decision
                   WHERE part = w.part AND off = w.off AND recipient = w.recipient OFFSET 0) d ON true
CROSS JOIN LATERAL (SELECT o.lock_keys || coalesce((SELECT array_agg(key) FROM identity i, unnest(i.lock_keys) AS key
                                                    WHERE i.patient_key = o.patient_key), '{{}}') AS keys) k
LEFT JOIN LATERAL (SELECT json_agg(json_build_array(ck.consent_id, v.version, v.active, v.body)) AS consents
                   FROM consent_key ck LEFT JOIN LATERAL
                        (SELECT * FROM consent WHERE id = ck.consent_id ORDER BY version DESC LIMIT 1) v ON true
                   WHERE ck.key = ANY (k.keys)) c ON true
WHERE o.parked = '' ORDER BY w.n"""  # noqa: S608  # constants


def asked(row: TupleRow) -> Asked:
    """A row of ``ASK``."""
    return Asked(_parcel(row), _policy(row[-2]))


def version_of(row: TupleRow) -> int:
    """The version of the directory when ``ASK`` was answered."""
    return int(row[-1])


def _policy(rows: Sequence[Any] | None) -> Policy:
    """The consents of one patient; not readable when one of them is not what a consent must be."""
    try:
        return Policy(tuple(consent_of(row) for row in rows or ()))
    except UNREADABLE:
        return Policy(readable=False)


def _parcel(row: TupleRow) -> Parcel:
    part, off, recipient, event_id, patient, source, received, channel, form, detail, labels, purpose, kind, attempts, *rest = row
    subscription, because, keys, control_id, payload, items, dropped, copy_id, conflict, merged, decided, *_ = rest
    return Parcel(
        Place(part, off, recipient), event_id, patient, source, received, channel, form, detail, tuple(labels), purpose, kind, attempts,
        subscription or "", tuple(because or ()), frozenset(keys), control_id, bytes(payload), bool(conflict), tuple(merged or ()),
        unpacked(bytes(items)), tuple(dropped), copy_id, decided or "",
    )  # fmt: skip
