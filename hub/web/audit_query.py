"""The query of ``GET /fhir/AuditEvent`` as a value: which parameters there are, and what each may say (FHIR R4, 3.1.1). Pure."""

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from hub.identity import HUB_PROVIDER, canonical
from hub.ledger.record import FOREVER_US, Sought
from hub.model import Identifier

COUNT: Final = 50
COUNT_MAX: Final = 200
_ZONE: Final = ZoneInfo("Europe/Oslo")  # of a time that gives none
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PATIENT: Final = ("patient", "patient.identifier", "patient:identifier")
_AGENT: Final = ("agent", "agent.identifier", "agent:identifier")
_KNOWN: Final = frozenset({*_PATIENT, *_AGENT, "date", "entity", "_count", "_after"})
_DATE: Final = re.compile(
    r"(eq|ge|gt|le|lt|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6})\d*)?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_CONSENT: Final = re.compile(r"Consent/([A-Za-z0-9.-]{1,64})(?:/_history/(\d{1,9}))?", re.ASCII)
_EVENT: Final = re.compile(r"(?:urn:uuid:)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_PROVIDER: Final = re.compile(rf"(?:Organization/|{HUB_PROVIDER}\||\|)?([^\s|,/]+)")
_SEVERAL: Final = ","  # any of these (FHIR R4, 3.1.1.3.4): one at a time is asked for
_AFTER: Final = re.compile(r"(\d{1,18})-(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked. sought: without the patient, whom ``patient`` names. given: the parameters, in their order."""

    sought: Sought
    patient: Identifier | None
    given: tuple[tuple[str, str], ...] = field(repr=False)

    def with_key(self, key: str) -> str:
        """What was asked, to be recorded: the patient by key."""
        return urlencode([(name, key if name in _PATIENT else value) for name, value in self.given], safe=":|/")

    def after(self, to_us: int, skip: int) -> str:
        """The query of the page that begins there."""
        return urlencode([*((name, value) for name, value in self.given if name != "_after"), ("_after", f"{to_us}-{skip}")], safe=":|/")


def parse(parameters: Iterable[tuple[str, str]]) -> Query:
    """Raises ValueError for what is not understood: nothing is left out of a search in silence."""
    given = tuple(parameters)
    one: dict[str, str] = {}
    dates = []
    for name, value in given:
        if name not in _KNOWN or name in one or not value or not value.isprintable():
            raise ValueError(name)
        if name == "date":
            dates.append(value)
        else:
            one[name] = value
    from_us, to_us = _span(dates)
    sought = Sought(agent=_agent(one), from_us=from_us, to_us=to_us, count=_count(one.get("_count", str(COUNT))))
    return Query(_after(_entity(sought, one.get("entity", "")), one.get("_after", "")), _patient(one), given)


def _single(one: Mapping[str, str], names: tuple[str, ...]) -> str:
    found = [one[name] for name in names if name in one]
    if len(found) > 1:
        raise ValueError(names[0])
    return found[0] if found else ""


def _patient(one: Mapping[str, str]) -> Identifier | None:
    text = _single(one, _PATIENT)
    system, _, value = text.rpartition("|")
    if text and (not value or _SEVERAL in text or value.startswith("Patient/")):
        raise ValueError("patient")
    return canonical(system, value) if text else None


def _agent(one: Mapping[str, str]) -> str:
    """The hub's id of a provider: ``Organization/x``, ``urn:hub:provider|x`` or ``x``."""
    text = _single(one, _AGENT)
    found = _PROVIDER.fullmatch(text)
    if text and found is None:
        raise ValueError("agent")
    return found[1] if found else ""


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise ValueError("_count")
    return min(int(text), COUNT_MAX)


def _entity(sought: Sought, text: str) -> Sought:
    """``Consent/id``, with a version or without, or the id of a message's event."""
    if not text:
        return sought
    consent, event = _CONSENT.fullmatch(text), _EVENT.fullmatch(text.removeprefix("urn:ietf:rfc:3986|"))
    if consent is not None:
        return replace(sought, consent_id=consent[1], consent_version=int(consent[2] or 0))
    if event is None:
        raise ValueError("entity")
    return replace(sought, event_id=event[1].lower())


def _after(sought: Sought, text: str) -> Sought:
    if not text:
        return sought
    found = _AFTER.fullmatch(text)
    if found is None:
        raise ValueError("_after")
    return replace(sought, to_us=min(sought.to_us, int(found[1])), skip=int(found[2]))


def _span(dates: Iterable[str]) -> tuple[int, int]:
    """The moments that all of them allow: from, and before."""
    from_us, to_us = 0, FOREVER_US
    for text in dates:
        try:
            prefix, start, end = _date(text)
        except OverflowError:  # the end of the calendar
            raise ValueError("date") from None
        if prefix in {"eq", "ge"}:
            from_us = max(from_us, start)
        if prefix in {"gt", "sa"}:
            from_us = max(from_us, end)
        if prefix in {"eq", "le"}:
            to_us = min(to_us, end)
        if prefix in {"lt", "eb"}:
            to_us = min(to_us, start)
    return from_us, to_us


def _date(text: str) -> tuple[str, int, int]:
    """Prefix, beginning and end of a date, which stands for the whole of its year, month, day, minute, second or less."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("date")
    prefix, year, month, day, hour, minute, second, fraction, zone = found.groups()
    start = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=_ZONE)
    if zone:
        start = datetime.fromisoformat(f"{start:%Y-%m-%dT%H:%M:%S}{zone.replace('Z', '+00:00')}")
    if hour is None:  # civil days: one may have 23 hours or 25
        days = 1 if day else monthrange(start.year, start.month)[1] if month else 366 if monthrange(start.year, 2)[1] == 29 else 365
        return prefix or "eq", _us(start), _us(start + timedelta(days=days))
    micros = int((fraction or "").ljust(6, "0"))
    width = 10 ** (6 - len(fraction)) if fraction else 1_000_000 if second else 60_000_000
    return prefix or "eq", _us(start) + micros, _us(start) + micros + width


def _us(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
