"""The envelope of a KITH message (MsgHead v1.2): all that is read before the answer, and the one place its patient is read from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hub.adapters.kith import schema
from hub.adapters.kith.document import parse
from hub.adapters.kith.mappings import ANSWER, ANY_LOGISTICS, DIALOGUES, DOCUMENTS, ELEMENTS, SENDINGS, TYPES
from hub.adapters.kith.mappings.models import DIALOG_1_0, DIALOG_1_1, MSGHEAD
from hub.adapters.markup import Element
from hub.adapters.volven import DISCHARGE_ANSWER, LOGISTICS, OTHER, THEME
from hub.errors import Reason, Rejected
from hub.identity import NO_BASIS, are_too_many, judged, names_nobody, unsound
from hub.model import Identifier, Kind
from hub.numbers import PersonNumbers

VERSION: Final = "v1.2 2006-05-24"
INFO: Final = "MsgHead/MsgInfo"
SENDER: Final = f"{INFO}/Sender"
CONTROL_ID: Final = f"{INFO}/MsgId"
_CONTENT: Final = "MsgHead/Document/RefDoc/Content"
_PATIENT: Final = f"{INFO}/Patient"
_LOGISTICS: Final = re.compile(r"http://www\.kith\.no/xmlstds/po/Pasientlogistikk/\d{4}-\d\d-\d\d", re.ASCII)
_CONTROL_ID_MAX: Final = 255
_NAME_MAX: Final = 512
_LEVELS_MAX: Final = 8  # of an organisation in another


@dataclass(frozen=True, slots=True)
class Heading:
    """What identifies a message, taken or not. ``senders``: every name it gives its sender, the innermost unit's first."""

    senders: tuple[str, ...] = field(repr=False)
    control_id: str = field(repr=False)  # MsgId
    trigger: str = field(repr=False)  # Type, Volven 8279

    @property
    def sender(self) -> str:
        """The first of ``senders``, "" when there is none."""
        return self.senders[0] if self.senders else ""

    @property
    def application(self) -> str:
        """MsgHead does not name the sending system."""
        return ""


