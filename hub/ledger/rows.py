"""The entries of a batch as rows for COPY."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from hub.identity import derived_id, kith_id
from hub.ledger.batch import Entry, Unmerge, Writes
from hub.ledger.copying import NULL, blob, boolean, int4, int8, int8s, row, text, texts, uuid, word, words
from hub.ledger.itemised import packed
from hub.ledger.outbox import consents_in
from hub.model import Channel, Detail, Form, Identifier, Outcome, Result, Rule

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "seen": "sender_key, digest, part, off",
        "identity": "link_key, patient_key, lock_keys, origin, part, off",
        "message": "part, off, event_id, adapter, provider, application, sender, control_id, trigger, kind, patient_key, received_us, "
        "decided_us, answer, encoding, outcome, reason, place, raw, occurred_us, municipality, ward, encounter_class, labels, addressed, "
        "gps, pathway, unresolved, items, origin, digest",
        "decision": "part, off, recipient, result, rule, detail, subscription, because, dropped",
        "outbox": "part, off, recipient, event_id, patient_key, source, received_us, channel, form, detail, labels, purpose, lock_keys, "
        "control_id, kind, payload, origin, fence, items, dropped, copy_id",
        "bundle": "bundle_id, part, off",
        "conflict": "part, off, link_keys",
        "withheld": "consent_id, part, off, recipient",
    }
)

_NO_FACTS: Final = NULL * 10
_UNSEEN: Final = blob(b"")
_WHOLE: Final = texts(()) + text("")


def records(writes: Writes, decided_us: int) -> dict[str, list[bytes]]:
    """Table -> its new rows, of what another worker may write first, and of what was received and decided."""
    first = _place(writes.entries[0]) if writes.links else b""
    found: dict[str, list[bytes]] = {
        "seen": [row(4, blob(key), blob(digest), int4(spot[0]), int8(spot[1])) for key, (digest, spot) in writes.seen.items()],
        "identity": [
            row(6, word(link), word(new.patient), words(new.lock_keys), word(new.origin) if new.origin else NULL, first)
            for link, new in writes.links.items()
        ],
        "message": [],
        "decision": [],
        "withheld": [],
    }
    for entry in writes.entries:
        place = _place(entry)
        found["message"].append(_message(entry, place, uuid(entry.plan.received.event_id), decided_us))
        found["decision"] += _decisions(entry, place)
        found["withheld"] += _withheld(entry, place)
    return found


def identities(writes: Writes) -> list[bytes]:
    """New identifiers as they are chained: of the batch's first message, and whose each is without a merge, which never changes."""
    first = _place(writes.entries[0]) if writes.links else b""
    return [row(5, first, word(link), words(new.lock_keys), word(new.origin or new.patient)) for link, new in writes.links.items()]


def deliveries(writes: Writes) -> dict[str, list[bytes]]:
    """Table -> its new rows, of what is to be delivered: most of a batch's bytes. What a merge of the batch retired is the survivor's."""
    now: dict[str, str] = {}
    for merge in writes.merges:
        if isinstance(merge, Unmerge):
            now |= dict.fromkeys(merge.keys, merge.restored)
            continue
        now |= {key: merge.survivor for key, patient in now.items() if patient in merge.retired}
        now |= dict.fromkeys(merge.retired, merge.survivor)
    found: dict[str, list[bytes]] = {"outbox": [], "bundle": [], "conflict": []}
    for entry in writes.entries:
        place = _place(entry)
        found["bundle"] += [row(3, uuid(bundle_id), place) for bundle_id in bundle_ids(entry)]
        if entry.plan.deliveries:
            patient = now.get(entry.patient_key, entry.patient_key)
            origin = entry.origin or (entry.patient_key if patient != entry.patient_key else "")
            found["outbox"] += _outbox(entry, place, uuid(entry.plan.received.event_id) + text(patient), origin)
            found["conflict"] += [row(3, place, texts(entry.conflict))] if entry.conflict else []
    return found


def _place(entry: Entry) -> bytes:
    return int4(entry.spot[0]) + int8(entry.spot[1])


