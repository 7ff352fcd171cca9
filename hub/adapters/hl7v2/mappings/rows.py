"""How a segment becomes a resource: a table of rows, one a field, and the Bundle under construction that the rows write to.

A row is (field, target, function). Adding a mapping is adding a row; the function comes from ``datatypes`` or stands beside its table.
A field that is absent costs one look at the segment.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from hub.adapters.bundle import Written, written
from hub.adapters.hl7v2.er7 import Segment
from hub.adapters.hl7v2.mappings.content import NULL, Content, Text
from hub.adapters.hl7v2.mappings.datatypes import Json
from hub.identity import derived_id

Maker = Callable[[str, Text], Any]
_KNOWN_MAX: Final = 8192
_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Row:
    """Field ``number`` -> element ``target`` (dots for nesting). ``many``: every repetition, into a list; else the first."""

    number: int
    target: str
    make: Maker
    many: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """Field ``number`` -> a resource of its own, which ``target`` refers to; ``wrap`` puts the reference where the element wants it.

    The resource is a professional, an organisation, a place or a thing: what is made of a text is made once and known again.
    """

    number: int
    target: str
    make: Maker
    wrap: Callable[[Json], Json] | None = None
    many: bool = True


Rows = tuple[Row | Link, ...]
_MADE: dict[tuple[Maker, str], tuple[Json, str, str]] = {}  # what Links make: resource, what it is called, its JSON; never changed


@dataclass(slots=True)
class Draft:
    """The entries of one message's Bundle, in order. Every id is derived from the event's id and the place in the message."""

    event_id: str
    content: Content = field(repr=False)
    text: Text = field(repr=False)
    trigger: str  # "A01", "R01", ...
    entries: list[Json] = field(default_factory=list, repr=False)
    _head: str = ""
    _resources: dict[str, Json] = field(default_factory=dict, repr=False)
    _known: dict[tuple[Any, ...], Json] = field(default_factory=dict, repr=False)

    def add(self, place: str, resource: Json) -> Json:
        """Put a resource into the Bundle; gives a Reference to it, with a display where the resource has a name."""
        return self._put(place, resource, display(resource))

    def add_written(self, place: str, resource: Json, shown: str, text: str) -> Json:
        """As ``add`` for a resource whose JSON is known (``Written.text``)."""
        made = Written(resource)
        made.text = text
        return self._put(place, made, shown)

    def _put(self, place: str, resource: Json, shown: str) -> Json:
        key = self._id(place)
        url = f"urn:uuid:{key}"
        resource["id"] = key
        self.entries.append({"fullUrl": url, "resource": resource})
        self._resources[url] = resource
        return {"reference": url, "display": shown} if shown else {"reference": url}

    def _id(self, place: str) -> str:
        """The id of what stands at a place: the message's own 80 bits, and 48 of the place; places that share those are told apart."""
        if not self._head:
            self._head = derived_id(self.event_id, "entries")[:24]
        key = f"{self._head}{blake2b(place.encode(), digest_size=6).hexdigest()}"
        return key if f"urn:uuid:{key}" not in self._resources else self._id(place + "'")

    def once(self, key: tuple[Any, ...], place: str, make: Callable[[], Json]) -> Json:
        """As ``add``, but what was added under the same key before is referred to again: one person, one place, one resource."""
        known = self._known.get(key)
        if known is None:
            made = make()
            known = self._known[key] = self.add(place, made) if made else {}
        return known

    def known(self, key: tuple[Any, ...]) -> Json | None:
        """The Reference kept under a key, or None."""
        return self._known.get(key)

    def keep(self, key: tuple[Any, ...], reference: Json) -> Json:
        """Keep a Reference under a key, to be referred to again; gives it back."""
        self._known[key] = reference
        return reference

    def linked(self, make: Maker, raw: str, place: str) -> Json:
        """As ``once`` for what a maker makes of a text; ``{}`` when that is nothing."""
        key = (make, raw)
        known = self._known.get(key)
        if known is None:
            made, shown, text = _template(make, raw, self.text)
            known = self._known[key] = self.add_written(place, made, shown, text) if made else {}
        return known

    def resource(self, reference: Json) -> Json:
        """The resource that a Reference of this Bundle points to; it may be changed."""
        found = self._resources[reference["reference"]]
        if type(found) is Written:
            found.text = ""
        return found


def _template(make: Maker, raw: str, t: Text) -> tuple[Json, str, str]:
    """What a maker makes of a text, what it is called, and its JSON."""
    key = (make, raw)
    known = _MADE.get(key) if t.is_usual else None
    if known is None:
        made: Json = make(raw, t)
        known = (made, display(made) if made else "", written(made))
        if t.is_usual and len(raw) <= _LENGTH_MAX and t.escape not in raw:
            if len(_MADE) >= _KNOWN_MAX:
                _MADE.clear()
            _MADE[key] = known
    return known


def display(resource: Json) -> str:
    """What a person would call a resource: an organisation's, a place's, a thing's or a professional's name; "" for a patient."""
    name = resource.get("name") or next((n["name"] for n in resource.get("deviceName", ())), "")
    if not name or resource["resourceType"] == "Patient":
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
        for n, one in enumerate(text.repetitions(raw)) if repetition in raw else ((0, raw),):
            value: Any
            if type(row) is Link:
                value = draft.linked(row.make, one, f"{place}-{number}[{n}]")
                if value and row.wrap:
                    value = row.wrap(value)
            else:
                value = row.make(one, text)
            if not value and value is not False:
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
        if target in holder:
            holder[target].append(value)
        else:
            holder[target] = [value]
    else:
        holder.setdefault(target, value)


def extend(resource: Json, key: str, values: Iterable[Json]) -> None:
    """Append what is not empty to a list element."""
    found = [v for v in values if v]
    if found:
        resource.setdefault(key, []).extend(found)


def prune(value: Json) -> Json:
    """Without the empty objects and lists that rows with nested targets may leave behind: FHIR allows none."""
    return {k: v for k, v in value.items() if v not in ({}, [], "")}
