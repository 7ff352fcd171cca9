"""The nouns of the hub: frozen values, no I/O, no clock.

Times are whole microseconds since 1970-01-01T00:00:00Z and end in ``_us``; whoever needs a civil time converts at
the edge (Europe/Oslo). Fields that can hold patient data are kept out of every ``repr``.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from hub.errors import Reason


class Adapter(StrEnum):
    """The protocol a message came in by."""

    HL7V2 = "hl7v2"
    FHIR = "fhir"
    KITH = "kith"


class Form(StrEnum):
    """The form a recipient takes a message in."""

    HL7V2 = "hl7v2"
    FHIR = "fhir"
    KITH = "kith"


class Channel(StrEnum):
    """How a message leaves the hub."""

    MLLP = "mllp"
    FHIR = "fhir"
    EDI = "edi"  # KITH XML by HTTP
    POLL = "poll"  # KITH XML, fetched by its receiver
    MAILBOX = "mailbox"


class Detail(StrEnum):
    """How much a subscription shows: FULL > MINIMAL (patient, encounter, no clinical content) > NOTICE (what happened, to whom)."""

    FULL = "full"
    MINIMAL = "minimal"
    NOTICE = "notice"


class ProviderKind(StrEnum):
    """What a provider is in the region."""

    HOSPITAL = "hospital"
    MUNICIPALITY = "municipality"
    GP = "gp"
    OTHER = "other"


class Kind(StrEnum):
    """What happened to the patient: the vocabulary of subscriptions. HL7 v2 events beside each; FHIR maps to the same."""

    ADMITTED = "patient.admitted"  # A01
    REGISTERED = "patient.registered"  # A04
    PREADMITTED = "patient.preadmitted"  # A05
    TRANSFERRED = "patient.transferred"  # A02 A17
    CLASS_CHANGED = "patient.class_changed"  # A06 A07
    UPDATED = "patient.updated"  # A08 A28 A31
    DISCHARGED = "patient.discharged"  # A03
    READY_FOR_DISCHARGE = "patient.ready_for_discharge"  # A16
    NOT_READY_FOR_DISCHARGE = "patient.not_ready_for_discharge"  # A25
    DEPARTED = "patient.departed"  # A09: on the way to another place
    ARRIVED = "patient.arrived"  # A10
    DELETED = "patient.deleted"  # A23 A29
    MERGED = "patient.merged"  # A18 A34 A39 A40 A41 A47
    LINKED = "patient.linked"  # A24
    UNLINKED = "patient.unlinked"  # A37
    ADMISSION_PLANNED = "admission.planned"  # A14
    ADMISSION_PLAN_CANCELLED = "admission.plan_cancelled"  # A27
    ADMISSION_CANCELLED = "admission.cancelled"  # A11
    PREADMISSION_CANCELLED = "preadmission.cancelled"  # A38
    TRANSFER_PLANNED = "transfer.planned"  # A15
    TRANSFER_PLAN_CANCELLED = "transfer.plan_cancelled"  # A26
    TRANSFER_CANCELLED = "transfer.cancelled"  # A12
    DISCHARGE_CANCELLED = "discharge.cancelled"  # A13
    DISCHARGE_ANSWERED = "discharge.answered"  # a municipality's answer on a patient ready for discharge: KITH only, v2 has none
    LEAVE_STARTED = "leave.started"  # A21
    LEAVE_ENDED = "leave.ended"  # A22
    ENCOUNTER_MOVED = "encounter.moved"  # A45: a visit that was written on the wrong patient
    ALLERGIES_UPDATED = "allergies.updated"  # A60
    OBSERVATION_REPORTED = "observation.reported"  # ORU^R01 OUL^R22 OUL^R23 OUL^R24
    DOCUMENT_PUBLISHED = "document.published"  # MDM
    REFERRAL_SENT = "referral.sent"  # REF^I12
    REFERRAL_UPDATED = "referral.updated"  # REF^I13
    REFERRAL_CANCELLED = "referral.cancelled"  # REF^I14
    REFERRAL_ANSWERED = "referral.answered"  # RRI^I12 RRI^I13 RRI^I14
    ORDER_PLACED = "order.placed"  # ORM^O01 OML^O21 OMG^O19
    MEDICATION_ORDERED = "medication.ordered"  # RDE^O11 RDE^O25
    MEDICATION_DISPENSED = "medication.dispensed"  # RDS^O13
    IMMUNIZATION_RECORDED = "immunization.recorded"  # VXU^V04
    PROBLEM_ADDED = "problem.added"  # PPR^PC1
    PROBLEM_UPDATED = "problem.updated"  # PPR^PC2
    PROBLEM_DELETED = "problem.deleted"  # PPR^PC3
    APPOINTMENT_BOOKED = "appointment.booked"  # SIU^S12
    APPOINTMENT_RESCHEDULED = "appointment.rescheduled"  # SIU^S13
    APPOINTMENT_UPDATED = "appointment.updated"  # SIU^S14
    APPOINTMENT_CANCELLED = "appointment.cancelled"  # SIU^S15 S16 S17
    APPOINTMENT_MISSED = "appointment.missed"  # SIU^S26
    ACCOUNT_OPENED = "account.opened"  # BAR^P01
    ACCOUNT_UPDATED = "account.updated"  # BAR^P05 P12
    ACCOUNT_CLOSED = "account.closed"  # BAR^P06
    ACCOUNT_PURGED = "account.purged"  # BAR^P02
    CHARGE_POSTED = "charge.posted"  # DFT^P03 P11
    DEADLINE_BREACHED = "pathway.deadline_breached"  # raised by the hub's own pathway, never by a sender


class Relation(StrEnum):
    """What ties a provider to a patient. The first three are treating relations; a subscription that matches is one by agreement only."""

    GP = "gp"  # the patient's general practitioner
    ADDRESSED = "addressed"  # the sender wrote this provider as a receiver
    PATHWAY = "pathway"  # it sent for this patient, or was addressed about this patient, before
    SUBSCRIPTION = "subscription"  # it subscribes to such events of such patients


class Outcome(StrEnum):
    """What became of a message in transit."""

    ROUTED = "routed"
    NO_RECIPIENT = "no_recipient"  # nobody subscribes to it for this patient
    QUARANTINED = "quarantined"
    REPEAT = "repeat"  # same sender, control id and bytes as an earlier one: answered again, no new effect


class Result(StrEnum):
    """A decision's answer. REDACT = permitted without some of its items. HOLD = not now: asked again later, never a permit."""

    PERMIT = "permit"
    REDACT = "redact"
    DENY = "deny"
    HOLD = "hold"


