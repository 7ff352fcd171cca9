"""How a segment becomes a resource: a table of rows, one a field, and the Bundle under construction that the rows write to.

A row is (field, target, function). Adding a mapping is adding a row; the function comes from ``datatypes`` or stands beside its table.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings.content import NULL, Content, Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.identity import derived_id

Maker = Callable[[str, Text], Any]


@dataclass(frozen=True, slots=True)
class Row:
    """Field ``number`` -> element ``target`` (dots for nesting). ``many``: every repetition, into a list; else the first."""

    number: int
    target: str
    make: Maker
    many: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Field ``number`` -> a resource of its own, which ``target`` refers to; ``wrap`` puts the reference where the element wants it."""

    number: int
    target: str
    make: Maker
    wrap: Callable[[Json], Json] | None = None
    many: bool = True


Rows = tuple[Row | Link, ...]


@dataclass(slots=True)
class Draft:
    """The entries of one message's Bundle, in order. Every id is derived from the event's id and the place in the message."""

    event_id: str
    content: Content = field(repr=False)
    text: Text = field(repr=False)
    trigger: str  # "A01", "R01", ...
    entries: list[Json] = field(default_factory=list, repr=False)
    _known: dict[tuple[Any, ...], Json] = field(default_factory=dict, repr=False)

    def add(self, place: str, resource: Json) -> Json:
        """Put a resource into the Bundle; gives a Reference to it, with a display where the resource has a name."""
        key = derived_id(self.event_id, place)
        url = f"urn:uuid:{key}"
        resource["id"] = key
        self.entries.append({"fullUrl": url, "resource": resource})
        shown = display(resource)
        return {"reference": url, "display": shown} if shown else {"reference": url}

    def once(self, key: tuple[Any, ...], place: str, make: Callable[[], Json]) -> Json:
        """As ``add``, but what was added under the same key before is referred to again: one person, one place, one resource."""
        known = self._known.get(key)
        if known is None:
            made = make()
            known = self._known[key] = self.add(place, made) if made else {}
        return known


def display(resource: Json) -> str:
    """What a person would call a resource: an organisation's, a place's or a professional's name; "" for a patient."""
    name = resource.get("name")
    kind = resource["resourceType"]
    if not name or kind == "Patient":
        return ""
    if isinstance(name, str):
        return name
    first = name[0]
    return " ".join([*first.get("prefix", ()), *first.get("given", ()), *([first["family"]] if "family" in first else [])])


def apply(rows: Rows, segment: Segment, resource: Json, draft: Draft, place: str) -> Json:
    """Write every row of a table that the segment fills into a resource; gives the resource."""
    fields, text = segment.fields, draft.text
    size, repetition = len(fields), text.repetition
    for row in rows:
        number = row.number
        if number >= size or not (raw := fields[number]) or raw == NULL:
            continue
        for n, one in enumerate(text.repetitions(raw) if repetition in raw else (raw,)):
            value: Any
            if isinstance(row, Link):
                value = draft.once((row.make, one), f"{place}-{number}[{n}]", partial(row.make, one, text))
                if value and row.wrap:
                    value = row.wrap(value)
            else:
                value = row.make(one, text)
            if value is None or value in ("", {}, []):
                continue
            _write(resource, row, value)
            if not row.many:
                break
    return resource


def _write(resource: Json, row: Row | Link, value: Any) -> None:
    target, holder = row.target, resource
    if "." in target:
        *path, target = target.split(".")
        for name in path:
            holder = holder.setdefault(name, {})
    if row.many:
        holder.setdefault(target, []).append(value)
    else:
        holder.setdefault(target, value)


def prune(value: Json) -> Json:
    """Without the empty objects and lists that rows with nested targets may leave behind: FHIR allows none."""
    return {k: v for k, v in value.items() if v not in ({}, [], "")}
