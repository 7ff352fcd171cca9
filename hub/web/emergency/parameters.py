"""``POST /fhir/$emergency-access``: the FHIR R4 Parameters that ask, and those that answer. Pure, read strictly.

    patient       valueIdentifier  whom it is about
    practitioner  valueIdentifier  who asks: HPR number
    name          valueString      what they are called (may be left out)
    role          valueCoding      as what they are registered (Volven 9060)
    reason        valueString      why, in their own words; or
    template      valueCode        why, in a word: BLAALYS
    purpose       valueCode        BTG (default) or ETREAT (v3-ActReason)

Of the organisation nothing is read here: it is the token's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from hub.consent.elements import Json, a_text, an_object, each, refused
from hub.consent.question import EMERGENCIES
from hub.errors import Reason
from hub.identity import HPR, NO_BASIS, canonical, names_nobody
from hub.ledger.emergencies import Access, Emergency, Grounds, Step
from hub.model import Identifier
from hub.web import audit_elements as ae
from hub.web.audit_emergency import ROLES

REASON_CHARS_MAX: Final = 1_000
_TEXT_CHARS_MAX: Final = 256
_REASON_CHARS_MIN: Final = 10
_LETTERS_MIN: Final = 5  # different ones: "xxxxxxxxxx" and "-----" say nothing
_VALUES: Final = MappingProxyType(
    {
        "patient": "valueIdentifier",
        "practitioner": "valueIdentifier",
        "name": "valueString",
        "role": "valueCoding",
        "reason": "valueString",
        "template": "valueCode",
        "purpose": "valueCode",
    }
)
_KNOWN: Final = frozenset({"resourceType", "id", "meta", "parameter"})
_IDENTIFIER: Final = frozenset({"id", "use", "type", "system", "value", "period", "assigner"})
_CODING: Final = frozenset({"id", "system", "version", "code", "display", "userSelected"})
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)  # HPR: at most nine digits, no check digit
_ROLE: Final = re.compile(r"[A-Z]{2}[0-9]?", re.ASCII)
_UNREGISTERED: Final = "XX"  # 9060: unknown


class Template(StrEnum):
    """Reasons in a word, of those that Norwegian records use for a look-up: the one that is an emergency."""

    BLUE_LIGHT = "BLAALYS"


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked for. person: HPR number. role: Volven 9060."""

    patient: Identifier = field(repr=False)
    person: str
    name: str = field(repr=False)
    role: str
    grounds: Grounds

    @property
    def is_explained(self) -> bool:
        """Whether it says why."""
        return bool(self.grounds.template) or is_meaningful(self.grounds.reason)


def is_meaningful(text: str) -> bool:
    """The least that a reason must be. No machine can tell a good one: whether it was is the supervisor's to ask."""
    return len(text) >= _REASON_CHARS_MIN and len({c for c in text.casefold() if c.isalpha()}) >= _LETTERS_MIN


def read(body: Json) -> Asking:
    """Raises Rejected, at the place of what is not as it must be."""
    if body.get("resourceType") != "Parameters" or not _KNOWN.issuperset(body):
        raise refused("Parameters", Reason.BAD_VALUE)
    given: dict[str, tuple[Any, str]] = {}
    for parameter, place in each(body, "parameter", "Parameters"):
        name = parameter.get("name")
        if not isinstance(name, str) or name not in _VALUES or name in given or set(parameter) - {"id"} != {"name", _VALUES[name]}:
            raise refused(place, Reason.BAD_VALUE)
        given[name] = (parameter[_VALUES[name]], place)
    reason = _text(given, "reason", REASON_CHARS_MAX)
    return Asking(
        _patient(given), _person(given), _name(given), _role(given),
        Grounds(_one_of(given, "purpose", EMERGENCIES, "BTG"), _one_of(given, "template", frozenset(Template), ""), reason),
    )  # fmt: skip


_Given = Mapping[str, tuple[Any, str]]


def _needed(given: _Given, name: str) -> tuple[Json, str]:
    if name not in given:
        raise refused(f"parameter {name}", Reason.MISSING_FIELD)
    value, place = given[name]
    return an_object(value, place), place


