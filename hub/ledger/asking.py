"""A delivery with everything that decides it, read at one moment: by delivery before it sends, and beside a consent that is written.

``ASK`` reads what waits in the outbox. ``ASK_AGAIN`` reads what has left it, and what was never let into it, from the record of the message
and its decision: for a subscriber that asks for it again. ``ASK_TELLING`` reads the same of what such a subscriber is being told.
"""

from collections.abc import Sequence
from typing import Any, Final

from psycopg.rows import TupleRow

from hub.ledger.consent_rows import UNREADABLE, consent_of
from hub.ledger.itemised import unpacked
from hub.ledger.outbox import Asked, Parcel, Place
from hub.ledger.stored import WHOSE
from hub.model import Channel, Form, Policy, Rule

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

# Of a recorded message m, whose it is now.
WHOSE_NOW: Final = f"coalesce((SELECT patient_key FROM identity WHERE link_key = {WHOSE}), {WHOSE})"  # noqa: S608  # a constant
# What the recipient was shown last, in an attempt in which something left. Without a row in sent_copy it was the message as it was decided.
_SENT_LAST: Final = """
SELECT coalesce(c.detail, d.detail) AS detail, coalesce(c.dropped, '{}') AS dropped, NULL::bytea AS items
FROM attempt t LEFT JOIN sent_copy c USING (part, off, recipient, n)
WHERE t.part = o.part AND t.off = o.off AND t.recipient = o.recipient AND t.outcome IN ('delivered', 'refused', 'failed', 'unknown')
      AND t.code NOT IN ('read', 'apprec', 'connect', 'tls', 'plaintext', 'form_changed') ORDER BY t.n DESC LIMIT 1"""
# What it is being shown; of several answers under way the one that leaves out least.
_SHOWN_NOW: Final = """
SELECT detail, dropped, items FROM leaving WHERE part = o.part AND off = o.off AND recipient = o.recipient
ORDER BY cardinality(dropped) LIMIT 1"""
# A patient of whom no identifier is known has no locks that could be found: held, as one of whom two are known. Nobody knows what a message
# without labels may show (decided before migration 0017), or what was left out of a copy that was sent before it was kept.
_AGAIN: Final = f"""
SELECT o.part, o.off, o.recipient, m.event_id::text, p.patient_key, m.provider, m.received_us, '{Channel.FHIR}', '{Form.FHIR}',
       coalesce(s.detail, d.detail), m.labels, coalesce((SELECT body ->> 'purpose' FROM subscription WHERE id = d.subscription), 'TREAT'),
       m.kind, a.attempts, d.subscription, d.because, k.keys, m.control_id, ''::bytea, coalesce(nullif(m.items, ''), s.items, ''::bytea),
       coalesce(s.dropped, d.dropped), '', k.keys = '{{{{}}}}' OR d.rule = '{Rule.PATIENT_UNRESOLVED}' AND {PATIENTS_OF} <> 1, NULL::text[],
       d.detail, c.consents, (SELECT version FROM directory_version)
FROM unnest(%s::int[], %s::bigint[], %s::text[]) WITH ORDINALITY AS o(part, off, recipient, n)
CROSS JOIN LATERAL (SELECT * FROM message WHERE part = o.part AND off = o.off OFFSET 0) m
CROSS JOIN LATERAL (SELECT * FROM decision WHERE part = o.part AND off = o.off AND recipient = o.recipient OFFSET 0) d
LEFT JOIN LATERAL ({{}}) s ON true
CROSS JOIN LATERAL (SELECT coalesce(max(n), 0) AS attempts FROM attempt
                    WHERE part = o.part AND off = o.off AND recipient = o.recipient) a
CROSS JOIN LATERAL (SELECT {WHOSE_NOW} AS patient_key OFFSET 0) p
CROSS JOIN LATERAL (SELECT coalesce((
    SELECT array_agg(DISTINCT key) FROM identity i, unnest(i.lock_keys) AS key
    WHERE i.patient_key = p.patient_key
          OR i.link_key = ANY (SELECT unnest(link_keys) FROM conflict WHERE part = o.part AND off = o.off)), '{{{{}}}}') AS keys) k
LEFT JOIN LATERAL (SELECT json_agg(json_build_array(ck.consent_id, v.version, v.active, v.body)) AS consents
                   FROM consent_key ck LEFT JOIN LATERAL
                        (SELECT * FROM consent WHERE id = ck.consent_id ORDER BY version DESC LIMIT 1) v ON true
                   WHERE ck.key = ANY (k.keys)) c ON true
WHERE m.labels IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM sent_unknown u WHERE u.part = o.part AND u.off = o.off AND u.recipient = o.recipient)
ORDER BY o.n"""  # noqa: S608  # constants
ASK_AGAIN: Final = _AGAIN.format(_SENT_LAST)
ASK_TELLING: Final = _AGAIN.format(_SHOWN_NOW)


def asked(row: TupleRow) -> Asked:
    """A row of one of these."""
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
