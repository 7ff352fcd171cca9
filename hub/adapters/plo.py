"""A message of the care pathway as KITH XML, for recipients that take it: Pasientlogistikk (PLO) and the answer to it.

Made of what every adapter has, the event and its R4 Bundle, so that each may use it without knowing another. The envelope (MsgHead v1.2)
and the answer (Dialogmelding v1.1) are by their schemas; Pasientlogistikk v1.6 is by its published parts (see docs), as no schema of it is
at hand. It holds no health information: who, what, when and where. The same arguments give the same bytes.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from hub.adapters.bundle import Json
from hub.adapters.markup import Element, made, to_bytes
from hub.adapters.volven import (
    ALIVE,
    DEAD,
    DISCHARGE_ANSWER,
    EVENT,
    EVENTS,
    ID_TYPES,
    LOCAL,
    LOGISTICS,
    OTHER,
    OUT_STATE,
    OUT_STATES,
    SEXES,
    STATUSES,
    THEME,
    TYPE_OF_SYSTEM,
    TYPES,
)
from hub.errors import Reason, Rejected
from hub.identity import kith_id
from hub.model import Detail, Event, Kind, Provider
from hub.numbers import is_organisation_number

MSGHEAD: Final = "http://www.kith.no/xmlstds/msghead/2006-05-24"
DIALOG: Final = "http://www.kith.no/xmlstds/dialog/2013-01-23"
LOGISTIC: Final = "http://www.kith.no/xmlstds/po/Pasientlogistikk/2012-04-01"
PO: Final = "http://www.kith.no/xmlstds/po/poKomponent/2012-04-01"
_MIDNIGHT: Final = "00:00:00"
ANSWER: Final = "DIALOG_HELSEFAGLIG"
_ZONE: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEVELS_MAX: Final = 8
_DIED: Final = frozenset({"exp", "20", "40", "41", "42"})  # discharge-disposition; HL7 v2 table 0112
_SCHEMES: Final = {"phone": "tel:", "fax": "fax:", "email": "mailto:"}
# Kind -> message type and whether it cancels an earlier one: what a new one says goes before what a cancelled one says
_SENDINGS: Final = {row[3]: (code, "C") for code, row in LOGISTICS.items()} | {row[2]: (code, "N") for code, row in LOGISTICS.items()}


@dataclass(frozen=True, slots=True)
class Copy:
    """What a composed message is made of. whole: the Bundle; shown: what of it the recipient may see, where all of the patient is from."""

    whole: Json = field(repr=False)
    shown: Json = field(repr=False)
    event: Event
    detail: Detail
    recipient: Provider

    def about(self, kind: str) -> Json:
        """What the recipient may see of the first resource of a type."""
        return _first(self.shown, kind)

    def told(self, kind: str) -> Json:
        """The first resource of a type in full: of the message, never of the patient."""
        return _first(self.whole, kind)

    def target(self, reference: Any) -> Json:
        """What a Reference leads to in the Bundle; ``{}`` when it is not there."""
        name = _text(_obj(reference).get("reference"))
        for entry in _list(self.whole.get("entry")):
            resource = _obj(entry.get("resource"))
            if name and name in (entry.get("fullUrl"), f"{resource.get('resourceType')}/{resource.get('id')}"):
                return resource
        return {}

    @property
    def shows_visit(self) -> bool:
        """Whether the recipient may see more than who it is and what happened."""
        return self.detail is not Detail.NOTICE


def _first(bundle: Json, kind: str) -> Json:
    """The first resource of a type, one in use before others (a merge retires patients); ``{}`` for none."""
    resources = (_obj(e.get("resource")) for e in _list(bundle.get("entry")))
    found = [r for r in resources if r.get("resourceType") == kind]
    return next((r for r in found if r.get("active") is not False), next(iter(found), {}))


def compose(copy: Copy) -> bytes:
    """The message in UTF-8. Raises Rejected(NO_TRANSLATION) for kinds that are neither logistics nor an answer to them."""
    kind = copy.event.kind
    if kind is Kind.DISCHARGE_ANSWERED:
        return to_bytes(_head(copy, ANSWER, _answer(copy)))
    if kind not in _SENDINGS:
        raise Rejected(Reason.NO_TRANSLATION)
    type_, status = _sending(copy)
    return to_bytes(_head(copy, type_, _logistics(copy, type_, status)))


def _sending(copy: Copy) -> tuple[str, str]:
    kind = copy.event.kind
    if kind in (Kind.DISCHARGED, Kind.DISCHARGE_CANCELLED):
        return ("LOG_DOD" if _is_dead(copy) else "LOG_UTSKREVET", "C" if kind is Kind.DISCHARGE_CANCELLED else "N")
    return _SENDINGS[kind]


def _is_dead(copy: Copy) -> bool:
    patient, stay = copy.about("Patient"), _obj(copy.about("Encounter").get("hospitalization"))
    codes = {_text(c.get("code")) for c in _list(_obj(stay.get("dischargeDisposition")).get("coding"))}
    return patient.get("deceasedBoolean") is True or bool(_text(patient.get("deceasedDateTime"))) or bool(codes & _DIED)


def _happened(copy: Copy) -> int:
    """When the patient was admitted or discharged, as the visit has it; else when the event was. Of one that knows the day only, that."""
    event = copy.event
    said = {Kind.ADMITTED: event.admitted_us, Kind.DISCHARGED: event.discharged_us}.get(event.kind) if copy.shows_visit else None
    if said is None or (_moment(said)[11:19] == _MIDNIGHT and _moment(said)[:10] == _moment(event.occurred_us)[:10]):
        return event.occurred_us
    return said


def _moment(us: int) -> str:
    """Microseconds since 1970 as an xsd:dateTime in Norwegian civil time with its offset, to the second."""
    return (_EPOCH + timedelta(microseconds=us)).astimezone(_ZONE).isoformat(timespec="seconds")


def _made_at(copy: Copy) -> str:
    """When the sender made the message; when the hub received it if the Bundle does not say."""
    try:
        said = datetime.fromisoformat(_text(copy.whole.get("timestamp")))
        return _moment((said - _EPOCH) // timedelta(microseconds=1))
    except (ValueError, TypeError, OverflowError):  # no time, no offset, no such day
        return _moment(copy.event.received_us)


def _head(copy: Copy, type_: str, payload: Element) -> Element:
    event = copy.event
    when = _made_at(copy)
    info = _mh(
        "MsgInfo", _mh("Type", V=type_, DN=TYPES[type_]), _mh("MIGversion", "v1.2 2006-05-24"), _mh("GenDate", when),
        _mh("MsgId", kith_id(event.event_id, copy.detail, copy.recipient.id)), _processing(copy), _mh("Ack", V="J", DN="Ja"),
        _conversation(copy), _mh("Sender", _sender(copy)), _mh("Receiver", _receiver(copy.recipient)), _patient(copy),
    )  # fmt: skip
    document = _mh("RefDoc", _mh("IssueDate", V=when), _mh("MsgType", V="XML", DN="XML-instans"), _mh("Content", payload))
    return _mh("MsgHead", info, _mh("Document", document))


def _mh(name: str, *parts: Element | str | None, **attributes: str) -> Element:
    return made(MSGHEAD, name, *parts, **attributes)


def _processing(copy: Copy) -> Element | None:
    tags = _list(_obj(copy.told("MessageHeader").get("meta")).get("tag"))
    code = next((_text(t.get("code")) for t in tags if _text(t.get("system")).endswith("v2-0103")), "")
    if code in {"T", "D"}:
        return _mh("ProcessingStatus", V="D", DN="Debugging")
    return _mh("ProcessingStatus", V="P", DN="Produksjon") if code == "P" else None


def _conversation(copy: Copy) -> Element | None:
    """The message this one answers, where the Bundle's document says so."""
    for relation in _list(copy.told("DocumentReference").get("relatesTo")):
        parent = _text(_obj(_obj(relation.get("target")).get("identifier")).get("value"))
        if parent:
            return _mh("ConversationRef", _mh("RefToParent", parent), _mh("RefToConversation", parent))
    return None