@dataclass(frozen=True, slots=True)
class Envelope(Heading):
    """What is known of a message before its answer."""

    processing_id: str = ""  # ProcessingStatus: P, D or ""
    encoding: str = "utf-8"
    identifiers: tuple[Identifier, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is built as its schema says, and what it says happened."""

    root: Element = field(repr=False)
    encoding: str
    kind: Kind
    type: str  # Volven 8279; of older logistics messages the one their payload stands for
    payload: Element | None = field(repr=False)  # the content of the first document, where that is XML
    event: Element | None = field(repr=False)  # TidsfestetHendelse, of logistics

    @property
    def info(self) -> Element:
        """MsgInfo."""
        return _must(self.root.first("MsgInfo"), INFO)

    @property
    def patient(self) -> Element:
        """MsgInfo/Patient."""
        return _must(self.info.first("Patient"), _PATIENT, Reason.MISSING_PATIENT)

    @property
    def documents(self) -> list[Element]:
        """RefDoc of every document, in order."""
        return [ref for d in self.root.all("Document") if (ref := d.first("RefDoc")) is not None]


def _must(found: Element | None, place: str, reason: Reason = Reason.MISSING_FIELD) -> Element:
    if found is None:
        raise Rejected(reason, place)
    return found


def read(raw: bytes) -> Message:
    """The message in some bytes, checked.

    Raises Rejected: those of ``parse`` and ``schema.check``, UNSUPPORTED_TYPE, UNSUPPORTED_VERSION, UNSUPPORTED_EVENT, UNSUPPORTED_FORMAT.
    """
    return of_tree(*parse(raw))


def envelope(raw: bytes) -> Envelope:
    """Header and patient of a message. Raises Rejected; ``where`` is a path of element names."""
    return envelope_of(read(raw))


def of_tree(root: Element, encoding: str) -> Message:
    """``read`` of a document that was parsed before."""
    if (root.namespace, root.name) != (MSGHEAD, "MsgHead"):
        raise Rejected(Reason.UNSUPPORTED_TYPE, "AppRec" if root.name == "AppRec" else "document")
    version = root.text("MsgInfo", "MIGversion")
    if version not in ("", VERSION):  # before the rest: of another version nothing can be said
        raise Rejected(Reason.UNSUPPORTED_VERSION, f"{INFO}/MIGversion")
    schema.check(root)
    type_, payload = _carried(root), _payload(root)
    if type_ in DIALOGUES:
        return Message(root, encoding, _dialogue(type_, payload), type_, payload, None)
    if type_ in DOCUMENTS:
        return Message(root, encoding, DOCUMENTS[type_], type_, payload, None)
    return _logistics(root, encoding, type_, payload)


def _carried(root: Element) -> str:
    """The message's type. Raises Rejected for what the hub does not carry."""
    if root.first("PatientReport") is not None:
        raise Rejected(Reason.UNSUPPORTED_TYPE, "MsgHead/PatientReport")
    if root.value("MsgInfo", "Type") not in TYPES:
        raise Rejected(Reason.UNSUPPORTED_TYPE, f"{INFO}/Type")
    for document in root.all("Document"):
        if document.value("RefDoc", "Compression"):
            raise Rejected(Reason.UNSUPPORTED_FORMAT, "MsgHead/Document/RefDoc/Compression")
    return root.value("MsgInfo", "Type")


def _payload(root: Element) -> Element | None:
    document = root.first("Document", "RefDoc")
    if document is None or document.value("MsgType") == "A":
        return None
    content = document.first("Content")
    return next(iter(content.children), None) if content is not None else None


def _dialogue(type_: str, payload: Element | None) -> Kind:
    """An answer on a patient ready for discharge is news for the pathway; every other dialogue is a document."""
    if payload is None:
        raise Rejected(Reason.MISSING_FIELD, _CONTENT)
    if payload.namespace not in (DIALOG_1_0, DIALOG_1_1):
        raise Rejected(Reason.BAD_VALUE, _CONTENT)
    for note in payload.all("Notat"):
        theme = note.first("TemaKodet")
        if theme is not None and theme.value() == DISCHARGE_ANSWER and theme.attributes.get("S", "").strip() == THEME:
            return Kind.DISCHARGE_ANSWERED
    return DIALOGUES[type_]


def _logistics(root: Element, encoding: str, type_: str, payload: Element | None) -> Message:
    """Pasientlogistikk: known by its parts, not by a schema (see docs)."""
    if payload is None:
        raise Rejected(Reason.MISSING_FIELD, _CONTENT)
    if payload.name != "Pasientlogistikk" or not _LOGISTICS.fullmatch(payload.namespace):
        raise Rejected(Reason.BAD_VALUE, _CONTENT)
    place = f"{_CONTENT}/Pasientlogistikk"
    said = [child for child in payload.children if child.name in ELEMENTS]
    if len(said) != 1:
        raise Rejected(Reason.BAD_VALUE if said else Reason.MISSING_FIELD, place)
    meant = ELEMENTS[said[0].name]
    if type_ not in (meant, ANY_LOGISTICS):
        raise Rejected(Reason.BAD_VALUE, f"{INFO}/Type")
    status = payload.value("InformasjonOmForsendelsen", "Forsendelsesstatus") or "N"
    if status not in SENDINGS:
        reason = Reason.UNSUPPORTED_EVENT if status == "H" else Reason.BAD_VALUE
        raise Rejected(reason, f"{place}/InformasjonOmForsendelsen/Forsendelsesstatus")
    if meant == ANSWER and SENDINGS[status]:  # an answer that is taken back: no event says that, and it is no answer
        raise Rejected(Reason.UNSUPPORTED_EVENT, f"{place}/InformasjonOmForsendelsen/Forsendelsesstatus")
    if meant == ANSWER:
        return Message(root, encoding, Kind.DISCHARGE_ANSWERED, meant, payload, None)
    _, code, new, cancelled = LOGISTICS[meant]
    events = said[0].all("TidsfestetHendelse")
    event = next((e for e in events if e.value("Hendelsekode") == code), events[0] if events else None)
    return Message(root, encoding, cancelled if SENDINGS[status] else new, meant, payload, event)


def envelope_of(message: Message) -> Envelope:
    """The envelope of a message that was read. Raises Rejected(MISSING_CONTROL_ID, MISSING_PATIENT, BAD_VALUE, TOO_COMPLEX)."""
    given = heading(message.root)
    if given is None:
        is_there = bool(message.info.text("MsgId"))
        raise Rejected(Reason.BAD_VALUE if is_there else Reason.MISSING_CONTROL_ID, CONTROL_ID)
    processing = message.info.value("ProcessingStatus")
    return Envelope(given.senders, given.control_id, given.trigger, processing, message.encoding, identifiers(message.patient))


def heading(root: Element) -> Heading | None:
    """What identifies a document that may not be taken; None when it is no MsgHead or has no id to be known by."""
    info = root.first("MsgInfo")
    if (root.namespace, root.name) != (MSGHEAD, "MsgHead") or info is None:
        return None
    control_id, trigger = info.text("MsgId"), info.value("Type")
    if not control_id or len(control_id) > _CONTROL_ID_MAX or not (control_id + trigger).isprintable() or len(trigger) > _NAME_MAX:
        return None
    return Heading(tuple(names(info.first("Sender", "Organisation"))), control_id, trigger)


def identifiers(patient: Element) -> tuple[Identifier, ...]:
    """Those Ident of a patient that name somebody, canonical, none twice. Raises Rejected(MISSING_PATIENT, BAD_VALUE, TOO_COMPLEX)."""
    found: dict[Identifier, None] = {}
    doubtful: dict[Identifier, None] = {}
    for ident in patient.all("Ident"):
        value, system = ident.text("Id"), system_of(ident)
        if not (value.isprintable() and system.isprintable()) or len(value) > _NAME_MAX or len(system) > _NAME_MAX:
            raise Rejected(Reason.BAD_VALUE, f"{_PATIENT}/Ident/Id")
        known, is_doubtful = judged(system, value)
        if value and not names_nobody(known):
            (doubtful if is_doubtful else found)[known] = None
    found = found or doubtful
    if not found:
        raise Rejected(Reason.MISSING_PATIENT, f"{_PATIENT}/Ident")
    if are_too_many(found):
        raise Rejected(Reason.TOO_COMPLEX, f"{_PATIENT}/Ident")
    return tuple(found)


def beside(patient: Element, known: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
    """National numbers that do not hold, of the patient whose other identifiers these are."""
    return unsound((judged(system_of(i), i.text("Id"))[0] for i in patient.all("Ident") if i.text("Id")), known)


def unwelcome(message: Message, allowed: PersonNumbers) -> str:
    """Where the patient is named by a number the hub does not take; "" = nowhere."""
    for n, ident in enumerate(message.patient.all("Ident"), 1):
        if not allowed.takes(ident.text("Id")):
            return f"{_PATIENT}/Ident[{n}]/Id"
    return ""


def system_of(ident: Element) -> str:
    """The system of an identifier: its type in no-basis, what OT says of another type, else the type itself."""
    kind = ident.value("TypeId")
    type_id = ident.first("TypeId")
    words = type_id.attributes.get("OT", "").strip() if type_id is not None else ""
    return NO_BASIS.get(kind) or (words if kind in ("", OTHER) and words else kind)


def chain(organisation: Element | None) -> Iterator[Element]:
    """An organisation and the units in it, the innermost first."""
    levels: list[Element] = []
    while organisation is not None and len(levels) < _LEVELS_MAX:
        levels.append(organisation)
        organisation = organisation.first("Organisation")
    return reversed(levels)


def names(organisation: Element | None) -> dict[str, None]:
    """Every name and number of an organisation and its units, the innermost's first; in order, none twice."""
    found: dict[str, None] = {}
    units = list(chain(organisation))
    for unit in units:
        for ident in unit.all("Ident"):
            value, system = ident.text("Id"), system_of(ident)
            found |= dict.fromkeys((value, f"{system}|{value}") if system and value else (value,))
    found |= dict.fromkeys(unit.text("OrganisationName") for unit in units)
    return {name: None for name in found if name and name.isprintable() and len(name) <= _NAME_MAX}
