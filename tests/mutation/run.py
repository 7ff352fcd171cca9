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
    began = time.monotonic()
    trial = Trial(texts, made, given.jobs)
    if pytest.main([*SETTLED, *TESTS], plugins=[trial]) != 0:
        raise RuntimeError("the tests fail without any mutant")
    alive = [*_told(trial.alive), *_told(unnoticed(trial.unreached, _passes_afresh, given.jobs))]
    counted, left = (Counter(_of(where, texts) for where in some) for some in ([m.where for m in made], [s.where for s in alive]))
    for name, count in counted.items():
        _say({"module": name, "mutants": count, "unnoticed": left[name]})
    unlisted, stale = judge(alive, [s for s in listed() if s.where.startswith(tuple(f"{name}." for name in texts))])
    for s in stale:
        _say({"listed_but_noticed": s.where, "was": s.was, "now": s.now})
    counts = {"mutants": len(made), "unnoticed": len(alive), "not_listed": len(unlisted), "listed_but_noticed": len(stale)}
    _say({**counts, "seconds": round(time.monotonic() - began)})
    return 1 if unlisted else 0


def _told(alive: Iterable[Mutant]) -> Iterator[Survivor]:
    """What went unnoticed, said at once where it may not."""
    may_live = listed()
    for mutant in alive:
        survivor = Survivor(mutant.where, mutant.was, mutant.now)
        if survivor not in may_live:
            _say({"unnoticed": survivor.where, "was": survivor.was, "now": survivor.now})
        yield survivor


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
