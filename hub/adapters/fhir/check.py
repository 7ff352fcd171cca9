"""Judging a sender's FHIR messages, and what its FHIR server pushes: what the hub refuses, what it needs, what was agreed with the sender.

Whether the resources are valid R4 is not judged here: the hub reads what it needs of them and hands them on as they are.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from hub.adapters.fhir import facts, parts, submission
from hub.adapters.fhir.document import Json, objects, text
from hub.adapters.fhir.message import Envelope, Message, envelope, read, unwelcome
from hub.adapters.fhir.times import microseconds
from hub.adapters.fhir.translate import FhirMessage
from hub.adapters.finding import Finding, Judged, Severity, shape
from hub.adapters.profile import Terms
from hub.consent.question import LABELS
from hub.errors import ANSWERS, Reason, Rejected
from hub.identity import ENH, HER, HPR, NATIONAL, event_id, names_nobody
from hub.model import Adapter, Channel, Deliver, Detail, Event, Form, Identifier, Kind, Provider, ProviderKind, Received, Refusal
from hub.numbers import person_number
from hub.pathway.states import SIGNALS

_SENDER: Final = "sender"
_ANYBODY: Final = Provider("recipient", "recipient", ProviderKind.OTHER, "", (), Deliver(Channel.MAILBOX))
_GP_SYSTEMS: Final = frozenset({ENH, HER, HPR, "ENH", "HER", "HPR"})
_W, _N = Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class _Case:
    message: Message = field(repr=False)
    seen: Envelope = field(repr=False)
    event: Event = field(repr=False)
    has_v2: bool

    @property
    def visit(self) -> Json:
        """The Encounter."""
        return facts.encounter(self.message)

    @property
    def is_of_a_stay(self) -> bool:
        """Whether the pathway follows it."""
        return self.event.kind in SIGNALS


Test = Callable[[_Case], Iterator[tuple[str, str]]]  # (place, what may be said of the value)


def _identifiers(case: _Case) -> Iterator[tuple[str, str, str]]:
    """(place, system, value) of the patient's identifiers."""
    for n, given in enumerate(objects(case.message.patient.get("identifier"))):
        yield f"Patient.identifier[{n}]", text(given.get("system")), text(given.get("value"))


def _without_system(case: _Case) -> Iterator[tuple[str, str]]:
    for place, system, value in _identifiers(case):
        if value and not system and not person_number(value):
            yield f"{place}.system", ""


def _no_person_number(case: _Case) -> Iterator[tuple[str, str]]:
    for place, system, value in _identifiers(case):
        if system in NATIONAL and value and not person_number(value):
            yield f"{place}.value", shape(value)


def _names_nobody(case: _Case) -> Iterator[tuple[str, str]]:
    known = {i.value for i in case.event.identifiers}
    for place, system, value in _identifiers(case):
        if value and value.strip() not in known and not (system in NATIONAL and not names_nobody(Identifier(system, value))):
            yield place, ""


def _without_person_number(case: _Case) -> Iterator[tuple[str, str]]:
    if not any(i.system in NATIONAL for i in case.event.identifiers):
        yield "Patient.identifier", ""


def _without_municipality(case: _Case) -> Iterator[tuple[str, str]]:
    if not case.event.municipality:
        yield "Patient.address.district", ""


def _without_gp(case: _Case) -> Iterator[tuple[str, str]]:
    if not case.event.gps:
        yield "Patient.generalPractitioner", ""


def _gp_of_nobody(case: _Case) -> Iterator[tuple[str, str]]:
    if case.event.gps and not any(i.system in _GP_SYSTEMS for i in case.event.gps):
        yield "Patient.generalPractitioner.identifier.system", ""


def _to_nobody(case: _Case) -> Iterator[tuple[str, str]]:
    if not case.event.addressed:
        yield "MessageHeader.destination", ""


def _without_class(case: _Case) -> Iterator[tuple[str, str]]:
    if case.is_of_a_stay and not case.event.encounter_class:
        yield "Encounter.class", ""


def _without_ward(case: _Case) -> Iterator[tuple[str, str]]:
    if case.is_of_a_stay and not case.event.ward:
        yield "Encounter.location", ""


def _without_visit(case: _Case) -> Iterator[tuple[str, str]]:
    if case.is_of_a_stay and not case.event.encounter_id:
        yield "Encounter.identifier", ""


