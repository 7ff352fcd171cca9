"""Codes that are sensitive in themselves: a table of the configuration gives what bears one the label that its sender left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hub.model import Item

Code = tuple[str, str]
"""System and code."""


@dataclass(frozen=True, slots=True)
class SensitiveCodes:
    """The table. exact: (system, code) -> label. prefixes: (system, how the code begins) -> label, for hierarchies such as ICD-10's."""

    exact: Mapping[Code, str] = field(default_factory=dict)
    prefixes: Mapping[Code, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.exact or self.prefixes)

    def labelled(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """The items with the labels that their codes give them beside their own."""
        return tuple(self._labelled(item) for item in items)

    def _labelled(self, item: Item) -> Item:
        found = [label for code in item.codes if (label := self.exact.get(code))]
        found += [label for (system, start), label in self.prefixes.items() for s, c in item.codes if s == system and c.startswith(start)]
        return replace(item, labels=tuple(dict.fromkeys((*item.labels, *found)))) if found else item


NO_CODES = SensitiveCodes()