def _sender(copy: Copy) -> Element:
    """The sender as the Bundle has it, the unit in its organisation; else by the name the hub knows it by."""
    reference = _obj(copy.told("MessageHeader").get("sender"))
    unit, units = copy.target(reference), list[Json]()
    while unit.get("resourceType") == "Organization" and len(units) < _LEVELS_MAX:
        units.append(unit)
        unit = copy.target(unit.get("partOf"))
    if not units:
        return _organisation(_text(reference.get("display")) or copy.event.provider, [], copy.event.provider)
    made_: Element | None = None
    for one in units:
        name = _text(one.get("name"))
        made_ = _organisation(name or copy.event.provider, _list(one.get("identifier")), copy.event.provider, made_)
    return made_ or _organisation(copy.event.provider, [], copy.event.provider)


def _receiver(recipient: Provider) -> Element:
    system, bar, value = recipient.organisation.rpartition("|")
    kind = TYPE_OF_SYSTEM.get(system) if bar else "ENH" if is_organisation_number(value) else "HER" if value.isdigit() else ""
    ident = _ident(kind, value) if kind and value else _ident(LOCAL, recipient.id)
    return _mh("Organisation", _mh("OrganisationName", recipient.name or recipient.id), ident)


def _organisation(name: str, identifiers: list[Json], local: str, inner: Element | None = None) -> Element:
    known = [(TYPE_OF_SYSTEM.get(_text(i.get("system"))), _text(i.get("value"))) for i in identifiers]
    idents = [_ident(kind, value) for kind, value in known if kind in {"HER", "ENH", "RSH"} and value]
    return _mh("Organisation", _mh("OrganisationName", name), *(idents or [_ident(LOCAL, local)]), inner)


