"""The status that a subscription notification begins with (Subscriptions R5 Backport 1.1, R4: ``backport-subscription-status-r4``).

The hub is the subscriber here: a peer's server notifies it. What it asks for is ``full-resource`` content; a handshake and a heartbeat
are answered, and tell of nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub.adapters.fhir.document import Json, obj, objects, text
from hub.errors import Reason, Rejected

_STATUS: Final = "Bundle.entry[0].resource"
_TELLING: Final = frozenset({"event-notification", "query-event"})
_SILENT: Final = frozenset({"handshake", "heartbeat", "query-status"})


@dataclass(frozen=True, slots=True)
class Status:
    """What the notification is about."""

    type: str
    foci: Mapping[str, str] = field(repr=False)  # what changed, by every name it may have in the Bundle -> when it was noted
    places: Mapping[str, str] = field(repr=False)  # the same, as written -> where it is written


def read(parameters: Json) -> Status:
    """Raises Rejected: NO_HEADER when there is no status, BAD_VALUE for a type of notification nobody knows."""
    if parameters.get("resourceType") != "Parameters":
        raise Rejected(Reason.NO_HEADER, _STATUS)
    given = objects(parameters.get("parameter"))
    kind = text(_value(given, "type"))
    if kind not in _TELLING | _SILENT:
        raise Rejected(Reason.BAD_VALUE, f"{_STATUS}.parameter")
    foci: dict[str, str] = {}
    places: dict[str, str] = {}
    for n, event in enumerate(given):
        if kind in _TELLING and event.get("name") == "notification-event":
            parts = objects(event.get("part"))
            name = text(obj(_value(parts, "focus")).get("reference"))
            place = f"{_STATUS}.parameter[{n}]"
            when = text(_value(parts, "timestamp"))
            foci |= {name: when, relative(name): when}
            places[name] = place
    foci.pop("", None)
    return Status(kind, foci, places)


def _value(parameters: list[Json], name: str) -> Any:
    """The value of the first parameter of a name, whatever its type."""
    found = next((p for p in parameters if p.get("name") == name), {})
    return next((v for k, v in found.items() if k.startswith("value")), None)


def relative(url: str) -> str:
    """The last two parts of a URL that names a resource: ``Encounter/7``; a URN as it is."""
    return "/".join(url.split("/")[-2:]) if "://" in url else url
