"""The allow-list: which differences are known, who is right in each and why, and which fields are not compared at all."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.conformance.agreement import Leaf, Outcome, compared
from tests.conformance.corpora import Pair
from tests.conformance.defined import Message

FILE: Final = Path(__file__).parent / "agreement.toml"
_QUARTER_S: Final = 900
_ZONES_S: Final = 14 * 3600  # no two places on earth are further apart


class Who(StrEnum):
    """Who is right where the two differ."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"
    NEITHER = "neither"


@dataclass(frozen=True)
class Rule:
    """Differences of one kind. ``fields`` are patterns of ``Type.path`` with ``*`` for anything; what is not given does not matter."""

    fields: tuple[str, ...]
    who: Who
    why: str
    is_compared: bool = True  # False: a class of fields on which there is nothing to agree about
    corpus: str = "*"
    types: str = "*"  # of message: ADT_*
    outcomes: tuple[str, ...] = ("differ", "only ours", "only theirs")
    kind: str = ""
    ours: str = ""  # regular expressions of what is said
    theirs: str = ""
    role: str = ""  # all that refers to the resource does so from here

    def covers(self, found: "Found") -> bool:
        leaf = found.leaf
        return (
            leaf.outcome.value in self.outcomes
            and _like(self.corpus, found.corpus)
            and _like(self.types, found.type)
            and any(_like(f, leaf.where) for f in self.fields)
            and (not self.ours or re.search(self.ours, leaf.ours) is not None)
            and (not self.theirs or re.search(self.theirs, leaf.theirs) is not None)
            and (not self.role or (bool(leaf.roles) and all(_like(self.role, r) for r in leaf.roles)))
            and (not self.kind or _KINDS[self.kind](found))
        )


@dataclass(frozen=True)
class Found:
    """A leaf in its message, and what the guide says of it."""

    corpus: str
    name: str
    type: str
    leaf: Leaf
    is_defined: bool  # by a row of the guide, out of this message
    is_said: bool  # the value stands in the message


_KINDS: Final[Mapping[str, Any]] = {
    "beyond the guide": lambda f: not f.is_defined and f.leaf.outcome in {Outcome.OURS, Outcome.THEIRS},
    "left out": lambda f: f.is_defined and f.leaf.outcome is Outcome.OURS,
    "looked up": lambda f: not f.is_said,
    "follows": lambda f: f.leaf.is_following,
    "orphan": lambda f: f.leaf.is_whole and not f.leaf.roles,
    "zone": lambda f: _is_zone(f.leaf.ours, f.leaf.theirs),
}


def _is_zone(ours: str, theirs: str) -> bool:
    try:
        seconds = abs((datetime.fromisoformat(ours) - datetime.fromisoformat(theirs)).total_seconds())
    except (ValueError, TypeError):
        return False
    return 0 < seconds <= _ZONES_S and seconds % _QUARTER_S == 0


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))))


def _like(pattern: str, text: str) -> bool:
    return _pattern(pattern).fullmatch(text) is not None


def rules(text: str | None = None) -> tuple[Rule, ...]:
    """The rules as they stand in the file: the first that covers a difference explains it."""
    found = tomllib.loads(FILE.read_text("utf-8") if text is None else text).get("rule", ())
    return tuple(_rule(r) for r in found)


def _rule(said: dict[str, Any]) -> Rule:
    said = dict(said)
    fields = said.pop("fields")
    return Rule(
        fields=(fields,) if isinstance(fields, str) else tuple(fields),
        who=Who(said.pop("who")),
        why=said.pop("why"),
        is_compared=said.pop("compared", True),
        outcomes=tuple(said.pop("outcomes", Rule.outcomes)),
        **said,
    )


def found(pair: Pair) -> list[Found]:
    """Every leaf of a pair of Bundles."""
    message = Message(pair.raw)
    return [
        Found(
            pair.corpus, pair.name, pair.type, leaf,
            leaf.outcome in {Outcome.OURS, Outcome.THEIRS} and message.defines(leaf, pair.structures),
            message.says(leaf.theirs or leaf.ours),
        )
        for leaf in compared(pair.ours, pair.theirs)
    ]  # fmt: skip


def explained(leaves: Iterable[Found], known: Iterable[Rule]) -> list[tuple[Found, Rule | None]]:
    """Every leaf with the rule that explains it; an agreement has one only where its field is not compared."""
    known = tuple(known)
    return [(f, next((r for r in known if r.covers(f)), None)) for f in leaves]
