"""The parameters of ``$events`` and ``$status``, of a query or of a Parameters resource, as values. Pure.

    eventsSinceNumber, eventsUntilNumber    0 or more; both inclusive
    content                                 empty | id-only | full-resource
    includeReleased                         true: also what was withheld once and may be shown now (the hub's own); else as the setting says

What is not understood is refused at its name: nothing is left out of a question in silence.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.delivery.events import Wanted
from hub.errors import Reason, Rejected
from hub.web.subscription import Content

_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
_FLAGS: Final = {"true": True, "false": False}
_SINCE, _UNTIL, _CONTENT, _RELEASED = "eventsSinceNumber", "eventsUntilNumber", "content", "includeReleased"
_OF_EVENTS: Final = frozenset({_SINCE, _UNTIL, _CONTENT, _RELEASED})
_STATUSES: Final = frozenset({"requested", "active", "error", "off", "entered-in-error"})
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_VALUES: Final = frozenset({
    "valueString", "valueInteger", "valueInteger64", "valueUnsignedInt", "valuePositiveInt", "valueCode", "valueId", "valueBoolean",
})  # fmt: skip
_GIVEN_MAX: Final = 100

Given = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of ``$events``."""

    wanted: Wanted
    content: Content


def of_parameters(resource: Mapping[str, Any]) -> Given:
    """The parameters of a Parameters resource, each with its value as text. Raises Rejected."""
    listed = resource.get("parameter", [])
    if resource.get("resourceType") != "Parameters" or not isinstance(listed, list) or len(listed) > _GIVEN_MAX:
        raise Rejected(Reason.BAD_VALUE, "Parameters")
    return tuple(_one(parameter, f"Parameters.parameter[{n}]") for n, parameter in enumerate(listed))


def _one(parameter: object, place: str) -> tuple[str, str]:
    if not isinstance(parameter, dict):
        raise Rejected(Reason.BAD_VALUE, place)
    values = [parameter[name] for name in parameter.keys() - {"name", "id"} if name in _VALUES]
    if len(parameter.keys() - {"name", "id"}) != 1 or len(values) != 1 or not isinstance(parameter.get("name"), str):
        raise Rejected(Reason.BAD_VALUE, place)
    value = values[0]
    if isinstance(value, bool):
        return parameter["name"], "true" if value else "false"
    if not isinstance(value, str | int):
        raise Rejected(Reason.BAD_VALUE, place)
    return parameter["name"], str(value)


def of_events(given: Iterable[tuple[str, str]], *, releases: bool = False) -> Asked:
    """releases: what was withheld is asked for where nothing is said of it. Raises Rejected."""
    found: dict[str, str] = {}
    for name, value in given:
        if name not in _OF_EVENTS or name in found:
            raise Rejected(Reason.BAD_VALUE, name if name in _OF_EVENTS else "parameter")
        found[name] = value
    every = Wanted()
    since, until = _number(found, _SINCE, every.since), _number(found, _UNTIL, every.until)
    released, content = found.get(_RELEASED, "true" if releases else "false"), found.get(_CONTENT, Content.FULL.value)
    if until < since:
        raise Rejected(Reason.BAD_VALUE, _UNTIL)
    if released not in _FLAGS:
        raise Rejected(Reason.BAD_VALUE, _RELEASED)
    if content not in set(Content):
        raise Rejected(Reason.BAD_VALUE, _CONTENT)
    return Asked(Wanted(since, until, _FLAGS[released]), Content(content))


def _number(found: Mapping[str, str], name: str, default: int) -> int:
    text = found.get(name, str(default))
    if name in found and not _NUMBER.fullmatch(text):
        raise Rejected(Reason.BAD_VALUE, name)
    return int(text)


def of_status(given: Iterable[tuple[str, str]]) -> tuple[frozenset[str], frozenset[str]]:
    """The ids and the statuses that were asked about, each () = any. Raises Rejected."""
    ids, statuses = set[str](), set[str]()
    for name, value in given:
        for word in value.split(","):
            if name == "id" and _ID.fullmatch(word):
                ids.add(word)
            elif name == "status" and word in _STATUSES:
                statuses.add(word)
            else:
                raise Rejected(Reason.BAD_VALUE, name if name in {"id", "status"} else "parameter")
    return frozenset(ids), frozenset(statuses)
