"""The envelope of a FHIR message: all that is read before the answer, and the one place a FHIR patient's identity is read from."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from hub.adapters.fhir.document import Entries, Json, obj, objects, parse, text
from hub.adapters.fhir.mappings import KINDS, OWN, RAISED_BY_THE_HUB, TAGGED, V2
from hub.errors import Reason, Rejected
from hub.identity import SHARED_TYPES, STAY_TYPES, are_too_many, judged, names_nobody, unsound
from hub.model import Identifier, Kind
from hub.numbers import PersonNumbers

_CONTROL_ID_MAX: Final = 255
_NAME_MAX: Final = 512
_HEADER: Final = "Bundle.entry[0].resource"
_URIS: Final = ("urn:", "http://", "https://")
_ACCOUNT_MERGE: Final = (V2, "A41")  # merges two accounts of one patient, who stays who they are
_PATIENTS: Final = ("subject", "patient")  # the elements by which resources name their patient


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is known of a message before its answer. ``senders``: every name it gives its sender, the most telling first."""

    application: str = field(repr=False)  # MessageHeader.source.name
    sender: str = field(repr=False)  # the first of ``senders``, "" when there is none
    senders: tuple[str, ...] = field(repr=False)
    receiver: str = field(repr=False)  # MessageHeader.destination.name
    control_id: str = field(repr=False)  # Bundle.identifier.value, Bundle.id or MessageHeader.id
    trigger: str = field(repr=False)  # the event's code
    kind: Kind
    encoding: str
    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)
    merged: tuple[Identifier, ...] = field(default=(), repr=False)  # of the patients this one replaces


@dataclass(frozen=True, slots=True)
class Message:
    """A message Bundle that holds together: header first, one patient."""

    bundle: Json = field(repr=False)
    entries: Entries = field(repr=False)
    header: Json = field(repr=False)
    patient: Json = field(repr=False)
    kind: Kind


@dataclass(frozen=True, slots=True)
class Heading:
    """What identifies a message that cannot be taken: enough to keep it with its reason."""

    application: str = field(repr=False)
    senders: tuple[str, ...] = field(repr=False)
    control_id: str = field(repr=False)
    trigger: str = field(repr=False)
    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)
    merged: tuple[Identifier, ...] = field(default=(), repr=False)

    @property
    def sender(self) -> str:
        """The first of ``senders``, "" when there is none."""
        return self.senders[0] if self.senders else ""


def heading(raw: bytes) -> Heading | None:
    """The heading of a message that ``envelope`` refused; None when it has no header or no id to be known by."""
    try:
        bundle = parse(raw)
        entries = Entries(bundle)
        header = entries.all[0] if entries.all else {}
        if header.get("resourceType") != "MessageHeader":
            return None
        application = _printable(text(obj(header.get("source")).get("name")), f"{_HEADER}.source.name")
        trigger = _printable(event_code(header)[1], f"{_HEADER}.event")
        return Heading(application, tuple(_senders(header, entries)), _control_id(bundle, header), trigger)
    except Rejected:
        return None


def envelope(raw: bytes) -> Envelope:
    """Header and patient of a message. Raises Rejected; ``where`` is a FHIRPath."""
    return envelope_of(read(raw))


def envelope_of(message: Message) -> Envelope:
    """Header and patient of a message that was read. Raises Rejected."""
    if message.kind is RAISED_BY_THE_HUB:
        raise Rejected(Reason.UNSUPPORTED_EVENT, f"{_HEADER}.event")
    header, found = message.header, identifiers(message.patient)
    retired = merged(message, found) if message.kind is Kind.MERGED else ()
    senders = tuple(_senders(header, message.entries))
    destinations = [name for d in objects(header.get("destination")) if (name := text(d.get("name")))]
    return Envelope(
        application=_printable(text(obj(header.get("source")).get("name")), f"{_HEADER}.source.name"),
        sender=senders[0] if senders else "",
        senders=senders,
        receiver=destinations[0] if destinations else "",
        control_id=_control_id(message.bundle, header),
        trigger=event_code(header)[1],
        kind=message.kind,
        encoding="utf-8",
        identifiers=found,
        merged=retired,
    )


def read(raw: bytes) -> Message:
    """The Bundle of a body, checked.

    Raises Rejected: those of ``parse``, NOT_A_MESSAGE, NO_HEADER, UNSUPPORTED_EVENT, MISSING_PATIENT, SEVERAL_PATIENTS, BROKEN_REFERENCE.
    """
    return check(parse(raw))