class Rule(StrEnum):
    """Which row of the decision table decided (see docs: consent). The number is the row's place in the table."""

    PATIENT_UNRESOLVED = "1-patient-unresolved"
    CONSENT_UNREADABLE = "2-consent-unreadable"
    RECIPIENT_UNKNOWN = "3-recipient-unknown"
    LABEL_UNKNOWN = "4-label-unknown"
    OWN_RECORD = "5-own-record"
    PATIENT_THEMSELVES = "6-patient-themselves"
    REPRESENTATIVE = "7-representative"
    STATUTORY_DUTY = "8-statutory-duty"
    EMERGENCY = "9-emergency"
    CONSENT_AFTER_LOCK = "10-consent-after-lock"
    LOCKED = "11-locked"
    EXPLICIT_PERMIT = "12-explicit-permit"
    TREATING_RELATION = "13-treating-relation"
    NO_RELATION = "14-no-relation"


class AttemptOutcome(StrEnum):
    """How one delivery attempt ended. The first three settle the delivery; the others are followed by another attempt or by a person."""

    DELIVERED = "delivered"
    WITHHELD = "withheld"  # asked again at the attempt, and the answer was no
    DISCARDED = "discarded"  # released by an operator without being sent
    REFUSED = "refused"  # AE/AR/CE/CR or 4xx: parked with its reason
    FAILED = "failed"  # could not connect, 5xx, 429, no or wrong answer: tried again
    HELD = "held"  # asked, and the answer was "not now"
    UNKNOWN = "unknown"  # may have been sent: handed to one who fetches and not said to be read, or the process died after it asked


