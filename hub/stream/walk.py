"""Deciding a batch in order: pure, over what the ledger knew. A message sees what those before it in the batch have changed.

Who the patient is follows from the identifiers (``persons``). Those that belong to two patients are a conflict: every decision is a hold,
and nothing is learned; a number of a retired patient that stands on the survivor already is no conflict.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from hub.errors import Faulted, Reason, Rejected
from hub.identity import PatientKeys, Pseudonyms, derived_id
from hub.ledger.batch import Entry, Known, Spot, Wanted, Writes
from hub.model import Adapter, Event, Form, Kind, Message, Outcome, PatientState, Plan, Received, Refusal
from hub.pipeline import TERMS, Terms, plan
from hub.routing.directory import Directory
from hub.stream.persons import NO_KEYS, Behind, Persons, Who

UNREADABLE: Final = Refusal(Reason.INTERNAL_ERROR, "message")
BUNDLE_BYTES_MAX: Final = 1024 * 1024  # of a Bundle that goes along in topic events
_CONTROL_ID: Final = {Adapter.HL7V2: "MSH-10", Adapter.FHIR: "Bundle.identifier", Adapter.KITH: "MsgHead/MsgInfo/MsgId"}

_NOTHING: Final = Behind()

Encode = Callable[[Event, int, int, tuple[str, ...], bytes | None], bytes]  # as avro.Codec.encode_event


@dataclass(slots=True)
class Item:
    """One record of topic ``inbound``, read as far as it goes. error: the class of the exception that reading it raised, "" = none."""

    spot: Spot
    received: Received
    message: Message | None
    sender_key: bytes = b""
    raw_digest: bytes = b""  # SHA-256 of the bytes
    keys: PatientKeys = NO_KEYS
    merged: PatientKeys = NO_KEYS
    apart: PatientKeys = NO_KEYS
    error: str = ""

    @property
    def digest(self) -> bytes:
        """What tells a repeat from a conflict: half of ``raw_digest``."""
        return self.raw_digest[:16]


@dataclass(frozen=True, slots=True)
class ToSend:
    """A record of topic ``events``."""

    key: bytes
    value: bytes


@dataclass(slots=True)
class Walked:
    """What a batch leads to."""

    writes: Writes = field(default_factory=Writes)
    events: list[ToSend] = field(default_factory=list)
    conflicts: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)  # event id, class of the exception


def read_item(spot: Spot, received: Received, message: Message, pseudonyms: Pseudonyms) -> Item:
    """What must be known of a message before the ledger is asked. Raises nothing that is the message's own doing."""
    who = f"{received.provider}\x1f{received.application}\x1f{received.sender}\x1f{received.control_id}"
    item = Item(spot, received, message, sha256(who.encode("utf-8", "replace")).digest()[:16], sha256(received.raw).digest())
    if received.identifiers:
        item.keys = pseudonyms.of_message(received.identifiers, received.provider)
    if received.refusal is None:
        try:
            event = message.event()
            if event.beside:
                item.keys = pseudonyms.of_message(received.identifiers, received.provider, event.beside)
            if event.kind is Kind.MERGED and event.merged:
                item.merged = pseudonyms.of_message(event.merged, received.provider)
            elif event.kind is Kind.UNLINKED and event.apart:
                item.apart = pseudonyms.of_message(event.apart, received.provider)
        except Rejected:
            pass  # told again, and recorded, by the plan
        except Exception as exc:  # noqa: BLE001  # a bug in reading one message must not stop those behind it
            item.error = type(exc).__name__
    return item


def wanted(items: Sequence[Item]) -> Wanted:
    """What these messages need to know of the ledger."""
    w = Wanted()
    for item in items:
        w.spots.append(item.spot)
        w.sender_keys.add(item.sender_key)
        w.event_ids.add(item.received.event_id)
        w.unmerges |= bool(item.apart.links)
        for keys in (item.keys, item.merged, item.apart):
            w.links.update(keys.links)
            w.locks.update(keys.locks)
        if item.received.patient_key and item.received.patient_key not in item.keys.links:
            w.patients.add(item.received.patient_key)
    return w