def check(bundle: Json) -> Message:
    """A message Bundle that was parsed, checked as by ``read``. Raises Rejected."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise Rejected(Reason.NOT_A_MESSAGE, "Bundle.type")
    entries = Entries(bundle)
    header = entries.all[0] if entries.all else {}
    if header.get("resourceType") != "MessageHeader":
        raise Rejected(Reason.NO_HEADER, "Bundle.entry[0]")
    kind = _kind(header)
    if kind is None:
        raise Rejected(Reason.UNSUPPORTED_EVENT, f"{_HEADER}.event")
    return Message(bundle, entries, header, _patient(entries, header), kind)


def _kind(header: Json) -> Kind | None:
    event = event_code(header)
    tags = [text(t.get("code")) for t in objects(obj(header.get("meta")).get("tag")) if text(t.get("system")) == OWN]
    return next((TAGGED[key] for tag in tags if (key := (*event, tag)) in TAGGED), KINDS.get(event))


def event_code(header: Json) -> tuple[str, str]:
    """(system, code) of the event; an event given as a URI is split at its last ``#``."""
    coding = obj(header.get("eventCoding"))
    if coding:
        return text(coding.get("system")), text(coding.get("code"))
    system, _, code = text(header.get("eventUri")).rpartition("#")
    return system, code


def identifiers(patient: Json) -> tuple[Identifier, ...]:
    """Those of Patient.identifier that name the patient, canonical and without repeats.

    Those of a stay or an account, and national numbers that do not hold, only where there is no other.

    Raises Rejected(MISSING_PATIENT, BAD_VALUE, TOO_COMPLEX).
    """
    found: dict[Identifier, None] = {}
    of_stays: dict[Identifier, None] = {}
    apart = unregistered(patient)
    for given in objects(patient.get("identifier")):
        value = _printable(text(given.get("value")), "Patient.identifier.value")
        if value and given not in apart:
            _printable(text(given.get("system")), "Patient.identifier.system")
            if names_patient(given):
                found[identified(given)] = None
            elif names_patient(given, SHARED_TYPES, is_sure=False):
                of_stays[identified(given)] = None
    found = found or of_stays
    if not found:
        raise Rejected(Reason.MISSING_PATIENT, "Patient.identifier")
    if are_too_many(found):
        raise Rejected(Reason.TOO_COMPLEX, "Patient.identifier")
    return tuple(found)