class ReceiptStatus(StrEnum):
    """What a receiver's application said of a document it was given (Volven 8258)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PARTLY = "partly"  # taken, but for a part of it


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier as (system, value); system is a URI, a v2 namespace, or "" when none was given."""

    system: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message was refused and where; no value of the message."""

    reason: Reason
    where: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as the gateway took it: the raw bytes and the envelope, read once. The record of topic ``inbound``."""

    event_id: str  # UUID text derived from provider, sender, control id and the bytes
    adapter: Adapter
    provider: str  # the hub's id of the authenticated sender; "" when refused before it was known
    application: str = field(repr=False)  # MSH-3 / MessageHeader.source.name
    sender: str = field(repr=False)  # MSH-4 / MessageHeader.sender
    control_id: str = field(repr=False)  # MSH-10 / Bundle.identifier or Bundle.id
    trigger: str = field(repr=False)  # "ADT^A01" / FHIR event code
    patient_key: str  # keyed hash, "" when the patient is not known
    identifiers: tuple[Identifier, ...] = field(repr=False)
    received_us: int
    encoding: str  # Python codec the raw bytes were found to be in
    raw: bytes = field(repr=False)
    answer: str  # "AA", "CA", "AE", "AR", ... or the HTTP status as text
    refusal: Refusal | None = None
    also: tuple[str, ...] = ()  # every key it is recorded under, where it joins or parts patients; () = its own. Not part of the record


@dataclass(frozen=True, slots=True)
class Event:
    """What a message means: all that routing, consent, pathway and operations need, and no clinical content."""

    event_id: str
    kind: Kind
    adapter: Adapter
    provider: str  # source provider's hub id
    control_id: str = field(repr=False)
    patient_key: str
    identifiers: tuple[Identifier, ...] = field(repr=False)
    received_us: int
    occurred_us: int  # EVN-6, EVN-2 or MSH-7; MessageHeader/Bundle time in FHIR; received_us if none was given
    addressed: tuple[str, ...] = field(default=(), repr=False)  # names of the receivers the sender wrote (MSH-6, MSH-5; destination)
    municipality: str = field(default="", repr=False)  # 4-digit municipality number of the patient's address
    gps: tuple[Identifier, ...] = field(default=(), repr=False)  # the patient's GP: organisation or practitioner identifiers
    ward: str = ""  # PV1-3.1 / Encounter.location
    encounter_class: str = ""  # HL7 v2 table 0004 code: I, O, E, P, ...
    encounter_id: str = field(default="", repr=False)  # PV1-19 / Encounter.identifier
    labels: tuple[str, ...] = ()  # security labels, v3-Confidentiality or ActCode codes; unknown ones as written
    merged: tuple[Identifier, ...] = field(default=(), repr=False)  # MRG-1: the retired identifiers
    apart: tuple[Identifier, ...] = field(default=(), repr=False)  # the second PID of A37: whom the patient is not
    beside: tuple[Identifier, ...] = field(
        default=(), repr=False
    )  # national numbers that do not hold: they name nobody, a lock on one holds
    admitted_us: int | None = None  # PV1-44 / Encounter.period.start
    discharged_us: int | None = None  # PV1-45 / Encounter.period.end


class Message(Protocol):
    """A received message that an adapter can read; ``pipeline.plan`` is written against this."""

    @property
    def received(self) -> Received: ...

    @property
    def known_as(self) -> tuple[str, ...]:
        """Other ids its sender or a receiver may look for it by, beside the control id (the id of a Bundle that has an identifier too)."""
        ...

    def event(self) -> Event:
        """What it means. Raises Rejected."""
        ...

    def items(self) -> "tuple[Item, ...]":
        """What can be left out of it, each with the labels of the whole beside its own. Raises Rejected."""
        ...

    def without(self, keys: Collection[str]) -> "Message | None":
        """The message as if it had never held these items: deterministic, and nothing in it depends on what they were.

        None when nothing of what it was sent for is left. Raises Rejected.
        """
        ...

    def render(self, form: Form, detail: Detail, recipient: "Provider") -> bytes:
        """The bytes one recipient gets: deterministic in (received, form, detail, recipient). Raises Rejected(NO_TRANSLATION)."""
        ...


