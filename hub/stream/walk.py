"""Deciding a batch in order: pure, over what the ledger knew. A message sees what those before it in the batch have changed.

Who the patient is follows from the identifiers: all that were ever seen together are one patient, under the key of the first.
Identifiers that belong to two patients are a conflict: every decision is a hold, and nothing is learned. A merge makes two patients one;
a number of the retired one that stands on the survivor already is no conflict.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from hub.errors import Faulted, Reason, Rejected
from hub.identity import PatientKeys, Pseudonyms, derived_id
from hub.ledger.batch import Entry, Known, Merge, Spot, Wanted, Writes
from hub.model import Adapter, Event, Form, Kind, Message, Outcome, PatientState, Plan, Received, Refusal
from hub.pipeline import TERMS, Terms, plan
from hub.routing.directory import Directory

UNREADABLE: Final = Refusal(Reason.INTERNAL_ERROR, "message")
BUNDLE_BYTES_MAX: Final = 1024 * 1024  # of a Bundle that goes along in topic events
_NO_KEYS: Final = PatientKeys("", (), ())
_NOBODY: Final[frozenset[str]] = frozenset()
_CONTROL_ID: Final = {Adapter.HL7V2: "MSH-10", Adapter.FHIR: "Bundle.identifier", Adapter.KITH: "MsgHead/MsgInfo/MsgId"}

Encode = Callable[[Event, int, int, tuple[str, ...], bytes | None], bytes]  # as avro.Codec.encode_event


@dataclass(slots=True)
class Item:
    """One record of topic ``inbound``, read as far as it goes. error: the class of the exception that reading it raised, "" = none."""

    spot: Spot
    received: Received
    message: Message | None
    sender_key: bytes = b""
    digest: bytes = b""
    keys: PatientKeys = _NO_KEYS
    merged: PatientKeys = _NO_KEYS
    error: str = ""


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
    item = Item(spot, received, message, sha256(who.encode("utf-8", "replace")).digest()[:16], sha256(received.raw).digest()[:16])
    if received.identifiers:
        item.keys = pseudonyms.of_message(received.identifiers, received.provider)
    if received.refusal is None:
        try:
            event = message.event()
            if event.kind is Kind.MERGED and event.merged:
                item.merged = pseudonyms.of_message(event.merged, received.provider)
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
        for keys in (item.keys, item.merged):
            w.links.update(keys.links)
            w.locks.update(keys.locks)
        if item.received.patient_key and item.received.patient_key not in item.keys.links:
            w.patients.add(item.received.patient_key)
    return w


class Walk:
    """One pass over a batch."""

    def __init__(self, known: Known, directory: Directory, encode: Encode, now_us: int, terms: Terms = TERMS) -> None:
        self._known: Final = known
        self._directory: Final = directory
        self._encode: Final = encode
        self._now_us: Final = now_us
        self._terms: Final = terms
        self._out: Final = Walked()

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
            return Entry(item.spot, Plan(received, Outcome.REPEAT), self._owner(item.keys, received)[0], ())
        self._out.conflicts += 1
        return self._quarantined(item, Refusal(Reason.DUPLICATE_CONTROL_ID, _CONTROL_ID[received.adapter]))

    def _quarantined(self, item: Item, refusal: Refusal) -> Entry:
        owner, _ = self._owner(item.keys, item.received)
        return Entry(item.spot, Plan(item.received, Outcome.QUARANTINED, refusal=refusal), owner, item.keys.locks)

    def _owners(self, keys: PatientKeys) -> set[str]:
        return {self._known.owners[link] for link in keys.links if link in self._known.owners}

    def _owner(self, keys: PatientKeys, received: Received, leaving: AbstractSet[str] = _NOBODY) -> tuple[str, set[str]]:
        """The patient a message is about, and every patient its identifiers belong to.

        leaving: patients it merges into another. What is theirs may stand on the survivor already (the person number of a duplicate
        does), so they do not count, unless nobody else is there.
        """
        owners, found = self._known.owners, self._owners(keys)
        if received.patient_key and received.patient_key not in keys.links:
            found.add(received.patient_key)
        found = found - leaving or found
        if len(found) == 1:
            return next(iter(found)), found
        if not found:
            return received.patient_key or keys.patient, found
        return next((owners[link] for link in keys.links if owners.get(link) in found), min(found)), found

    def _planned(self, item: Item) -> Entry:
        """Plan a new message and take over what it changes. Nothing is changed when this raises."""
        known, received, message = self._known, item.received, item.message
        if item.error or message is None:
            raise _UnreadableError
        merged = self._owners(item.merged)
        owner, owners = self._owner(item.keys, received, merged)
        in_conflict = len(owners - merged) > 1
        retired = set[str]() if in_conflict else merged - {owner}
        concerned = {owner, *owners, *retired}
        locks = (*item.keys.locks, *item.merged.locks)
        every_lock = set(locks).union(*(known.locks.get(patient, ()) for patient in concerned))
        state = replace(self._state(owner, sorted(retired)), conflict=in_conflict)
        made = plan(message, state, known.consents.policy(every_lock), self._directory, self._now_us, self._terms)
        if known.redrives:
            made = self._again_for(made, received.event_id)
        event = made.event
        if event is not None and event.patient_key != owner:
            event = replace(event, patient_key=owner)
        is_new = not known.redrives.get(received.event_id)  # else all but those it is redriven for were told of it when it came
        sent = self._encoded(item, event, made, retired, in_conflict=in_conflict) if event is not None and is_new else None
        # from here on nothing raises
        self._out.writes.patients |= {key for key in concerned if f"retired:{key}" not in known.owners}
        if event is not None and not in_conflict:
            self._learn(item, owner, retired, every_lock)
            if is_new and (made.patient is not None or retired):
                self._out.writes.states[owner] = known.states[owner] = made.patient or state
        own = tuple(sorted(every_lock)) if in_conflict else locks
        self._out.events += [sent] if sent else []
        self._out.errors += [(received.event_id, error) for error in made.errors]
        links = tuple({*item.keys.links, *item.merged.links, *([received.patient_key] if received.patient_key else [])})
        return Entry(item.spot, made, owner, own, event, links if in_conflict else (), message.known_as if event is not None else (), state)

    def _state(self, owner: str, retired: Sequence[str]) -> PatientState:
        """What is remembered of a patient, and of those who turn out to be the same."""
        states = self._known.states
        state = states.get(owner, PatientState())
        for other in (states[key] for key in retired if key in states):
            state = PatientState(state.municipality or other.municipality, state.gps or other.gps, state.pathway | other.pathway)
        return state

    def _again_for(self, made: Plan, event_id: str) -> Plan:
        """Of a message redriven for some recipients, only their part."""
        only = self._known.redrives.get(event_id)
        if not only:
            return made
        decisions = tuple(d for d in made.decisions if d.recipient in only)
        return replace(made, decisions=decisions, deliveries=tuple(d for d in made.deliveries if d.recipient in only))

    def _encoded(self, item: Item, event: Event, made: Plan, retired: set[str], *, in_conflict: bool) -> ToSend:
        merged = () if in_conflict else tuple(dict.fromkeys((*sorted(retired), *item.merged.links)))  # what is held is not merged elsewhere
        full = (d.payload for d in made.deliveries if d.form is Form.FHIR and d.detail == "full" and not d.dropped)
        bundle = next(full, None)
        if bundle is not None and len(bundle) > BUNDLE_BYTES_MAX:
            bundle = None
        return ToSend(event.patient_key.encode(), self._encode(event, *item.spot, merged, bundle))

    def _learn(self, item: Item, owner: str, retired: set[str], every_lock: set[str]) -> None:
        """Identifiers not seen before become the patient's, and so do those of the patients merged into this one."""
        known, links = self._known, self._out.writes.links
        for keys in (item.keys, item.merged):
            for link in keys.links:
                if link not in known.owners:
                    known.owners[link] = owner
                    links[link] = (owner, keys.locks)
        if retired:
            self._out.writes.merges.append(Merge(tuple(sorted(retired)), owner, tuple(sorted(every_lock))))
            known.owners.update({link: owner for link, patient in known.owners.items() if patient in retired})
            links.update({link: (owner, locks) for link, (patient, locks) in links.items() if patient in retired})
            for key in retired:
                known.states.pop(key, None)
                self._out.writes.states.pop(key, None)
        known.locks.setdefault(owner, set()).update(every_lock)


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
