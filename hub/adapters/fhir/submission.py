"""What a FHIR server pushes to the base URL, as changes: a transaction, batch or collection Bundle, one resource, or a notification.

R4 http.html#transaction, bundle.html; Subscriptions R5 Backport (R4). A message Bundle goes to ``$process-message`` instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final

from hub.adapters.fhir import notification
from hub.adapters.fhir.document import ENTRIES_MAX, Json, obj, objects, parse, text
from hub.adapters.fhir.mappings.changes import STATUSES
from hub.errors import Reason, Rejected
from hub.model import Refusal

_WRITES: Final = frozenset({"POST", "PUT"})


class Shape(StrEnum):
    """How the changes stand to each other, and how they are answered."""

    TRANSACTION = "transaction"  # all or none
    BATCH = "batch"  # each for itself
    COLLECTION = "collection"  # as a batch; nobody says what was done to them
    NOTIFICATION = "history"  # of a subscription at a peer
    RESOURCE = "resource"  # one, by itself


@dataclass(frozen=True, slots=True)
class Change:
    """One resource as it was written elsewhere."""

    place: str  # "Bundle.entry[3]", or the resource's type where it stands alone
    resource: Json = field(repr=False)
    name: str = field(default="", repr=False)  # fullUrl
    method: str = ""  # "POST", "PUT", or "" when nobody says
    is_context: bool = False  # told with whatever refers to it, and never alone
    when: str = field(default="", repr=False)  # when the peer noted it
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything that came in one body."""

    shape: Shape
    changes: tuple[Change, ...]
    meta: Json = field(repr=False)  # Bundle.meta
    timestamp: str = field(repr=False)  # Bundle.timestamp
    digest: bytes = field(repr=False)  # SHA-256 of the body
    size: int  # bytes


def read(raw: bytes) -> Submission:
    """The changes of a body. Raises Rejected: those of ``parse``, UNSUPPORTED_TYPE (a Bundle of another type), BAD_VALUE, TOO_COMPLEX."""
    body = parse(raw)
    digest = sha256(raw).digest()
    if body.get("resourceType") != "Bundle":
        kind = text(body.get("resourceType"))
        place = kind if kind in STATUSES else "resourceType"  # a place is never a word of the sender's
        return Submission(Shape.RESOURCE, (Change(place, body),), {}, "", digest, len(raw))
    try:
        shape = Shape(text(body.get("type")))
    except ValueError:
        raise Rejected(Reason.UNSUPPORTED_TYPE, "Bundle.type") from None
    entries = objects(body.get("entry"))
    if entries != body.get("entry", []):  # what is none would be left out unsaid, and the answers stand by number
        raise Rejected(Reason.BAD_VALUE, "Bundle.entry")
    if len(entries) > ENTRIES_MAX:
        raise Rejected(Reason.TOO_COMPLEX, "Bundle.entry")
    changes = _noted(entries) if shape is Shape.NOTIFICATION else (_change(n, e, shape) for n, e in enumerate(entries))
    return Submission(shape, tuple(changes), obj(body.get("meta")), text(body.get("timestamp")), digest, len(raw))


def _change(n: int, entry: Json, shape: Shape) -> Change:
    """An entry of a Bundle. Only writes are changes; a deletion says neither of whom nor what, so it cannot be told."""
    place, resource = f"Bundle.entry[{n}]", obj(entry.get("resource"))
    method = text(obj(entry.get("request")).get("method"))
    refusal = None
    if shape is not Shape.COLLECTION and method not in _WRITES:
        where = f"{place}.request.method"
        refusal = Refusal(Reason.UNSUPPORTED_TYPE if method else Reason.MISSING_FIELD, where)
    elif not text(resource.get("resourceType")):
        refusal = Refusal(Reason.MISSING_FIELD, f"{place}.resource")
    return Change(place, resource, text(entry.get("fullUrl")), method if method in _WRITES else "", refusal=refusal)


def _noted(entries: list[Json]) -> Iterable[Change]:
    """The entries of a notification: its foci are the changes, everything else is there to understand them by."""
    status = notification.read(obj(entries[0].get("resource")) if entries else {})
    yield Change("Bundle.entry[0]", {}, is_context=True)
    held: set[str] = set()
    for n, entry in enumerate(entries[1:], 1):
        place, resource, name = f"Bundle.entry[{n}]", obj(entry.get("resource")), text(entry.get("fullUrl"))
        names = {name, notification.relative(name), f"{text(resource.get('resourceType'))}/{text(resource.get('id'))}"}
        noted = next((status.foci[known] for known in names if known in status.foci), None)
        held |= names
        method = text(obj(entry.get("request")).get("method"))
        refusal = Refusal(Reason.MISSING_FIELD, f"{place}.resource") if noted is not None and not resource else None
        yield Change(place, resource, name, method if method in _WRITES else "", noted is None, noted or "", refusal)
    for focus, place in status.places.items():
        if focus not in held and notification.relative(focus) not in held:  # content "empty" or "id-only" tells nobody anything
            yield Change(place, {}, refusal=Refusal(Reason.MISSING_FIELD, place))
