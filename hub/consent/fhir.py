"""FHIR R4 Consent -> the hub's own terms, or a refusal: a patient must not believe in a lock that the hub does not understand.

Understood: a root deny or permit (``provision.type``, else by ``policyRule``), for everyone or for actors named by identifier, always or
in a period. Anything more (nested provisions, labels, purposes, classes, data ...) would change the meaning, so it is refused at its place.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from hub.errors import Reason, Rejected
from hub.identity import HUB_PROVIDER, canonical
from hub.model import Actor, Base, Consent, Identifier, Provider, Provision, Span
from hub.numbers import has_national_checksum

OSLO: Final = ZoneInfo("Europe/Oslo")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STATUSES: Final = frozenset({"active", "inactive", "entered-in-error", "draft", "proposed", "rejected"})
# What a consent without a root type says, by the code of its policyRule (v3-ActCode): deny?
_BASE_DENIES: Final = MappingProxyType({"OPTOUT": True, "OPTIN": False})
# Elements that do not change what a provision, an actor or a period says; extensions that do are called modifierExtension.
_PROVISION: Final = frozenset({"id", "extension", "type", "period", "actor"})
_ACTOR: Final = frozenset({"id", "extension", "role", "reference"})
_PERIOD: Final = frozenset({"id", "extension", "start", "end"})
_NARROWING: Final = ("provision", "action", "class", "code", "data", "dataPeriod", "securityLabel", "purpose", "modifierExtension")
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class Organisations(Protocol):
    """Where the hub's ids of providers are looked up; the directory is one."""

    def provider(self, provider_id: str) -> Provider | None:
        """The provider of this id."""
        ...


def consent_from_fhir(resource: Mapping[str, Any], version: int, organisations: Organisations | None = None) -> tuple[Consent, Identifier]:
    """The consent and whose it is. Raises Rejected with the element's place, never its value.

    version: the number this writing of it gets. organisations: when given, a hub id that names no provider is refused.
    A consent that is not active has no force, so what it contains need not be understood for it to be stored, and thereby lifted.
    """
    if resource.get("resourceType") != "Consent":
        raise Rejected(Reason.UNSUPPORTED_CONSENT, "Consent")
    active = _status(resource) == "active"
    consent_id, patient = _id(resource), _patient(resource)
    try:
        _whole(resource)
        provision = _root(resource, organisations)
    except Rejected:
        if active:
            raise
        provision = Provision(deny=True)
    return Consent(consent_id, version, active, provision, Base.LAW if provision.deny else Base.EXPLICIT), patient


def _status(resource: Mapping[str, Any]) -> str:
    status = _text(resource, "status", "Consent.status")
    if status not in _STATUSES:
        raise Rejected(Reason.BAD_VALUE, "Consent.status")
    return status


def _id(resource: Mapping[str, Any]) -> str:
    """The resource's id. It is shown in decisions and logs, so it may not be a person's number."""
    value = _text(resource, "id", "Consent.id")
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", value) or has_national_checksum(value):
        raise Rejected(Reason.BAD_VALUE, "Consent.id")
    return value


def _patient(resource: Mapping[str, Any]) -> Identifier:
    where = "Consent.patient.identifier"
    identifier = _object(_object(resource.get("patient", {}), "Consent.patient").get("identifier", {}), where)
    value, system = identifier.get("value"), identifier.get("system", "")
    if not isinstance(value, str) or not value.strip() or not isinstance(system, str):
        raise Rejected(Reason.MISSING_PATIENT, where)
    # without a system it is whoever has the value, a person's number too: it must not be narrowed to the national system
    return canonical(system, value) if system.strip() else Identifier("", value.strip())


def _whole(resource: Mapping[str, Any]) -> None:
    """Refuses what would change the meaning of the whole resource."""
    for name in ("modifierExtension", "implicitRules"):
        if name in resource:
            raise Rejected(Reason.UNSUPPORTED_CONSENT, f"Consent.{name}")
    scopes = _codes(resource.get("scope", {}), "Consent.scope")
    if scopes and "patient-privacy" not in scopes:
        raise Rejected(Reason.UNSUPPORTED_CONSENT, "Consent.scope")


def _root(resource: Mapping[str, Any], organisations: Organisations | None) -> Provision:
    """Deny or permit, actors and period of the root provision; a consent without one is its policyRule alone, for everyone, always."""
    where = "Consent.provision"
    provision = _object(resource.get("provision", {}), where)
    _only(provision, _PROVISION, where)
    deny = _denies(provision, _codes(resource.get("policyRule", {}), "Consent.policyRule"))
    found = _list(provision, "actor", f"{where}.actor")
    actors = tuple(Actor(_actor(a, deny, f"{where}.actor[{n}]", organisations)) for n, a in enumerate(found))
    return Provision(deny, _period(provision, f"{where}.period"), actors=actors)