def needs_ends(items: Iterable[Item], known: Known) -> bool:
    """Whether a batch has anything of patients who were, or are being, merged: only what is theirs asks how far other partitions are."""
    return bool(known.origins) or any(item.merged.links for item in items)


class Walk:
    """One pass over a batch."""

    def __init__(
        self, known: Known, directory: Directory, encode: Encode, now_us: int, behind: Behind = _NOTHING, terms: Terms = TERMS
    ) -> None:
        self._known: Final = known
        self._directory: Final = directory
        self._encode: Final = encode
        self._now_us: Final = now_us
        self._terms: Final = terms
        self._out: Final = Walked()
        self._out.writes.merges_known = known.merges
        self._persons: Final = Persons(known, self._out.writes, directory, behind)

    def all(self, items: Sequence[Item]) -> Walked:
        """Every message in its order."""
        nexts: dict[int, int] = {}
        for item in items:
            nexts[item.spot[0]] = item.spot[1] + 1
            if item.spot not in self._known.recorded:
                self._one(item)
        self._out.writes.nexts = nexts
        return self._out

    def _one(self, item: Item) -> None:
        received = item.received
        entry = self._told_apart(item)
        if entry is None:
            try:
                entry = self._planned(item)
            except Faulted:
                raise  # a server is away (the schema registry): nothing is wrong with the message, and the batch is done again
            except Exception as exc:  # noqa: BLE001  # a bug in one message must not stop those behind it: it is kept, and said so
                self._out.errors.append((received.event_id, item.error or type(exc).__name__))
                entry = self._quarantined(item, UNREADABLE)
        self._out.writes.entries.append(entry)
        if received.refusal is None and self._known.redrives.pop(received.event_id, None) is not None:
            self._out.writes.redriven.append((received.event_id, item.spot))

    def _told_apart(self, item: Item) -> Entry | None:
        """The entry of a message that is refused, a repeat or a conflict; None = it is new."""
        received, known = item.received, self._known
        if received.refusal is not None:
            return self._quarantined(item, received.refusal)
        first = known.seen.get(item.sender_key)
        if first is None:
            known.seen[item.sender_key] = item.digest
            self._out.writes.seen[item.sender_key] = (item.digest, item.spot)
        if first is None or received.event_id in known.redrives:
            return None
        if first == item.digest:
            plan_ = Plan(received, Outcome.REPEAT)
            return Entry(item.spot, plan_, self._persons.owner(item.keys, received)[0], (), raw_digest=item.raw_digest)
        self._out.conflicts += 1
        return self._quarantined(item, Refusal(Reason.DUPLICATE_CONTROL_ID, _CONTROL_ID[received.adapter]))

    def _quarantined(self, item: Item, refusal: Refusal) -> Entry:
        owner, _ = self._persons.owner(item.keys, item.received)
        plan_ = Plan(item.received, Outcome.QUARANTINED, refusal=refusal)
        return Entry(item.spot, plan_, owner, item.keys.locks, raw_digest=item.raw_digest)

    def _planned(self, item: Item) -> Entry:
        """Plan a new message and take over what it changes. Nothing is changed when this raises."""
        known, received, message, persons = self._known, item.received, item.message, self._persons
        if item.error or message is None:
            raise _UnreadableError
        who = persons.who(item.keys, item.merged, item.apart, received)
        locks = (*item.keys.locks, *item.merged.locks, *item.apart.locks)
        every_lock = set(locks).union(*(known.locks.get(patient, ()) for patient in who.concerned))
        state = replace(persons.state(who.owner, sorted(who.retired)), conflict=who.in_conflict)
        made = plan(message, state, known.consents.policy(every_lock), self._directory, self._now_us, self._terms)
        if known.redrives:
            made = self._again_for(made, received.event_id)
        event = made.event
        if event is not None and event.patient_key != who.owner:
            event = replace(event, patient_key=who.owner)
        is_new = not known.redrives.get(received.event_id)  # else all but those it is redriven for were told of it when it came
        sent = self._encoded(item, event, made, who) if event is not None and is_new else None
        # from here on nothing raises
        self._out.writes.patients |= who.concerned
        origin = persons.origin(item.keys, who.owner)
        if event is not None and is_new and not who.in_conflict:
            self._learn(item, event, who, every_lock, made.patient)
        fence = persons.fence(who.owner, item.spot)
        if who.restored and is_new:
            persons.unmerge(who.owner, who.restored)
        own = tuple(sorted(every_lock)) if who.in_conflict else locks
        self._out.events += [sent] if sent else []
        self._out.errors += [(received.event_id, error) for error in made.errors]
        links = tuple({*item.keys.links, *item.merged.links, *([received.patient_key] if received.patient_key else [])})
        known_as = message.known_as if event is not None else ()
        conflict = links if who.in_conflict else ()
        return Entry(item.spot, made, who.owner, own, event, conflict, known_as, origin, fence, state, item.raw_digest)

    def _again_for(self, made: Plan, event_id: str) -> Plan:
        """Of a message redriven for some recipients, only their part."""
        only = self._known.redrives.get(event_id)
        if not only:
            return made
        decisions = tuple(d for d in made.decisions if d.recipient in only)
        return replace(made, decisions=decisions, deliveries=tuple(d for d in made.deliveries if d.recipient in only))

    def _encoded(self, item: Item, event: Event, made: Plan, who: Who) -> ToSend:
        """The record of topic ``events``, with the keys of those who are one with the patient from now on, or are no longer."""
        full = (d.payload for d in made.deliveries if d.form is Form.FHIR and d.detail == "full" and not d.dropped)
        bundle = next(full, None)
        if bundle is not None and len(bundle) > BUNDLE_BYTES_MAX:
            bundle = None
        keys = () if who.in_conflict else (*sorted(who.retired), *item.merged.links, *self._persons.names(who.owner, who.restored))
        return ToSend(event.patient_key.encode(), self._encode(event, *item.spot, tuple(dict.fromkeys(keys)), bundle))

    def _learn(self, item: Item, event: Event, who: Who, every_lock: set[str], state: PatientState | None) -> None:
        """Identifiers not seen before become the patient's, and so do those of the patients merged into this one."""
        persons, owner = self._persons, who.owner
        origins = {persons.origin(item.keys, owner) or owner}
        persons.learn(item.keys, owner, min(origins))
        if who.retired:
            leader = min(who.retired)
            persons.learn(item.merged, owner, persons.origin(item.merged, leader) or leader)
            persons.merge(who.retired, owner, every_lock)
            state = state or persons.state(owner)
        else:
            persons.learn(item.merged, owner, "")
        if who.restored:
            other = persons.origin(item.apart, owner) or owner
            persons.learn(item.apart, owner, other)
            origins.add(other)
        persons.remember(event, origins, state)


class _UnreadableError(Exception):
    """The message was found unreadable earlier."""


def alone(item: Item) -> Item:
    """The message as one that cannot be recorded whole: quarantined, with nothing of its envelope but the bytes."""
    bare = replace(item.received, application="", sender="", control_id="", trigger="", refusal=UNREADABLE)
    return Item(item.spot, bare, None)


def unreadable(spot: Spot, value: bytes, now_us: int) -> Item:
    """A record that is no message of ours: kept as it is."""
    event_id = derived_id("record", *map(str, spot), sha256(value).hexdigest())
    refusal = Refusal(Reason.INTERNAL_ERROR, "record")
    received = Received(event_id, Adapter.HL7V2, "", "", "", "", "", "", (), now_us, "", value, "", refusal)
    return Item(spot, received, None)
