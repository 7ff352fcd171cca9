"""Which mutants may live: those listed in ``equivalent.toml`` with the reason why no test can tell them from the original."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LISTED = Path(__file__).parent / "equivalent.toml"


@dataclass(frozen=True, order=True)
class Survivor:
    """A mutant that no test told from the original. where: module and function or table; was, now: the lines that differ."""

    where: str
    was: str
    now: str


def listed(file: Path = LISTED) -> list[Survivor]:
    """The mutants that may live. Raises ValueError for one without a reason."""
    found = []
    for entry in tomllib.loads(file.read_text("utf-8")).get("mutant", []):
        if not entry.get("why", "").strip():
            raise ValueError(f"{file}: {entry.get('where')}: no reason")
        found.append(Survivor(entry["where"], entry["was"].strip(), entry["now"].strip()))
    return found


def judge(survivors: Iterable[Survivor], may_live: Iterable[Survivor]) -> tuple[list[Survivor], list[Survivor]]:
    """The survivors that are not listed, and the listed that did not survive."""
    alive, allowed = set(survivors), set(may_live)
    return sorted(alive - allowed), sorted(allowed - alive)