def _identifier(given: _Given, name: str) -> tuple[str, str, str]:
    """System, value, and the place."""
    found, place = _needed(given, name)
    system = found.get("system", "")
    value = a_text(found, "value", place).strip()
    is_good = isinstance(system, str) and value and (system + value).isprintable() and len(system + value) <= _TEXT_CHARS_MAX
    if not is_good or not _IDENTIFIER.issuperset(found):
        raise refused(place, Reason.BAD_VALUE)
    return system.strip(), value, place


def _patient(given: _Given) -> Identifier:
    system, value, place = _identifier(given, "patient")
    found = canonical(system, value)
    if names_nobody(found):
        raise refused(place, Reason.MISSING_PATIENT)
    return found


def _person(given: _Given) -> str:
    system, value, place = _identifier(given, "practitioner")
    if NO_BASIS.get(system, system) != HPR or not _NUMBER.fullmatch(value):
        raise refused(place, Reason.BAD_VALUE)
    return value


def _role(given: _Given) -> str:
    coding, place = _needed(given, "role")
    code = a_text(coding, "code", place)
    if coding.get("system") != ROLES or not _CODING.issuperset(coding) or not _ROLE.fullmatch(code) or code == _UNREGISTERED:
        raise refused(place, Reason.BAD_VALUE)
    return code


def _text(given: _Given, name: str, chars_max: int = _TEXT_CHARS_MAX) -> str:
    value, place = given.get(name, ("", ""))
    if not isinstance(value, str) or len(value) > chars_max:
        raise refused(place, Reason.BAD_VALUE)
    return value.strip()


def _name(given: _Given) -> str:
    name = _text(given, "name")
    if not name.isprintable():  # it is told in a mail
        raise refused(given["name"][1], Reason.BAD_VALUE)
    return name


def _one_of(given: _Given, name: str, words: frozenset[str], default: str) -> str:
    value, place = given.get(name, (default, ""))
    if not isinstance(value, str) or (name in given and value not in words):
        raise refused(place, Reason.BAD_VALUE)
    return value


def opened(e: Emergency, address: str) -> Json:
    """The access that is open. address: of the door; what to GET is said whole."""
    read_it = f"{address}/{e.access}?practitioner={HPR}|{e.who.person}"
    parts = [
        {"name": "access", "valueId": e.access},
        {"name": "opened", "valueInstant": ae.instant(e.at_us)},
        {"name": "expires", "valueInstant": ae.instant(e.until_us)},
        {"name": "read", "valueUrl": read_it},
        {"name": "rule", "valueCode": e.rule},
    ]
    return {"resourceType": "Parameters", "parameter": parts}


def listed(accesses: list[Access]) -> Json:
    """What was asked for, for those who look after it: with the reasons, without the patients."""
    found = [{"name": "access", "part": [p for p in _parts(a) if "" not in p.values()]} for a in accesses]
    return {"resourceType": "Parameters"} | ({"parameter": found} if found else {})


def _parts(a: Access) -> list[dict[str, Any]]:
    e, instant = a.asked, ae.instant
    is_open = e.step is Step.OPENED
    return [
        {"name": "id", "valueId": e.access},
        {"name": "outcome", "valueCode": e.step.value},
        {"name": "code", "valueCode": e.code},
        {"name": "at", "valueInstant": instant(e.at_us)},
        {"name": "expires", "valueInstant": instant(e.until_us) if is_open else ""},
        {"name": "closed", "valueInstant": "" if a.closed_us is None else instant(a.closed_us)},
        {"name": "organisation", "valueCode": e.who.provider},
        {"name": "practitioner", "valueIdentifier": {"system": HPR, "value": e.who.person}},
        {"name": "name", "valueString": e.who.name},
        {"name": "role", "valueCoding": {"system": ROLES, "code": e.who.role}},
        {"name": "purpose", "valueCode": e.grounds.purpose},
        {"name": "template", "valueCode": e.grounds.template},
        {"name": "reason", "valueString": e.grounds.reason},
        {"name": "readings", "valueUnsignedInt": a.times},
        {"name": "supervisorTold", "valueInstant": "" if a.told_us is None else instant(a.told_us)},
    ]