@dataclass(frozen=True, slots=True)
class Deliver:
    """Where a provider takes its messages: mllp needs host and port, fhir and edi a url, poll and mailbox nothing."""

    channel: Channel
    host: str = ""
    port: int = 0
    url: str = ""
    connections: int = 8  # at most this many at once
    on_refusal: str = "hold"  # "hold" the patient's later messages behind a refused one, or "release" them
    application: str = ""  # MSH-5 to write; "" = the provider's id
    facility: str = ""  # MSH-6 to write; "" = the provider's first sender, else its organisation, else its id
    tls_ca: str = ""  # PEM file that signs the receiver's certificate; "" = plaintext (loopback only) or the system's CAs for https

    @property
    def form(self) -> Form:
        """The form this channel takes: a mailbox takes FHIR, as a FHIR server does."""
        return _FORMS.get(self.channel, Form.FHIR)


_FORMS: Final = {Channel.MLLP: Form.HL7V2, Channel.EDI: Form.KITH, Channel.POLL: Form.KITH}


@dataclass(frozen=True, slots=True)
class Provider:
    """An organisation the hub knows."""

    id: str
    name: str
    kind: ProviderKind
    organisation: str  # "974749025", or "system|value"
    senders: tuple[str, ...]
    deliver: Deliver
    certificates: tuple[str, ...] = ()  # SHA-256 of the DER certificates it may connect with, hex
    suspended: bool = False
    undeclared_encoding: str = ""  # of its messages that declare no character set; "" = the hub's setting
    supervisor: str = field(default="", repr=False)  # who is told of its emergency access: mailto:ADDRESS or URL; "" = it can have none


@dataclass(frozen=True, slots=True)
class Where:
    """The conditions of a subscription; several = and; "" = any."""

    municipality: str = ""
    relation: str = ""  # gp | addressed | pathway
    ward: str = ""
    encounter_class: str = ""  # "class" in the file
    source: str = ""  # provider id


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a provider wants to be told."""

    id: str
    provider: str
    events: tuple[str, ...]  # Kind values, "patient.*" or "*"
    where: Where
    detail: Detail
    purpose: str = "TREAT"  # v3-ActReason


class Base(StrEnum):
    """What holds where a consent says nothing: the two base policies give its answers different force."""

    LAW = "law"  # permitted by law unless the patient objects (a Norwegian lock): an exception takes the lock away and grants nothing
    EXPLICIT = "explicit"  # denied unless permitted (IHE PCF): what permits, permits


class ActorKind(StrEnum):
    """What an actor of a consent is. Of a group nobody here knows the members, so a lock on one holds for everyone it could be."""

    ORGANISATION = "organisation"
    PERSON = "person"
    ROLE = "role"
    GROUP = "group"


class Meaning(StrEnum):
    """How a consent's data reference is meant (FHIR ConsentDataMeaning)."""

    INSTANCE = "instance"  # the thing itself
    RELATED = "related"  # the thing and what is linked with it: all of an encounter, an episode, a care plan
    AUTHORED_BY = "authoredby"  # what this author wrote


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, both ends inside it; None = open."""

    start_us: int | None = None
    end_us: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who a consent concerns, always as a recipient of information."""

    identifier: Identifier
    kind: ActorKind = ActorKind.ORGANISATION


@dataclass(frozen=True, slots=True)
class DataReference:
    """What a consent points at. A reference without an identifier is its literal text, such as ``Encounter/1``, without a system."""

    meaning: Meaning
    identifier: Identifier


@dataclass(frozen=True, slots=True)
class Provision:
    """A rule of a consent: it applies where each element that is given matches; of one element, any value will do."""

    deny: bool
    period: Span | None = None  # when the rule is in force
    data_period: Span | None = None  # when what it concerns happened
    actors: tuple[Actor, ...] = ()
    purposes: tuple[str, ...] = ()  # v3-ActReason
    labels: tuple[str, ...] = ()  # v3-Confidentiality as high-water marks (R = R and lower); v3-ActCode sensitivities with their kinds
    classes: tuple[str, ...] = ()  # FHIR resource types
    codes: tuple[tuple[str, str], ...] = ()  # (system, code)
    data: tuple[DataReference, ...] = ()
    exceptions: tuple["Provision", ...] = ()  # one level: they have none themselves