def _ident(kind: str, value: str, given: str = "") -> Element:
    """An identifier; a system that Volven has no type for is told in words."""
    system, name = ID_TYPES[kind]
    return _mh("Ident", _mh("Id", value), _mh("TypeId", V=kind, S=system, DN=name, OT=given if kind == OTHER else ""))


def _patient(copy: Copy) -> Element:
    patient = copy.about("Patient")
    name = next(iter(_list(patient.get("name"))), {})
    given = [_text(g) for g in name["given"]] if isinstance(name.get("given"), list) else []
    family = _text(name.get("family")) or (_text(name.get("text")) if not given else "")
    birth, sex = _text(patient.get("birthDate")), SEXES.get(_text(patient.get("gender")), ("", ""))
    parts = [
        _filled("FamilyName", family), _filled("MiddleName", " ".join(given[1:])), _filled("GivenName", "".join(given[:1])),
        _filled("DateOfBirth", birth if len(birth) == len("yyyy-mm-dd") else ""), _mh("Sex", V=sex[0], DN=sex[1]) if sex[0] else None,
        *(_ident(TYPE_OF_SYSTEM.get(system, OTHER), value, system) for system, value in _numbers(patient)),
    ]  # fmt: skip
    if copy.shows_visit:
        parts += [_address(copy, patient), *(t for c in _list(patient.get("telecom")) if (t := _telecom(c)) is not None)]
    return _mh("Patient", *parts)


def _numbers(patient: Json) -> list[tuple[str, str]]:
    return [(_text(i.get("system")), value) for i in _list(patient.get("identifier")) if (value := _text(i.get("value")))]


def _filled(name: str, text: str) -> Element | None:
    return _mh(name, text) if text else None


def _address(copy: Copy, patient: Json) -> Element | None:
    given = next(iter(_list(patient.get("address"))), {})
    lines = [_text(line) for line in given["line"]] if isinstance(given.get("line"), list) else []
    county = copy.event.municipality
    parts = (
        _filled("StreetAdr", ", ".join(line for line in lines if line)), _filled("PostalCode", _text(given.get("postalCode"))),
        _filled("City", _text(given.get("city"))), _mh("County", V=county) if county else None,
    )  # fmt: skip
    return _mh("Address", *parts) if any(p is not None for p in parts) else None


def _telecom(given: Json) -> Element | None:
    scheme = _SCHEMES.get(_text(given.get("system")))
    value = "".join(_text(given.get("value")).split())
    return _mh("TeleCom", _mh("TeleAddress", V=f"{scheme}{value}")) if scheme and value else None


def _logistics(copy: Copy, type_: str, status: str) -> Element:
    """Pasientlogistikk: the sending's status, and the event with its code, time and place."""
    element, code, *_ = LOGISTICS[type_]
    sending = made(PO, "InformasjonOmForsendelsen", made(PO, "Forsendelsesstatus", V=status, DN=STATUSES[status]))
    place = made(PO, "StedForHendelse", made(PO, "StedHendelse", copy.event.ward)) if copy.shows_visit and copy.event.ward else None
    event = made(
        PO, "TidsfestetHendelse", made(PO, "Hendelsekode", V=code, S=EVENT, DN=EVENTS[code]),
        made(PO, "TidspunktForHendelse", V=_moment(_happened(copy))), place,
    )  # fmt: skip
    out = None
    if type_ == "LOG_UTSKREVET" and copy.shows_visit:  # a notice shows no death, so it must not tell of a life either
        state = DEAD if _is_dead(copy) else ALIVE
        out = made(PO, "UtskrevetTil", made(PO, "Uttilstand", V=state, S=OUT_STATE, DN=OUT_STATES[state]))
    return made(LOGISTIC, "Pasientlogistikk", sending, made(LOGISTIC, element, out, event))


def _answer(copy: Copy) -> Element:
    """A dialogue under the theme of answers on receiving a patient; what is said, only to who may see it."""
    theme = made(DIALOG, "TemaKodet", V=DISCHARGE_ANSWER, S=THEME, DN="Tilbakemelding på mottak av utskrivningsklar pasient")
    said = _said(copy) if copy.detail is Detail.FULL else ""
    return made(DIALOG, "Dialogmelding", made(DIALOG, "Notat", theme, made(DIALOG, "TekstNotatInnhold", said) if said else None))


def _said(copy: Copy) -> str:
    """The plain text of the Bundle's document."""
    for content in _list(copy.told("DocumentReference").get("content")):
        attachment = _obj(content.get("attachment"))
        if _text(attachment.get("contentType")).startswith("text/plain"):
            try:
                return b64decode(_text(attachment.get("data")), validate=True).decode()
            except (NotBase64, ValueError):
                continue
    return ""


def _list(value: Any) -> list[Json]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _obj(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
