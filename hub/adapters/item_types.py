"""The FHIR resource types that an item is told as. Pure.

A lock on a type (Consent.provision.class) must find everything of that type, whichever segment or document it is made of. What no item
says to be is told along with whatever goes: so it counts as a type of each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hub.consent.resource_types import NO_ITEMS
from hub.model import Item

Json = Mapping[str, Any]


def with_types(items: Iterable[Item], bundle: Json) -> tuple[Item, ...]:
    """The items, each with its own types first and then those of which the message's Bundle tells more than they are."""
    known = tuple(items)
    rest = tuple(Counter(_types(bundle)) - Counter(type_ for item in known for type_ in item.types))
    if not rest:
        return known
    return tuple(replace(item, type=" ".join(dict.fromkeys((*item.types, *rest)))) if item.type else item for item in known)


def contained(resource: Json) -> tuple[str, ...]:
    """The types of what a resource contains."""
    return tuple(dict.fromkeys(_clinical(resource.get("contained"))))


def _types(bundle: Json) -> Iterator[str]:
    resources = [entry.get("resource") for entry in bundle.get("entry", ()) if isinstance(entry, Mapping)]
    yield from _clinical(resources)
    yield from (type_ for resource in resources if isinstance(resource, Mapping) for type_ in contained(resource))


def _clinical(resources: Any) -> Iterator[str]:
    for resource in resources if isinstance(resources, list) else ():
        kind = resource.get("resourceType") if isinstance(resource, Mapping) else None
        if isinstance(kind, str) and kind and kind not in NO_ITEMS and not set(kind) & set(" \t\n"):
            yield kind
