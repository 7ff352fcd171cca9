"""What was agreed with one sender, as a TOML file; ``hub check-message --profile`` holds its messages to it.

[sender]
name = "St. Olavs hospital"
applications = ["DIPS"]            # MSH-3, MessageHeader.source.name
facilities = ["STOLAV"]            # MSH-4, MessageHeader.sender: the ``senders`` of its [[provider]]
encoding = "8859/1"                # MSH-18, and of messages that leave it empty
messages = ["ADT^A01", "ADT^A03"]  # MSH-9, or FHIR event codes
versions = ["2.5.1"]               # MSH-12
required = ["PV1-19", "ADT^A03 PV1-45"]
person_numbers = "synthetic"       # while it tests; "real" in production

[[allow]]
code = "standard.unknown-segment"
place = "ZPV"                      # optional: this place alone
reason = "..."
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from hub.config import ConfigError
from hub.numbers import PersonNumbers

_TEXT: Final = "text in quotes"
_LIST: Final = "a list of texts in quotes"
# [sender]: field -> whether it is a list, what to write
_SENDER: Final[Mapping[str, tuple[bool, str]]] = MappingProxyType(
    {
        "name": (False, _TEXT),
        "applications": (True, f"{_LIST}: MSH-3"),
        "facilities": (True, f"{_LIST}: MSH-4"),
        "encoding": (False, 'a character set as in MSH-18, such as "UNICODE UTF-8" or "8859/1"'),
        "messages": (True, 'a list such as ["ADT^A01", "ADT^A03"]'),
        "versions": (True, 'a list such as ["2.5.1"]'),
        "required": (True, 'a list of places such as ["PV1-19", "PID-11.9"], each after a message type where it holds for that one only'),
        "person_numbers": (False, 'one of "any", "real", "synthetic"'),
    }
)
_ALLOW: Final = MappingProxyType({"code": _TEXT, "place": 'a place such as "PID-3.4"', "reason": "why it is allowed, in quotes"})
_REQUIRED: Final = re.compile(r"(?:([A-Z][A-Z0-9]{2}(?:\^[A-Z]\w{2})?) )?([A-Z][A-Z0-9]{2})-(\d+)(?:\.(\d+))?", re.ASCII)
_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "required": lambda value: all(_REQUIRED.fullmatch(place) for place in value),
        "person_numbers": lambda value: value in set(PersonNumbers),
    }
)


@dataclass(frozen=True, slots=True)
class Required:
    """A field that this sender has promised to fill: in every message that has the segment's type, or in one type only."""

    trigger: str  # "ADT^A03", "ADT", or "" = every message
    segment: str
    number: int
    component: int

    @property
    def place(self) -> str:
        """``PV1-19``, ``PID-11.9``."""
        return f"{self.segment}-{self.number}" + (f".{self.component}" if self.component > 1 else "")


@dataclass(frozen=True, slots=True)
class Allowance:
    """A deviation that was agreed: its code, the place ("" = anywhere), and why."""

    code: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One sender's agreement; what is empty was not agreed, and is not held against it."""

    name: str = ""
    applications: tuple[str, ...] = ()
    facilities: tuple[str, ...] = ()
    encoding: str = ""
    messages: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    required: tuple[Required, ...] = ()
    person_numbers: PersonNumbers | None = None
    allowed: tuple[Allowance, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """What messages are judged by: the settings of the hub's doors, and what the sender agreed."""

    undeclared_encoding: str = "utf-8"
    processing_ids: frozenset[str] = frozenset({"P", "T", "D"})
    person_numbers: PersonNumbers = PersonNumbers.ANY
    frame_bytes_max: int = 4 * 1024 * 1024
    segments_max: int = 20_000
    profile: Profile = field(default_factory=Profile)


def read_profile(text: str) -> Profile:
    """A profile from its TOML. Raises ConfigError, a line a mistake that says what to write instead."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([f"profile: not TOML: {exc}"]) from None
    mistakes = list(_mistakes(given))
    if mistakes:
        raise ConfigError(mistakes)
    sender: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.get("sender", {}).items()}
    sender["required"] = tuple(_required(r) for r in sender.get("required", ()))
    sender["person_numbers"] = PersonNumbers(sender["person_numbers"]) if "person_numbers" in sender else None
    return Profile(**sender, allowed=tuple(Allowance(a["code"], a.get("place", ""), a["reason"]) for a in given.get("allow", ())))


def _required(text: str) -> Required:
    found = _REQUIRED.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return Required(found[1] or "", found[2], int(found[3]), int(found[4] or 1))


def _mistakes(given: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"profile: {name}: no such table; there are [sender] and [[allow]]" for name in given.keys() - {"sender", "allow"})
    sender, allow = given.get("sender", {}), given.get("allow", [])
    if not isinstance(sender, dict):
        yield "profile: [sender]: write it as a table"
    else:
        yield from (f"profile: [sender] {m}" for m in _of_sender(sender))
    if not isinstance(allow, list) or not all(isinstance(a, dict) for a in allow):
        yield "profile: [[allow]]: write each as a table in double brackets"
    else:
        yield from (f"profile: [[allow]] {n}: {m}" for n, entry in enumerate(allow, 1) for m in _of_allowance(entry))


def _of_sender(sender: Mapping[str, Any]) -> Iterator[str]:
    for name, value in sender.items():
        is_list, hint = _SENDER.get(name, (False, ""))
        if not hint:
            yield f"{name}: no such field; there are {', '.join(_SENDER)}"
        elif not _is_text(value, is_list=is_list) or not _CHECKS.get(name, lambda _: True)(value):
            yield f"{name}: write {hint}"


def _of_allowance(entry: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{name}: no such field; there are {', '.join(_ALLOW)}" for name in entry.keys() - _ALLOW.keys())
    for name in ("code", "reason"):
        if not entry.get(name):
            yield f"{name}: missing; write {_ALLOW[name]}"
    yield from (f"{name}: write {_ALLOW[name]}" for name in _ALLOW if name in entry and not isinstance(entry[name], str))


def _is_text(value: object, *, is_list: bool) -> bool:
    if is_list:
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    return isinstance(value, str)