@dataclass(frozen=True, slots=True)
class Consent:
    """A patient's lock or permit in the hub's own terms, independent of the FHIR version it came in."""

    id: str
    version: int
    active: bool
    provision: Provision
    base: Base = Base.LAW
    given_us: int | None = None  # when the patient gave it; None = nobody said
    replaces: tuple[str, ...] = ()  # ids of consents that this one stands in for


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a message tells, small enough to be left out of it. Empty or None where nobody knows: a lock then matches."""

    key: str  # its place in the message: the same at every reading, and no patient data
    type: str = ""  # FHIR resource types it is told as, its own first, with spaces between
    labels: tuple[str, ...] = ()  # confidentiality and sensitivity; () = nobody has labelled it, which is taken as N
    codes: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # (system, code)
    first_us: int | None = None  # when it was clinically true, not when it was written
    last_us: int | None = None
    authors: tuple[Identifier, ...] = field(default=(), repr=False)
    ids: tuple[Identifier, ...] = field(default=(), repr=False)  # its own, as a data reference may name it: identifiers, ("", "Type/id")
    links: tuple[Identifier, ...] = field(default=(), repr=False)  # those of what it is about: its encounter, episode, care plan
    is_frame: bool = (
        False  # who, where and when only (a visit): what is clinical of it are items of their own, so no code or label is missing
    )

    @property
    def types(self) -> tuple[str, ...]:
        """The FHIR resource types, its own first."""
        return tuple(self.type.split())


@dataclass(frozen=True, slots=True)
class Policy:
    """All consents that concern one patient, as read at one moment; ``readable`` is False when any of them could not be read."""

    consents: tuple[Consent, ...] = ()
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Duty:
    """A notice that the law tells a source to give, whatever the patient has locked."""

    kind: Kind
    recipient: ProviderKind
    detail: Detail = Detail.MINIMAL  # the minimum content that the law asks for


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Where law and practice leave a limit to whoever runs the hub. Ages in whole years, by civil days in Europe/Oslo."""

    alone_years: int = 16  # from this age patients decide alone and their parents see nothing (pbrl section 4-3)
    youth_years: int = 13  # from this age patients may see some of their own, where ``limited`` says so
    child_years: int = 12  # below this age parents see what is theirs to see (pbrl section 3-4)
    limited: bool = False  # between these ages: True = what is labelled N or lower, False = nothing
    emergency_hours: float = 8.0  # how long emergency access lasts
    duties: tuple[Duty, ...] = ()
    labels_required: bool = False  # True = what carries no confidentiality label is shown to nobody


@dataclass(frozen=True, slots=True)
class PatientState:
    """What the hub remembers of a patient for routing."""

    municipality: str = field(default="", repr=False)
    gps: tuple[Identifier, ...] = field(default=(), repr=False)
    pathway: frozenset[str] = frozenset()  # provider ids that sent for, or were addressed about, this patient
    conflict: bool = False  # the identifiers point at two people: HOLD


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one candidate recipient, explaining itself."""

    recipient: str
    result: Result
    rule: Rule
    detail: Detail
    subscription: str = ""  # id of the subscription it answers to
    because: tuple[str, ...] = ()  # closed vocabulary: consent ids with version, relation names; no patient data
    dropped: tuple[str, ...] = ()  # keys of the items that were left out


@dataclass(frozen=True, slots=True)
class Delivery:
    """What to send to one recipient: fixed bytes, the same at every attempt."""

    recipient: str
    channel: Channel
    form: Form
    detail: Detail
    payload: bytes = field(repr=False)
    purpose: str = "TREAT"  # of the subscription it answers to: asked about again at every attempt
    dropped: tuple[str, ...] = ()  # keys of the items that were left out of it
    copy_id: str = ""  # the event id that a redacted copy bears and its other ids derive from; "" = the message's own


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one message leads to; written to the ledger in one transaction with its batch."""

    received: Received
    outcome: Outcome
    event: Event | None = None
    refusal: Refusal | None = None
    decisions: tuple[Decision, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    patient: PatientState | None = None  # the state after this message; None = unchanged
    errors: tuple[str, ...] = ()  # classes of what was raised in making it for a recipient: bugs, told once it is recorded
    items: tuple[Item, ...] = ()  # what it was asked about with; () = as a whole
