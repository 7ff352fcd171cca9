"""The items of a FHIR message: what a patient's consent may ask to be left out, with all that is asked about.

An item is a resource, but for those that say who and where (the patient, professionals, organisations, places, devices) and those about
the message itself. All codes anywhere in it count as its own.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from hub.adapters.fhir.document import Json, obj, objects, text
from hub.adapters.fhir.facts import labels_of
from hub.adapters.fhir.message import Message
from hub.adapters.fhir.times import span_us
from hub.adapters.item_types import contained, with_types
from hub.consent.resource_types import ABOUT, ACTORS
from hub.identity import HUB_PROVIDER
from hub.model import Identifier, Item, Received

_TIMES: Final = (  # when it was so, the most telling first; a choice of types by its stem
    "effective", "performed", "onset", "occurrence", "occurred", "period", "start", "authoredOn", "whenHandedOver", "whenPrepared",
    "collected", "date", "created", "recordedDate", "issued", "started", "sent", "servicedDate", "recorded",
)  # fmt: skip
_ENDS: Final = {"onset": "abatement", "start": "end"}
_AUTHORS: Final = ("performer", "author", "recorder", "asserter", "requester", "informationSource", "sender", "organizer", "actor")
_LINKS: Final = ("encounter", "context", "episodeOfCare", "basedOn", "partOf", "account", "carePlan")
_DEPTH_MAX: Final = 64
REASON: Final = "reasonCode"


def place(n: int) -> str:
    """The key of an entry."""
    return f"entry[{n}]"


def reason(n: int) -> str:
    """The key of why a visit is: Encounter.reasonCode is an item of its own."""
    return f"entry[{n}].{REASON}"


def items_of(message: Message, received: Received) -> tuple[Item, ...]:
    """Every item of the message, in the order of its entries."""
    entries = objects(message.bundle.get("entry"))
    source, whole = Identifier(HUB_PROVIDER, received.provider), _whole(message)
    found = []
    for n, (entry, resource) in enumerate(zip(entries, message.entries.all, strict=True)):
        kind = text(resource.get("resourceType"))
        if not kind or kind in ACTORS | ABOUT:
            continue
        own = {k: v for k, v in resource.items() if k != REASON} if kind == "Encounter" else resource
        made = _item(message, n, own, (source, whole, text(entry.get("fullUrl"))))
        if kind == "Encounter":
            made = replace(made, is_frame=True)
        found.append(made)
        if own is not resource and REASON in resource:
            found.append(replace(made, key=reason(n), type="Condition", codes=tuple(dict.fromkeys(_codes(resource[REASON]))), ids=()))
    return with_types(found, message.bundle)


def _whole(message: Message) -> tuple[str, ...]:
    """The labels of the message as a whole: of the Bundle, its header, and everybody and every place in it."""
    bearers = (message.bundle, *(r for r in message.entries.all if text(r.get("resourceType")) in ACTORS | ABOUT))
    return tuple(dict.fromkeys(label for bearer in bearers for label in labels_of(bearer)))


def _item(message: Message, n: int, resource: Json, known: tuple[Identifier, tuple[str, ...], str]) -> Item:
    """known: of the message its source and its labels, of the entry its URL."""
    source, whole, url = known
    kind, spans = text(resource.get("resourceType")), list(_spans(resource))
    authors = [i for name in _AUTHORS for r in _references(resource.get(name)) for i in _named(message, r)]
    links = [i for name in _LINKS for r in _references(resource.get(name)) for i in _named(message, r)]
    name = text(resource.get("id"))
    return Item(
        key=place(n),
        type=" ".join(dict.fromkeys((kind, *contained(resource)))),
        labels=tuple(dict.fromkeys((*whole, *labels_of(resource)))),
        codes=tuple(dict.fromkeys(_codes(resource))),
        first_us=min((first for first, _ in spans), default=None),
        last_us=max((last for _, last in spans), default=None),
        authors=tuple(dict.fromkeys((source, *authors))),
        ids=tuple(dict.fromkeys((*_identifiers(resource), *(Identifier("", i) for i in (f"{kind}/{name}" if name else "", url) if i)))),
        links=tuple(dict.fromkeys(links)),
    )


def _codes(value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """(system, code) of every Coding below a value, and of every plain code that stands where a Coding may."""
    if isinstance(value, list):
        for v in value:
            yield from _codes(v, depth)
    elif isinstance(value, dict) and depth < _DEPTH_MAX:
        if isinstance(value.get("code"), str) and "value" not in value:  # a Coding, not a Quantity
            yield text(value.get("system")), value["code"].strip()
        for name, v in value.items():
            if name != "meta":
                yield from _codes(v, depth + 1)


def _spans(resource: Json) -> Iterator[tuple[int, int]]:
    """First and last microsecond of each time of the first kind that is given."""
    for stem in _TIMES:
        found = [span for name, v in resource.items() if name.startswith(stem) for span in _span(v)]
        if found:
            yield from found
            end = _ENDS.get(stem, "\0")
            yield from (span for name, v in resource.items() if name.startswith(end) for span in _span(v))
            return


def _span(value: Any) -> Iterator[tuple[int, int]]:
    if isinstance(value, str):
        found = span_us(value)
        yield from [found] if found else []
    elif isinstance(value, dict):
        for part in ("start", "end"):
            yield from _span(value.get(part))
    elif isinstance(value, list):
        for v in value:
            yield from _span(v)


def _references(value: Any) -> Iterator[Json]:
    """The References of an element: itself, its elements, or what they call the actor or the member."""
    for holder in objects(value) if isinstance(value, list) else [obj(value)]:
        yield from (r for r in (holder, obj(holder.get("actor")), obj(holder.get("member"))) if {"reference", "identifier"} & r.keys())
        yield from objects(holder.get("encounter"))  # DocumentReference.context


def _named(message: Message, reference: Json) -> Iterator[Identifier]:
    """The identifiers of what a Reference means, and its own words."""
    target = message.entries.target(reference)
    yield from _identifiers({"identifier": [obj(reference.get("identifier"))]})
    for resource in (target, *(message.entries.target(target.get(part)) for part in ("practitioner", "organization"))):
        yield from _identifiers(resource)
    if word := text(reference.get("reference")):
        yield Identifier("", word)
    if target and (name := text(target.get("id"))):
        yield Identifier("", f"{text(target.get('resourceType'))}/{name}")


def _identifiers(resource: Json) -> list[Identifier]:
    given = resource.get("identifier")
    found = objects(given) if isinstance(given, list) else [obj(given)]
    return [Identifier(text(i.get("system")), value) for i in found if (value := text(i.get("value")))]