def _without_period(case: _Case) -> Iterator[tuple[str, str]]:
    if case.event.kind in {Kind.ADMITTED, Kind.REGISTERED} and case.event.admitted_us is None:
        yield "Encounter.period.start", ""
    if case.event.kind is Kind.DISCHARGED and case.event.discharged_us is None:
        yield "Encounter.period.end", ""


def _without_time(case: _Case) -> Iterator[tuple[str, str]]:
    if microseconds(text(case.message.bundle.get("timestamp"))) is None:
        yield "Bundle.timestamp", ""


def _unknown_label(case: _Case) -> Iterator[tuple[str, str]]:
    if not LABELS.issuperset(case.event.labels):
        yield "meta.security", ""


def _no_v2(case: _Case) -> Iterator[tuple[str, str]]:
    if not case.has_v2:
        yield "MessageHeader.event", ""


@dataclass(frozen=True, slots=True)
class Need:
    """One rule, as in the check of HL7 v2."""

    severity: Severity
    code: str
    test: Test
    problem: str
    instead: str
    section: str


NEEDS: Final = (
    Need(_W, "identity.no-authority", _without_system,
         "says not whose number it is: it is known among this sender's messages only, and may be two patients'",
         "the system as a URI: urn:oid:1.2.3", "FHIR R4 Identifier.system"),
    Need(_W, "identity.not-a-person-number", _no_person_number,
         "said to be a national person number, and none: length, date or control digits do not hold",
         "the number as the national register has it, or the system that it really has", "no-basis-Patient"),
    Need(_W, "identity.names-nobody", _names_nobody,
         "names nobody, or not this patient alone: what stands for an unknown number, a policy's (MB, SN), whoever pays (GI, GN), a"
         " stay's or an account's (VN, AN). The hub does not know the patient by it: it would make several patients one",
         "nothing where no number is known; the policy's number in Coverage, the account's in Account, the visit's in Encounter",
         "FHIR R4 Identifier.type"),
    Need(_W, "identity.no-person-number", _without_person_number,
         "no national person number: locks that the patient has set under it, and what other providers sent, are not found",
         "an identifier in urn:oid:2.16.578.1.12.4.1.4.1 (D-number .4.2, common help number .4.3)", "no-basis-Patient"),
    Need(_W, "routing.no-municipality", _without_municipality,
         "no municipality number: the patient's municipality is not told, unless an earlier message named it",
         "the four digits as the code of address.district, or as the district", "no-basis-Address"),
    Need(_W, "routing.no-gp", _without_gp,
         "no general practitioner: the patient's is not told, unless an earlier message named one",
         "a reference with the identifier of the practitioner (HPR) or the practice (organisation number)", "FHIR R4 Patient"),
    Need(_W, "routing.gp-unknown", _gp_of_nobody,
         "the practitioner's number is of no register that providers are known by (organisation number, HER-id, HPR): nobody is told as GP",
         "the register's system: urn:oid:2.16.578.1.12.4.1.4.4 (HPR), .4.101 (organisation number)", "no-basis-Patient"),
    Need(_N, "routing.no-receiver", _to_nobody,
         "nobody is named as a receiver: only those who subscribe are told", "who the message is for, where it is for someone",
         "FHIR R4 MessageHeader"),
    Need(_W, "pathway.no-class", _without_class,
         "no patient class the hub knows: it counts as a stay in a bed, and subscriptions to a class do not match",
         "a code of v3-ActCode such as IMP, EMER or AMB", "FHIR R4 Encounter.class"),
    Need(_W, "pathway.no-ward", _without_ward,
         "no place: the ward's occupancy is not right, and subscriptions to a ward do not match",
         "a location with status active, its name or its chain of partOf up to the ward", "FHIR R4 Encounter.location"),
    Need(_W, "pathway.no-visit-number", _without_visit,
         "no visit number: all the patient's stays with this sender count as one",
         "an identifier of type VN that the stay keeps from its first message on", "FHIR R4 Encounter.identifier"),
    Need(_W, "pathway.no-period", _without_period,
         "no time of admission or discharge: the time of the event stands for it", "the time, with its offset", "FHIR R4 Encounter.period"),
    Need(_W, "time.no-event-time", _without_time,
         "no time of the event: when the hub had the message stands for it", "an instant", "FHIR R4 Bundle.timestamp"),
    Need(_W, "consent.unknown-label", _unknown_label,
         "a security label that the hub does not know: nobody but the sender gets the message",
         "a code of v3-Confidentiality or of v3-ActCode (InformationSensitivityPolicy)", "FHIR R4 security-labels"),
    Need(_N, "hl7v2.no-translation", _no_v2,
         "the hub has no HL7 v2 message for this event: deliveries to HL7 v2 recipients wait for a person", "ask the hub's operator", ""),
)  # fmt: skip


