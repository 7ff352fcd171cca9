"""A message Bundle as checked JSON: strict, bounded, and total - whatever arrives, only ``Rejected`` comes out.

RFC 8259 leaves duplicate names and numbers beyond any range to the reader; here they are refused, because two readers would disagree.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from hub.errors import Reason, Rejected

Json = dict[str, Any]
DEPTH_MAX: Final = 64  # resources nest about a dozen deep
ENTRIES_MAX: Final = 10_000
_BOM: Final = b"\xef\xbb\xbf"


_NUMBER: Final = "a number"
_DIGITS_MAX: Final = 60


class _BadError(ValueError):
    """Not the JSON that is read here; its text says what is not, in words of ours."""


def _pairs(pairs: list[tuple[str, Any]]) -> Json:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _BadError("a name that comes twice")
    return made


def _constant(_name: str) -> NoReturn:
    raise _BadError(_NUMBER)


class Number(float):
    """A decimal that remembers its digits: FHIR counts 1.50 as more precise than 1.5."""

    __slots__ = ("digits",)
    digits: str


def as_written(value: Any) -> Any:
    """A copy whose decimals stand with the digits they had (``bundle.to_bytes`` takes the quotes away); with an exponent, as numbers."""
    if isinstance(value, Number):
        is_plain = "e" not in value.digits.lower() and len(value.digits) <= _DIGITS_MAX
        return f"\x00n{value.digits}" if is_plain else float(value)
    if isinstance(value, list):
        return [as_written(v) for v in value]
    return {k: as_written(v) for k, v in value.items()} if isinstance(value, dict) else value


def _float(text: str) -> float:
    value = Number(text)
    if math.isinf(value):
        raise _BadError(_NUMBER)
    value.digits = text
    return value


def parse(raw: bytes) -> Json:
    """The object in a body. Raises Rejected: UNSUPPORTED_FORMAT (XML), BAD_JSON, TOO_COMPLEX, NOT_A_MESSAGE (no object)."""
    body = raw.removeprefix(_BOM).strip()
    if body.startswith(b"<"):
        raise Rejected(Reason.UNSUPPORTED_FORMAT, "Bundle")
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float)
        if b"\\u" in body:
            written = json.dumps(value, ensure_ascii=False)
            written.encode("utf-8")  # half a surrogate pair has no bytes
            if "\\u0000" in written.replace("\\\\", ""):  # no FHIR string holds NUL, and no database's text
                raise _BadError("a text that holds NUL")
    except (ValueError, RecursionError) as exc:  # ValueError: not UTF-8, not JSON, a number of too many digits
        raise Rejected(Reason.BAD_JSON, _place(exc)) from None  # the original error quotes the message
    if not isinstance(value, dict):
        raise Rejected(Reason.NOT_A_MESSAGE, "Bundle")
    bound(value)
    return value


def _place(exc: ValueError | RecursionError) -> str:
    """Where in the body it ceased to be JSON, counted from 1, or what of it is none."""
    if isinstance(exc, json.JSONDecodeError):
        return f"character {exc.pos + 1}"
    if isinstance(exc, UnicodeDecodeError):
        return f"byte {exc.start + 1}"
    if isinstance(exc, UnicodeEncodeError):
        return "a text that is no Unicode"
    return "nesting" if isinstance(exc, RecursionError) else str(exc) if isinstance(exc, _BadError) else _NUMBER


def bound(value: Json) -> None:
    """Raises Rejected(TOO_COMPLEX) for what nests deeper than any resource."""
    level: list[Any] = [value]
    for _ in range(DEPTH_MAX):
        level = [v for holder in level for v in (holder.values() if isinstance(holder, dict) else holder) if isinstance(v, dict | list)]
        if not level:
            return
    raise Rejected(Reason.TOO_COMPLEX, "nesting")


def objects(value: Any) -> list[Json]:
    """The objects of a list; [] when it is no list. What is not of the type FHIR gives it is not read."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def obj(value: Any) -> Json:
    """An object, ``{}`` when it is none."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """A string, "" when it is none."""
    return value.strip() if isinstance(value, str) else ""


class Entries:
    """The resources of a Bundle, and how references in it resolve (R4, Bundle, "Resolving references in Bundles")."""

    __slots__ = ("_by_name", "_records", "all")

    def __init__(self, bundle: Json) -> None:
        entries = objects(bundle.get("entry"))
        if len(entries) > ENTRIES_MAX:
            raise Rejected(Reason.TOO_COMPLEX, "Bundle.entry")
        self.all: Final[list[Json]] = [obj(e.get("resource")) for e in entries]
        self._by_name: Final[dict[str, Json]] = {}
        for entry, resource in zip(entries, self.all, strict=True):
            for name in (text(entry.get("fullUrl")), f"{text(resource.get('resourceType'))}/{text(resource.get('id'))}"):
                if name and not name.endswith("/"):
                    self._by_name.setdefault(name, resource)

        self._records: dict[int, list[Json]] | None = None

    def records(self, resource: Json) -> list[Json]:
        """The Provenances whose target is a resource."""
        if self._records is None:
            self._records = {}
            for record in self.of("Provenance"):
                for found in map(self.target, objects(record.get("target"))):
                    if found:
                        self._records.setdefault(id(found), []).append(record)
        return self._records.get(id(resource), [])

    def of(self, kind: str) -> list[Json]:
        """The resources of a type, in order."""
        return [r for r in self.all if r.get("resourceType") == kind]

    def target(self, reference: Any) -> Json:
        """What a Reference refers to; ``{}`` when it is not in the Bundle."""
        name = text(obj(reference).get("reference"))
        found = self._by_name.get(name)
        return found if found is not None else self._by_name.get("/".join(name.split("/")[-2:]), {}) if "://" in name else {}

    def references(self, *names: str) -> Iterator[tuple[str, Json]]:
        """(place, Reference) of these elements of every resource."""
        for n, resource in enumerate(self.all):
            for name in names:
                value = resource.get(name)
                for reference in objects(value) if isinstance(value, list) else [obj(value)]:
                    if reference:
                        yield f"Bundle.entry[{n}].resource.{name}", reference