def _message(entry: Entry, place: bytes, event_id: bytes, decided_us: int) -> bytes:
    plan, r = entry.plan, entry.plan.received
    return row(
        31,
        place,
        event_id,
        word(r.adapter),
        word(r.provider),
        text(r.application),
        text(r.sender),
        text(r.control_id),
        word(r.trigger),
        word(entry.event.kind if entry.event else ""),
        text(entry.patient_key),
        int8(r.received_us),
        int8(decided_us),
        word(r.answer),
        word(r.encoding),
        word(plan.outcome),
        word(plan.refusal.reason if plan.refusal else ""),
        word(plan.refusal.where if plan.refusal else ""),
        blob(b"" if plan.outcome is Outcome.REPEAT else r.raw),  # the first one's bytes are the same
        _facts(entry),
        text(entry.origin) if entry.origin else NULL,
        blob(entry.raw_digest or sha256(r.raw).digest()),
    )


def _facts(entry: Entry) -> bytes:
    """What decided the message, for it to be decided again."""
    event, state = entry.event, entry.state
    if event is None:
        return _NO_FACTS
    municipality, gps = event.municipality or state.municipality, event.gps or state.gps
    where = word(municipality) + word(event.ward) + word(event.encounter_class)
    who = words(event.labels) + words(event.addressed) + _pairs(gps) + words(tuple(sorted(state.pathway)))
    return int8(event.occurred_us) + where + who + boolean(state.conflict) + _items(entry)


@lru_cache(maxsize=8192)
def _pairs(identifiers: tuple[Identifier, ...]) -> bytes:
    return texts(tuple(part for i in identifiers for part in (i.system, i.value)))


def _items(entry: Entry) -> bytes:
    return blob(packed(entry.plan.items)) if entry.plan.items else _UNSEEN


def _decisions(entry: Entry, place: bytes) -> Iterator[bytes]:
    for d in entry.plan.decisions:
        yield row(9, place, _answer(d.recipient, d.result, d.rule, d.detail, d.subscription, d.because), words(d.dropped))


def _withheld(entry: Entry, place: bytes) -> Iterator[bytes]:
    """What a lock keeps from a subscriber altogether, a row a lock: whoever lifts it finds it here."""
    for d in entry.plan.decisions:
        if d.rule is Rule.LOCKED and d.result is Result.DENY:
            yield from (row(4, text(consent_id), place, word(d.recipient)) for consent_id in consents_in(d.because))


@lru_cache(maxsize=8192)  # who is answered what recurs from message to message, whole
def _answer(recipient: str, result: str, rule: str, detail: str, subscription: str, because: tuple[str, ...]) -> bytes:
    return text(recipient) + text(result) + text(rule) + text(detail) + text(subscription) + texts(because)


def _outbox(entry: Entry, place: bytes, whose: bytes, origin: str) -> Iterator[bytes]:
    """whose: event id and patient."""
    event = entry.event
    if event is None:
        return
    whose += word(event.provider) + int8(event.received_us)
    labels, locks = words(event.labels), texts(entry.lock_keys)
    what = text(event.control_id) + word(event.kind)
    merged = (text(origin) if origin else NULL) + (NULL if entry.fence is None else int8s(entry.fence))
    items = _items(entry)
    for d in entry.plan.deliveries:
        how = _manner(d.channel, d.form, d.detail)
        left_out = words(d.dropped) + text(d.copy_id) if d.dropped else _WHOLE
        body = blob(d.payload) + merged + items
        yield row(21, place, word(d.recipient), whose, how, labels, word(d.purpose), locks, what, body, left_out)


@cache
def _manner(channel: Channel, form: Form, detail: Detail) -> bytes:
    return text(channel) + text(form) + text(detail)


def bundle_ids(entry: Entry) -> Iterable[str]:
    """The ids under which this message leaves the hub: of its Bundles, of the KITH messages made of it, and what else it is known as."""
    event_id, deliveries = entry.plan.received.event_id, entry.plan.deliveries
    bundles = dict.fromkeys((d.copy_id or event_id, d.detail) for d in deliveries if d.form is Form.FHIR)
    copies = dict.fromkeys(d.copy_id for d in deliveries if d.copy_id)
    made = [derived_id(known, "bundle", detail.value) for known, detail in bundles]
    own = [known_as_id(name) for name in entry.known_as]
    kith = [kith_id(d.copy_id or event_id, d.detail, d.recipient) for d in deliveries if d.form is Form.KITH]
    return [*made, *own, *kith, *copies]


def known_as_id(name: str) -> str:
    """Another id of a message, whatever it looks like, as one that fits beside those of Bundles."""
    return derived_id("known-as", name.encode("utf-8", "replace").decode())
