"""The share of the official rows that are mapped, as a table.

python -m tests.conformance.row_coverage [--missing]
"""

import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conformance import data_types, guide
from tests.conformance.judge import Verdict, verdicts

EXCEPTIONS: Final = Path(__file__).parent / "exceptions.toml"


@dataclass(frozen=True)
class Exception_:  # noqa: N801 - the word is the file's; the builtin's name is taken
    """Rows that are left unmapped, and why. ``*`` in ``rows`` stands for anything; ``places`` narrows it to places of messages."""

    rows: str
    reason: str
    places: str = "*"

    def covers(self, verdict: Verdict) -> bool:
        return _like(self.rows, verdict.key) and _like(self.places, verdict.place)


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def exceptions() -> tuple[Exception_, ...]:
    """The exceptions as they stand in the file."""
    found = tomllib.loads(EXCEPTIONS.read_text("utf-8")).get("exception", ())
    return tuple(Exception_(e["rows"], e["reason"], e.get("places", "*")) for e in found)


def unexplained(found: Iterable[Verdict], known: Iterable[Exception_]) -> list[str]:
    """Rows that are neither mapped nor excepted."""
    known = tuple(known)
    return [
        f"{v.place}: {v.key}{f'  ({v.note})' if v.note else ''}" for v in found if not v.is_mapped and not any(e.covers(v) for e in known)
    ]


def stale(found: Iterable[Verdict], known: Iterable[Exception_]) -> list[str]:
    """Exceptions for rows that are mapped, and exceptions for no row at all."""
    found = tuple(found)
    wrong = []
    for e in known:
        covered = [v for v in found if e.covers(v)]
        if not covered:
            wrong.append(f"no such row: {e.rows} {e.places}")
        wrong += [f"mapped: {v.place}: {v.key}" for v in covered if v.is_mapped]
    return wrong


def shares(found: Iterable[Verdict], known: Iterable[Exception_]) -> dict[str, tuple[int, int]]:
    """Group -> (rows mapped in every place they occur, rows). A place that is excepted by name is left aside where others are not."""
    here = [e for e in known if e.places != "*"]
    rows: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for v in found:
        rows[v.group][v.key] += [] if not v.is_mapped and any(e.covers(v) for e in here) else [v.is_mapped]
    return {group: (sum(bool(m) and all(m) for m in keys.values()), len(keys)) for group, keys in sorted(rows.items())}


def types_line(found: Iterable[Verdict]) -> str:
    """The share of the data type maps in one line."""
    found = tuple(found)
    return f"data types: {sum(v.is_mapped for v in found)} of {len(found)} rows of {len({v.group for v in found})} maps mapped"


def table(found: Iterable[Verdict]) -> str:
    """The shares as Markdown: message maps, segment maps, all. A row is mapped when it is so in every place of every message."""
    found = tuple(found)
    share = shares(found, exceptions())
    places = {g: [v.is_mapped for v in found if v.group == g] for g in share}
    lines = ["| map | rows mapped | rows | share | share of places |", "|---|--:|--:|--:|--:|"]

    def line(name: str, groups: list[str]) -> str:
        mapped, total = (sum(share[g][n] for g in groups) for n in (0, 1))
        everywhere = [m for g in groups for m in places[g]]
        return f"| {name} | {mapped} | {total} | {mapped / max(total, 1):.1%} | {sum(everywhere) / max(len(everywhere), 1):.1%} |"

    messages, segments = [g for g in share if "_" in g], [g for g in share if "_" not in g]
    lines += [line(g, [g]) for g in messages] + [line("**all message maps**", messages)]
    lines += [line(g, [g]) for g in segments] + [line("**all segment maps**", segments)]
    return "\n".join([*lines, line("**all**", [*share])])


def main() -> None:
    if not guide.is_here():
        sys.exit(f"the guide's tables are not at {guide.GUIDE}: set HUB_V2_TO_FHIR")
    found, types = tuple(verdicts()), tuple(data_types.verdicts())
    if "--missing" in sys.argv:
        print("\n".join(f"{v.place}: {v.key}{f'  ({v.note})' if v.note else ''}" for v in (*found, *types) if not v.is_mapped))
    print(table(found))
    print(f"\n{types_line(types)}")


if __name__ == "__main__":
    main()