def _denies(provision: Mapping[str, Any], base: Sequence[str]) -> bool:
    """Whether it is a lock. A permit inside any base but the agreement to everything would be an exception to a lock or to the law."""
    kind = provision.get("type")
    if kind not in ("deny", "permit", None):
        raise Rejected(Reason.BAD_VALUE, "Consent.provision.type")
    if kind == "deny":
        return True
    bases = {_BASE_DENIES.get(code) for code in base}
    if kind == "permit":
        if bases - {False}:
            raise Rejected(Reason.UNSUPPORTED_CONSENT, "Consent.policyRule")
        return False
    if len(bases) != 1 or None in bases:
        raise Rejected(Reason.UNSUPPORTED_CONSENT, "Consent.provision.type" if provision else "Consent.provision")
    return bases == {True}


def _actor(actor: object, deny: bool, where: str, organisations: Organisations | None) -> Identifier:  # noqa: FBT001
    """The organisation or hub id an actor names. A permit must name it under a system: in doubt, nothing is opened."""
    entry = _object(actor, where)
    _only(entry, _ACTOR, where)
    identifier = _object(_object(entry.get("reference", {}), where).get("identifier", {}), where)
    value, system = identifier.get("value"), identifier.get("system", "")
    system = system.strip() if isinstance(system, str) else None
    if not isinstance(value, str) or not value.strip() or system is None or not (system or deny):
        raise Rejected(Reason.UNSUPPORTED_CONSENT, where)
    if system == HUB_PROVIDER and organisations is not None and organisations.provider(value.strip()) is None:
        raise Rejected(Reason.UNSUPPORTED_CONSENT, where)
    return Identifier(system, value.strip())


def _period(provision: Mapping[str, Any], where: str) -> Span | None:
    """Both ends inclusive; None = always."""
    if "period" not in provision:
        return None
    period = _object(provision["period"], where)
    _only(period, _PERIOD, where)
    if "start" not in period and "end" not in period:
        raise Rejected(Reason.MISSING_FIELD, where)
    start = _bounds(_text(period, "start", f"{where}.start"), f"{where}.start")[0] if "start" in period else None
    end = _bounds(_text(period, "end", f"{where}.end"), f"{where}.end")[1] if "end" in period else None
    if start is not None and end is not None and end < start:
        raise Rejected(Reason.BAD_VALUE, where)
    return Span(start, end)


def _bounds(text: str, where: str) -> tuple[int, int | None]:
    """First and last microsecond of a FHIR dateTime: an instant is itself, a date the whole day, month or year in Europe/Oslo.

    The last one is None for what ends with the year 9999, the calendar's end.
    """
    parts = _DATE.fullmatch(text)
    try:
        if parts is None:
            instant = _us(_instant(text))
            return instant, instant
        first = date(int(parts[1]), int(parts[2] or "1"), int(parts[3] or "1"))
        start = _midnight(first)
    except (ValueError, OverflowError):
        raise Rejected(Reason.BAD_VALUE, where) from None
    days = 1 if parts[3] else 31 if parts[2] else 366  # the next day, month or year begins no later than this
    if date.max - first < timedelta(days=days):
        return start, None
    following = first + timedelta(days=days)
    return start, _midnight(following if parts[3] else following.replace(day=1)) - 1


def _instant(text: str) -> datetime:
    """Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError
    return datetime.fromisoformat(text)


def _midnight(day: date) -> int:
    return _us(datetime(day.year, day.month, day.day, tzinfo=OSLO))


def _us(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _only(element: Mapping[str, Any], understood: frozenset[str], where: str) -> None:
    """Refuses an element that holds anything else. An unknown name is not repeated: it is whatever the sender wrote."""
    other = [name for name in element if name not in understood]
    if other:
        named = next((f"{where}.{name}" for name in _NARROWING if name in other), where)
        raise Rejected(Reason.UNSUPPORTED_CONSENT, named)


def _codes(concept: object, where: str) -> list[str]:
    """The codes of a CodeableConcept."""
    codings = _list(_object(concept, where), "coding", where)
    return [str(_object(coding, where).get("code", "")) for coding in codings]


def _object(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Rejected(Reason.BAD_VALUE, where)
    return value


def _list(element: Mapping[str, Any], name: str, where: str) -> Sequence[Any]:
    """A repeating element; absent is none, but an empty list is not FHIR, and would mean everyone."""
    if name not in element:
        return ()
    found = element[name]
    if not isinstance(found, list) or not found:
        raise Rejected(Reason.BAD_VALUE, where)
    return found


def _text(element: Mapping[str, Any], name: str, where: str) -> str:
    value = element.get(name)
    if value is None:
        raise Rejected(Reason.MISSING_FIELD, where)
    if not isinstance(value, str) or not value:
        raise Rejected(Reason.BAD_VALUE, where)
    return value