def beside(patient: Json, known: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    """National numbers that do not hold, of the patient whose other identifiers these are."""
    return unsound((identified(given) for given in objects(patient.get("identifier")) if text(given.get("value"))), known)


def names_patient(given: Json, but: frozenset[str] = SHARED_TYPES | STAY_TYPES, *, is_sure: bool = True) -> bool:
    """Whether an Identifier names a patient: it has a value, none that stands for an unknown one, and none of the types in ``but``.

    is_sure: nor is it a national number that does not hold.
    """
    known, is_doubtful = _judged(given)
    return bool(known.value) and _types(given).isdisjoint(but) and not names_nobody(known) and not (is_sure and is_doubtful)


def unregistered(patient: Json) -> list[Json]:
    """Social security numbers of no register, beside numbers of one: what they say of whose they are is nothing."""
    given = [i for i in objects(patient.get("identifier")) if text(i.get("value"))]
    found = [i for i in given if "SS" in _types(i) and not identified(i).system]
    return found if len(found) < len(given) else []


def _types(identifier: Json) -> set[str]:
    return {text(c.get("code")) for c in objects(obj(identifier.get("type")).get("coding"))}


def identified(given: Json) -> Identifier:
    """An Identifier under the system the hub knows it by. A v2 namespace, which is no URI, has its blanks there: a URI cannot."""
    return _judged(given)[0]


def _judged(given: Json) -> tuple[Identifier, bool]:
    system = text(given.get("system"))
    return judged(system if system.startswith(_URIS) else system.replace("%20", " "), text(given.get("value")))


def merged(message: Message, known: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    """The identifiers of the patients this one replaces, less those it has. Raises Rejected(MISSING_FIELD, TOO_COMPLEX)."""
    retired: list[Json] = []
    for link in objects(message.patient.get("link")):
        if text(link.get("type")) == "replaces":
            other = obj(link.get("other"))
            retired += [obj(other.get("identifier")), *objects(message.entries.target(other).get("identifier"))]
    for patient in message.entries.of("Patient"):
        if patient is not message.patient:
            retired += objects(patient.get("identifier"))
    given = dict.fromkeys(identified(i) for i in retired if names_patient(i, is_sure=False))
    found = tuple(i for i in given if i not in known)
    if not found and event_code(message.header) != _ACCOUNT_MERGE:
        raise Rejected(Reason.MISSING_FIELD, "Patient.link")
    if are_too_many(found):
        raise Rejected(Reason.TOO_COMPLEX, "Patient.link")
    return found


def unwelcome(raw: bytes, allowed: PersonNumbers) -> str:
    """Where the message names a patient, the one it is about or one merged into it, by a number the hub does not take; "" = nowhere."""
    return "" if allowed is PersonNumbers.ANY else unwelcome_in(read(raw), allowed)


def unwelcome_in(message: Message, allowed: PersonNumbers) -> str:
    """As ``unwelcome``, of a message that was read."""
    for n, resource in enumerate(message.entries.all):
        if resource.get("resourceType") == "Patient":
            for m, given in enumerate(objects(resource.get("identifier"))):
                if not allowed.takes(text(given.get("value")).strip()):
                    return f"Bundle.entry[{n}].resource.identifier[{m}]"
    return ""


def _patient(entries: Entries, header: Json) -> Json:
    """The one patient: those a merge has retired (Patient.link replaced-by) do not count, and every reference must lead to it."""
    patients = entries.of("Patient")
    alive = [p for p in patients if not any(text(link.get("type")) == "replaced-by" for link in objects(p.get("link")))]
    if not alive:
        raise Rejected(Reason.MISSING_PATIENT, "Bundle.entry")
    if len(alive) > 1:
        raise Rejected(Reason.SEVERAL_PATIENTS, "Bundle.entry")
    focus = [(f"{_HEADER}.focus[{n}]", f) for n, f in enumerate(objects(header.get("focus")))]
    for place, reference in [*focus, *entries.references(*_PATIENTS)]:
        if "reference" in reference:
            _must_lead_to(entries.target(reference), alive[0], place)
    for place, reference in entries.references(*_PATIENTS):
        _must_name(reference, entries.target(reference), alive[0], place)
    return alive[0]


def _must_lead_to(target: Json, patient: Json, place: str) -> None:
    if not target:
        raise Rejected(Reason.BROKEN_REFERENCE, place)
    if target.get("resourceType") == "Patient" and target is not patient:
        raise Rejected(Reason.SEVERAL_PATIENTS, place)


def _must_name(reference: Json, target: Json, patient: Json, place: str) -> None:
    """A patient may be named by identifier, with or without a reference beside it: it must be one of this patient's."""
    kind = text(target.get("resourceType")) or text(reference.get("type")).rpartition("/")[2] or "Patient"
    given = obj(reference.get("identifier"))
    if not text(given.get("value")) or kind != "Patient":
        return
    named = identified(given)
    same = [known.system for known in identifiers(patient) if known.value == named.value]
    if not any(named.system == system or not named.system or not system for system in same):
        raise Rejected(Reason.SEVERAL_PATIENTS, place)


def _senders(header: Json, entries: Entries) -> Iterable[str]:
    """Every name of the sender, then of whoever is responsible, then of the source system; none twice."""
    found: dict[str, None] = {}
    for role in ("sender", "responsible"):
        reference = obj(header.get(role))
        found |= dict.fromkeys(_names(reference, entries.target(reference)))
    source = obj(header.get("source"))
    found |= dict.fromkeys((text(source.get("name")), text(source.get("endpoint"))))
    return [name for name in found if name and name.isprintable() and len(name) <= _NAME_MAX]


def _names(reference: Json, target: Json) -> list[str]:
    given = [obj(reference.get("identifier")), *objects(target.get("identifier"))]
    values = [value for i in given if (value := text(i.get("value")))]
    qualified = [f"{text(i.get('system'))}|{text(i.get('value'))}" for i in given if text(i.get("system"))]
    return [*values, *qualified, text(target.get("name")), text(reference.get("display"))]


def _control_id(bundle: Json, header: Json) -> str:
    given = text(obj(bundle.get("identifier")).get("value")) or text(bundle.get("id")) or text(header.get("id"))
    if not given:
        raise Rejected(Reason.MISSING_CONTROL_ID, "Bundle.identifier")
    if len(given) > _CONTROL_ID_MAX:
        raise Rejected(Reason.BAD_VALUE, "Bundle.identifier")
    return _printable(given, "Bundle.identifier")


def _printable(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > _NAME_MAX:
        raise Rejected(Reason.BAD_VALUE, where)
    return value
