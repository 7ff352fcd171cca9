"""``make mutate``: every small change to the core that decides must be noticed by a test, or be listed with the reason why none can.

mutmut changes the functions; ``tables`` changes what mutmut leaves: constants, tables, defaults, functions with a decorator. Both are tried
over a copy in ``.mutate/`` and with the core's own unit tests alone. Exit code 1 when a change that is not in ``equivalent.toml`` went
unnoticed.
"""

import argparse
import json
import os
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.mutation import afresh, functions, tables
from tests.mutation.children import unnoticed
from tests.mutation.judge import Survivor, judge, listed
from tests.mutation.tables import Mutant
from tests.mutation.trial import Trial

ROOT: Final = Path(__file__).parents[2]
COPY: Final = ROOT / ".mutate"
CORE: Final = ("hub/consent", "hub/routing", "hub/pipeline.py")
TESTS: Final = ("tests/unit/consent", "tests/unit/routing", "tests/unit/test_pipeline.py", "tests/unit/test_pipeline_items.py")
BESIDE: Final = ("deploy", "docs", "pyproject.toml")  # the tests hold what is written there to the tables
SETTLED: Final = ("-q", "-s", "--assert=plain", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-profile=mutants")
_WARM: Final = ("-x", "-W", "ignore::pytest.PytestAssertRewriteWarning")  # a child finds the libraries loaded


def main() -> int:
    """Change everything asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="make mutate")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at once")
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"a part of {', '.join(CORE)}")
    given = parser.parse_args()
    _prepare()
    sources = [path for path in _sources() if any(path.is_relative_to(part) for part in given.paths or CORE)]
    texts = {_module(path): path.read_text("utf-8") for path in sources}
    made = [m for name, text in texts.items() for m in (*functions.mutants(text, name), *tables.mutants(text, name))]
    began, alive = time.monotonic(), list[Survivor]()
    tell = partial(_tell, alive, listed())
    trial = Trial(texts, [*made, *_unchanged(texts, made)], given.jobs, tell)  # what disturbs the run is found at its end
    if pytest.main([*SETTLED, *TESTS], plugins=[trial]) != 0:
        raise RuntimeError("the tests fail without any mutant")
    for mutant in unnoticed(trial.unreached, _passes_afresh, given.jobs):
        tell(mutant)
    seconds = round(time.monotonic() - began)
    if sum(s.was == s.now for s in alive) != len(_unchanged(texts, made)):
        raise RuntimeError("what changes nothing was noticed")
    return _judged(made, [s for s in alive if s.was != s.now], texts, seconds)


def _unchanged(texts: dict[str, str], made: Sequence[Mutant]) -> list[Mutant]:
    """No mutants, for both ways of trying them: of a function, and of no function."""
    return [Mutant(where, "", "", texts[_of(where, texts)]) for where in (made[0].where, f"{next(iter(texts))}.")] if made else []


def _tell(alive: list[Survivor], may_live: Sequence[Survivor], mutant: Mutant) -> None:
    """What went unnoticed, said at once where it may not."""
    alive.append(survivor := Survivor(mutant.where, mutant.was, mutant.now))
    if survivor not in may_live and survivor.was != survivor.now:
        _say({"unnoticed": survivor.where, "was": survivor.was, "now": survivor.now})


def _judged(made: Sequence[Mutant], alive: Sequence[Survivor], texts: dict[str, str], seconds: int) -> int:
    every, left = (Counter(_of(m.where, texts) for m in some) for some in (made, alive))
    unlisted, stale = judge(alive, [s for s in listed() if s.where.startswith(tuple(f"{name}." for name in texts))])
    for name, count in every.items():
        _say({"module": name, "mutants": count, "unnoticed": left[name]})
    for s in stale:
        _say({"listed_but_noticed": s.where, "was": s.was, "now": s.now})
    counts = {"mutants": len(made), "unnoticed": len(alive), "not_listed": len(unlisted), "listed_but_noticed": len(stale)}
    _say({**counts, "seconds": seconds})
    return 1 if unlisted else 0


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _sources() -> Iterator[Path]:
    for part in CORE:
        found = [Path(part)] if part.endswith(".py") else sorted(Path(part).rglob("*.py"))
        yield from (path for path in found if path.read_text("utf-8").strip())


def _module(source: Path) -> str:
    return ".".join(source.with_suffix("").parts)


def _of(where: str, names: Iterable[str]) -> str:
    return next(name for name in names if where.startswith(f"{name}."))


def _prepare() -> None:
    """A copy of the project without anything of earlier runs, and from now on nothing but the copy."""
    shutil.rmtree(COPY, ignore_errors=True)
    for name in ("hub", "tests", *BESIDE):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        COPY.mkdir(exist_ok=True)
        copy(ROOT / name, COPY / name)
    os.chdir(COPY)
    sys.path[0] = str(COPY)
    afresh.unload({n for n in sys.modules if n.partition(".")[0] in ("hub", "tests")})


def _passes_afresh(mutant: Mutant) -> bool:
    name = _of(mutant.where, map(_module, _sources()))
    files = sorted(str(path) for tests in TESTS for path in ([Path(tests)] if tests.endswith(".py") else Path(tests).glob("test_*.py")))
    nearest = _nearest(name, files)
    others = [file for file in files if file not in nearest]
    stages = [[*SETTLED, *_WARM, *files] for files in (nearest, others) if files]
    return afresh.passes(mutant, name, Path(*name.split(".")).with_suffix(".py"), stages)


def _nearest(name: str, files: Sequence[str]) -> list[str]:
    """The tests of the module's name, else those that name it."""
    word = name.rpartition(".")[2]
    own = [file for file in files if Path(file).stem == f"test_{word}"]
    return own or [file for file in files if re.search(rf"\b{word}\b", Path(file).read_text("utf-8"))]


if __name__ == "__main__":
    sys.exit(main())
