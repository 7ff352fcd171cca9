"""Whether a document is built as its content model says: XML Schema's part of the standard, over the table ``mappings.models``.

The first fault found is told by its place: names from the table and positions, never a name or a value that the sender wrote.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple

from hub.adapters.kith.mappings.models import MODELS, PAYLOADS, PREFIXES, SIGNATURE
from hub.adapters.markup import Element
from hub.errors import Reason, Rejected

_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance "
_ANYWHERE: Final = frozenset({f"{_INSTANCE}schemaLocation", f"{_INSTANCE}noNamespaceSchemaLocation"})
_SPACE: Final = " \t\r\n"
_MANY: Final = 1_000_000_000
_MARKS: Final = MappingProxyType({"?": (0, 1), "*": (0, _MANY), "+": (1, _MANY)})
_ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"#CS": frozenset({"V", "DN"}), "#CV": frozenset({"V", "S", "DN", "OT"}), "#TS": frozenset({"V"}), "#URL": frozenset({"V"})}
)
_ZONE: Final = r"(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)?"
_DATE: Final = re.compile(rf"(\d{{4}}-\d\d-\d\d){_ZONE}", re.ASCII)
_MOMENT: Final = re.compile(rf"(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?{_ZONE}", re.ASCII)
_MONTH: Final = re.compile(rf"\d{{4}}-(0[1-9]|1[0-2]){_ZONE}", re.ASCII)
_YEAR: Final = re.compile(rf"\d{{4}}{_ZONE}", re.ASCII)
_TIME: Final = re.compile(rf"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?{_ZONE}", re.ASCII)
_OID: Final = re.compile(r"\d+(\.\d+)*", re.ASCII)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)
_LAST: Final = (frozenset("AQgw"), frozenset("AEIMQUYcgkosw048"))  # what may stand before == and before =: the bits left over are zero


class Particle(NamedTuple):
    """One place in a content model: which element may stand there, and how many of it."""

    names: tuple[tuple[str, str], ...]
    least: int
    most: int


@cache
def _model(namespace: str, model: str) -> tuple[Particle, ...]:
    """A model of the table, read once."""
    particles = []
    for word in model.removeprefix("~").split():
        least, most = _MARKS.get(word[-1], (1, 1))
        names = word.rstrip("?*+").split("|")
        particles.append(Particle(tuple(_name(namespace, n) for n in names), least, most))
    return tuple(particles)


def _name(namespace: str, word: str) -> tuple[str, str]:
    prefix, colon, local = word.rpartition(":")
    return (PREFIXES[prefix] if colon else namespace, local)


def check(element: Element, place: str = "") -> None:
    """Raises Rejected at the first place where a known element is not as its model says: MISSING_FIELD, BAD_VALUE."""
    model = MODELS.get(element.namespace, {}).get(element.name)
    if model is None:
        raise Rejected(Reason.UNSUPPORTED_TYPE, place or "document")
    where = f"{place}/{element.name}" if place else element.name
    if model == "#any":
        return
    _attributes(element, model, where)
    if model == "#content":
        _content(element, where)
    elif model.startswith("#"):
        _leaf(element, model, where)
    else:
        _blank(element, where)
        if element.children or not model.startswith("~"):
            _sequence(element, _model(element.namespace, model), where)


def _attributes(element: Element, model: str, where: str) -> None:
    known = _ATTRIBUTES.get(model, frozenset())
    for name, value in element.attributes.items():
        if name in _ANYWHERE:
            continue
        if name not in known:
            raise Rejected(Reason.BAD_VALUE, where)
        if name == "S" and not _OID.fullmatch(" ".join(value.split())):
            raise Rejected(Reason.BAD_VALUE, f"{where}/@S")
        if name == "V" and model == "#TS" and not _is_ts(value):
            raise Rejected(Reason.BAD_VALUE, f"{where}/@V")


def _blank(element: Element, where: str) -> None:
    """No text where only elements may stand."""
    if any(isinstance(p, str) and p.strip(_SPACE) for p in element.parts):
        raise Rejected(Reason.BAD_VALUE, where)


def _sequence(element: Element, model: tuple[Particle, ...], where: str) -> None:
    children, n = element.children, 0
    for particle in model:
        chosen: tuple[str, str] | None = None
        count = 0
        while n < len(children) and count < particle.most:
            name = (children[n].namespace, children[n].name)
            if name != chosen and (chosen is not None or name not in particle.names):
                break
            chosen, count = name, count + 1
            _child(children[n], f"{where}", count if particle.most > 1 else 0)
            n += 1
        if count < particle.least:
            raise Rejected(Reason.MISSING_FIELD, f"{where}/{particle.names[0][1]}")
    if n < len(children):
        raise Rejected(Reason.BAD_VALUE, f"{where}/*[{n + 1}]")


def _child(child: Element, where: str, number: int) -> None:
    """Check a child; of several alike the place names which."""
    try:
        check(child, where)
    except Rejected as exc:
        if number > 1:
            own = f"{where}/{child.name}"
            raise Rejected(exc.reason, exc.where.replace(own, f"{own}[{number}]", 1)) from None
        raise


def _content(element: Element, where: str) -> None:
    """What a document holds: elements only; those that have a model are checked by it."""
    _blank(element, where)
    for child in element.children:
        if child.namespace in MODELS and child.namespace != SIGNATURE:
            if (child.namespace, child.name) not in PAYLOADS:
                raise Rejected(Reason.BAD_VALUE, where)
            check(child, where)


def _leaf(element: Element, model: str, where: str) -> None:
    if element.children:
        raise Rejected(Reason.BAD_VALUE, where)
    text = "".join(p for p in element.parts if isinstance(p, str))
    if model in _ATTRIBUTES:
        if text:
            raise Rejected(Reason.BAD_VALUE, where)  # these types are empty: all of it stands in attributes
    elif not _TYPES[model](text.strip(_SPACE)):
        raise Rejected(Reason.BAD_VALUE, where)


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    try:
        return found is not None and bool(date.fromisoformat(found[1]))
    except ValueError:
        return False


def _is_moment(text: str) -> bool:
    found = _MOMENT.fullmatch(text)
    try:
        return found is not None and bool(datetime.fromisoformat(found[1]))
    except ValueError:
        return False


def _is_ts(value: str) -> bool:
    """KITH's TS: a time of any precision, or one of day."""
    text = value.strip(_SPACE)
    return _is_moment(text) or _is_date(text) or any(form.fullmatch(text) for form in (_YEAR, _MONTH, _TIME))


def _is_base64(text: str) -> bool:
    letters = "".join(text.split())
    if len(letters) % 4 or not _BASE64.fullmatch(letters):
        return False
    data = letters.rstrip("=")
    return len(data) == len(letters) or data[-1:] in _LAST[len(data) + 2 - len(letters)]


def _is_any(_text: str) -> bool:
    return True


_TYPES: Final = MappingProxyType(
    {
        "#string": _is_any,
        "#anyURI": _is_any,
        "#oid": lambda text: _OID.fullmatch(text) is not None,
        "#date": _is_date,
        "#dateTime": _is_moment,
        "#base64": _is_base64,
    }
)
