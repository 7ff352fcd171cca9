"""How far the hub's Bundles agree with those of other converters, as tables.

*Compared* is every field of the allow-list's classes that are compared (``agreement.toml``). Of these some show an expected
Bundle that a row of the guide, or R4 itself, contradicts (``who = "ours"``): they cannot be agreed on, and are counted apart from the
*comparable*.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.conformance import allowed, corpora
from tests.conformance.agreement import Outcome
from tests.conformance.allowed import Found, Rule, Who

Explained = tuple[Found, Rule | None]
_HEAD: Final = (
    "| {} | messages | compared | agree | share of compared | contradicted by guide or R4 | either may be right | theirs right "
    "| agreement |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|"
)


@dataclass(frozen=True)
class Tally:
    """The fields of some messages, counted."""

    messages: int
    agree: int
    ours: int
    both: int
    theirs: int
    set_aside: int

    @property
    def compared(self) -> int:
        return self.agree + self.ours + self.both + self.theirs

    @property
    def comparable(self) -> int:
        """Less those in which the expected Bundle is contradicted."""
        return self.compared - self.ours

    @property
    def share(self) -> float:
        return self.agree / max(self.compared, 1)

    @property
    def agreement(self) -> float:
        return self.agree / max(self.comparable, 1)

    def row(self, name: str) -> str:
        counts = (self.messages, self.compared, self.agree, f"{self.share:.1%}", self.ours, self.both, self.theirs)
        return f"| {name} | {' | '.join(map(str, counts))} | {self.agreement:.1%} |"


@cache
def everything() -> tuple[Explained, ...]:
    """Every field of every pair with the rule that explains it."""
    return tuple(allowed.explained((f for pair in corpora.pairs() for f in allowed.found(pair)), allowed.rules()))


def tally(found: Iterable[Explained]) -> Tally:
    """Counted; a difference without a rule is held against us."""
    found = tuple(found)
    counted = Counter(_count(f, rule) for f, rule in found)
    return Tally(
        messages=len({(f.corpus, f.name) for f, _ in found}),
        agree=counted["agree"],
        ours=counted[Who.OURS],
        both=counted[Who.BOTH],
        theirs=counted[Who.THEIRS] + counted[Who.NEITHER],
        set_aside=counted["set aside"],
    )


def _count(found: Found, rule: Rule | None) -> str:
    if rule is not None:
        return rule.who if rule.is_compared else "set aside"
    return "agree" if found.leaf.outcome is Outcome.AGREE else Who.THEIRS


def table(found: Iterable[Explained], name: str, key: Callable[[Found], str]) -> str:
    """One row for each key, and one for all."""
    found = tuple(found)
    keys = sorted({key(f) for f, _ in found})
    rows = [tally(e for e in found if key(e[0]) == k).row(k) for k in keys]
    return "\n".join([_HEAD.format(name), *rows, *([tally(found).row("**all**")] if len(keys) > 1 else [])])


def summary() -> str:
    """One row a corpus."""
    return table(everything(), "corpus", lambda f: f.corpus)


def by_type(corpus: str) -> str:
    """One row a message type."""
    return table([e for e in everything() if e[0].corpus == corpus], f"{corpus}: message", lambda f: f.type)


def set_aside() -> str:
    """What is not compared: each class, how many fields, and how many of them agree all the same."""
    used = Counter((rule.why, f.leaf.outcome) for f, rule in everything() if rule is not None and not rule.is_compared)
    lines = ["| not compared: class of fields | agree | differ | only ours | only theirs |", "|---|--:|--:|--:|--:|"]
    for rule in allowed.rules():
        if not rule.is_compared:
            counts = " | ".join(str(used[rule.why, outcome]) for outcome in Outcome)
            lines.append(f"| {rule.why} | {counts} |")
    return "\n".join(lines)
