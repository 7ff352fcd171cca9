"""How a resource becomes a segment: a table of rows, one a field.

A row is (field number, function of the resource and the Bundle's entries). Several rows of one field stand in order: the first that
says anything counts. Adding a mapping is adding a row; the functions here make one out of a path and a data type of ``datatypes``.
"""

from collections.abc import Callable, Iterator
from typing import Any

from hub.adapters.fhir.document import Entries, Json, obj, objects, text
from hub.adapters.fhir.er7 import codes, datatypes
from hub.adapters.fhir.er7.text import repetitions, segment

Maker = Callable[[Json, Entries], str]
Rows = tuple[tuple[int, Maker], ...]
Chosen = Callable[[Json], bool]


def fields(rows: Rows, resource: Json, entries: Entries) -> dict[int, str]:
    """The fields that the rows of a table make of a resource."""
    out: dict[int, str] = {}
    for number, make in rows:
        if not out.get(number):
            out[number] = make(resource, entries)
    return out


def written(name: str, rows: Rows, resource: Json, entries: Entries, set_id: int = 0) -> str:
    """The segment that a table makes of a resource; ``set_id`` is field 1 where it counts the segments of a name."""
    made = fields(rows, resource, entries)
    return segment(name, made | ({1: str(set_id)} if set_id else {}))


def at(resource: Json, path: str) -> Any:
    """The value at a path of element names; the first of a list on the way."""
    value: Any = resource
    for name in path.split("."):
        value = obj(value[0] if isinstance(value, list) and value else value).get(name)
    return value


def each(value: Any) -> Iterator[Any]:
    """The values of an element that may be a list."""
    yield from value if isinstance(value, list) else () if value is None else (value,)


def one(path: str, make: Callable[[Any], str]) -> Maker:
    """The first value at a path that says anything."""
    return lambda resource, _entries: next((made for v in each(at(resource, path)) if (made := make(v))), "")


def many(path: str, make: Callable[[Any], str], chosen: Chosen | None = None) -> Maker:
    """Every value at a path, as repetitions; of objects those that are chosen."""
    return lambda resource, _entries: repetitions(
        make(v) for v in each(at(resource, path)) if chosen is None or (isinstance(v, dict) and chosen(v))
    )


def first(path: str, make: Callable[[Any], str], chosen: Chosen) -> Maker:
    """The first object at a path that is chosen and says anything."""
    return lambda resource, _entries: next((made for v in objects(at(resource, path)) if chosen(v) and (made := make(v))), "")


def refers(path: str, make: Callable[[Any, Entries], str], chosen: Chosen | None = None) -> Maker:
    """Every Reference at a path, told by what it leads to, as repetitions; nobody is told twice."""
    return lambda resource, entries: repetitions(
        dict.fromkeys(make(v, entries) for v in each(at(resource, path)) if chosen is None or (isinstance(v, dict) and chosen(v)))
    )


def refers_once(path: str, make: Callable[[Any, Entries], str]) -> Maker:
    """The first Reference at a path that leads to anything."""
    return lambda resource, entries: next((made for v in each(at(resource, path)) if (made := make(v, entries))), "")


def coded(path: str, table: codes.Table, otherwise: str = "") -> Maker:
    """A FHIR code at a path by a table."""
    return lambda resource, _entries: table.get(text(at(resource, path)), otherwise)


def of_table(path: str, table: str) -> Maker:
    """The codes of a v2 table in the concepts at a path (IS, ID)."""
    return many(path, datatypes.is_code(table))


def in_extension(url: str, key: str, make: Callable[[Any], str], part: str = "") -> Maker:
    """The value of every extension with this address; ``part``: of the extension of that name inside it."""
    full = url if "://" in url else codes.EXTENSION + url

    def maker(resource: Json, _entries: Entries) -> str:
        found = [e for e in objects(resource.get("extension")) if text(e.get("url")) == full]
        return repetitions(make((datatypes.extension(e, part) if part else e).get(key)) for e in found)

    return maker


def always(value: str) -> Maker:
    """The same, whatever the resource says."""
    return lambda _resource, _entries: value