def judge(raw: bytes, terms: Terms) -> Judged:
    """Judge one message Bundle, or what a FHIR server pushes instead. Total: whatever it is, findings come out."""
    try:
        return _judged(raw, envelope(raw), terms)
    except Rejected as exc:
        if (exc.reason, exc.where) != (Reason.NOT_A_MESSAGE, "Bundle.type"):
            return Judged((_told(Refusal(exc.reason, exc.where)),))
    try:
        return _pushed(raw, terms)
    except Rejected as exc:
        return Judged((_told(Refusal(exc.reason, exc.where)),))


def _judged(raw: bytes, seen: Envelope, terms: Terms) -> Judged:
    """A message. Raises Rejected."""
    refusal = _refusal(raw, seen, terms)
    message = FhirMessage(_received(seen, raw))
    event = message.event()
    if refusal is not None:
        return Judged((_told(refusal),), seen.trigger)
    case = _Case(read(raw), seen, event, _has_v2(message))
    found = (*_unmet(case), *_broken(seen, terms))
    return Judged(found, seen.trigger, (seen.application, seen.sender, seen.control_id))


def _pushed(raw: bytes, terms: Terms) -> Judged:
    """Changes: those that are refused, and what is wanting in the messages that the hub makes of the others. Raises Rejected."""
    if len(raw) > terms.frame_bytes_max:
        raise Rejected(Reason.TOO_LARGE, "Bundle")
    split = parts.split(submission.read(raw), _SENDER)
    found = [_told(refusal) for refusal in split.refused.values()]
    whoever = replace(
        terms, profile=replace(terms.profile, applications=(), facilities=(), messages=())
    )  # who pushes is known by its token
    for part in split.parts:
        try:
            found += _judged(part.raw, part.envelope, whoever).findings
        except Rejected as exc:
            found.append(_told(Refusal(exc.reason, part.place(exc.where))))
    return Judged(tuple({(f.code, f.place): f for f in found}.values()))


def _refusal(raw: bytes, seen: Envelope, terms: Terms) -> Refusal | None:
    if len(raw) > terms.frame_bytes_max:
        return Refusal(Reason.TOO_LARGE)
    if terms.profile.facilities and not set(seen.senders) & set(terms.profile.facilities):
        return Refusal(Reason.UNKNOWN_SENDER, "MessageHeader.sender")
    place = unwelcome(raw, terms.profile.person_numbers or terms.person_numbers)
    return Refusal(Reason.UNWELCOME_PERSON_NUMBER, place) if place else None


def _told(refusal: Refusal) -> Finding:
    problem = refusal.reason.value.replace("_", " ")
    return Finding(Severity.ERROR, f"refused.{refusal.reason.value}", refusal.where or "Bundle", problem, ANSWERS[refusal.reason].act)


def _unmet(case: _Case) -> Iterator[Finding]:
    for need in NEEDS:
        for place, detail in need.test(case):
            problem = f"{need.problem} ({detail})" if detail else need.problem
            yield Finding(need.severity, need.code, place, problem, need.instead, need.section)


def _broken(seen: Envelope, terms: Terms) -> Iterator[Finding]:
    agreements = (
        ("agreed.application", "MessageHeader.source.name", seen.application, terms.profile.applications),
        ("agreed.message", "MessageHeader.event", seen.trigger, terms.profile.messages),
    )
    for code, place, found, agreed in agreements:
        if agreed and found not in agreed:
            yield Finding(_W, code, place, "not what was agreed with this sender", f"one of {', '.join(agreed)}")


def _has_v2(message: FhirMessage) -> bool:
    try:
        message.render(Form.HL7V2, Detail.FULL, _ANYBODY)
    except Rejected:
        return False
    return True


def _received(seen: Envelope, raw: bytes) -> Received:
    """The record the door would make; nothing of it is kept."""
    return Received(
        event_id=event_id(Adapter.FHIR, _SENDER, seen.application, seen.sender, seen.control_id, raw),
        adapter=Adapter.FHIR,
        provider=_SENDER,
        application=seen.application,
        sender=seen.sender,
        control_id=seen.control_id,
        trigger=seen.trigger,
        patient_key="",
        identifiers=seen.identifiers,
        received_us=0,
        encoding="utf-8",
        raw=raw,
        answer="",
    )
