"""The items of a message as bytes beside its delivery: what they were asked about, to be asked about again without reading the message."""

import json
from collections.abc import Iterable
from typing import Any

from hub.model import Identifier, Item


def packed(items: Iterable[Item]) -> bytes:
    """A JSON array of the items' fields, in the order of ``model.Item``; ``[]`` for a message that has none."""
    return json.dumps([_row(item) for item in items], separators=(",", ":")).encode()


def unpacked(data: bytes) -> tuple[Item, ...] | None:
    """The items; None when nobody looked."""
    return tuple(_item(*row) for row in json.loads(data)) if data else None


def _row(i: Item) -> list[Any]:
    who = [[[n.system, n.value] for n in several] for several in (i.authors, i.ids, i.links)]
    return [i.key, i.type, i.labels, i.codes, i.first_us, i.last_us, *who]


def _item(key: str, type_: str, labels: list[str], codes: list[list[str]], *rest: Any) -> Item:
    first_us, last_us, *who = rest
    authors, ids, links = (tuple(Identifier(system, value) for system, value in several) for several in who)
    return Item(key, type_, tuple(labels), tuple((system, code) for system, code in codes), first_us, last_us, authors, ids, links)
