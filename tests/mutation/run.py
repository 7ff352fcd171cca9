"""``make mutate``: every small change to the core that decides must be noticed by a test, or be listed with the reason why none can.

mutmut changes the functions; ``tables`` changes what mutmut leaves: constants, tables, defaults, functions with a decorator. Both work on a
copy in ``.mutate/`` and with the core's own unit tests alone. Exit code 1 when a change that is not in ``equivalent.toml`` went unnoticed.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import hypothesis.extra  # noqa: F401  # what takes the tests longest to load is loaded once, for every child
import psycopg  # noqa: F401
import pydantic  # noqa: F401
import pytest

from tests.mutation import functions
from tests.mutation.judge import Survivor, judge, listed
from tests.mutation.tables import Mutant, mutants

ROOT: Final = Path(__file__).parents[2]
COPY: Final = ROOT / ".mutate"
CORE: Final = ("hub/consent", "hub/routing", "hub/pipeline.py")
TESTS: Final = ("tests/unit/consent", "tests/unit/routing", "tests/unit/test_pipeline.py", "tests/unit/test_pipeline_items.py")
BESIDE: Final = ("deploy", "docs")  # the tests hold what is written there to the tables
SETTLED: Final = ("-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-profile=mutants")
WARM: Final = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # a child finds the libraries loaded
SECONDS_MAX: Final = 300  # of the tests of one mutant of a table: what makes them run for ever is noticed


def main() -> int:
    """Change everything asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="make mutate")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at once")
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"a part of {', '.join(CORE)}")
    given = parser.parse_args()
    sources = [path for path in _sources() if any(path.is_relative_to(part) for part in given.paths or CORE)]
    _prepare(sources)
    functions.run(COPY, given.jobs)
    total, alive = 0, list[Survivor]()
    for source in sources:
        count, survivors = functions.results(COPY, source)
        made = list(mutants((COPY / source).read_text("utf-8"), _module(source)))
        of_tables = list(_unnoticed(source, made))
        _say({"file": str(source), "functions": count, "tables": len(made), "unnoticed": len(survivors) + len(of_tables)})
        total, alive = total + count + len(made), [*alive, *survivors, *of_tables]
    return _judged(total, alive, tuple(f"{_module(source)}." for source in sources))


def _judged(total: int, alive: Sequence[Survivor], within: tuple[str, ...]) -> int:
    unlisted, stale = judge(alive, [s for s in listed() if s.where.startswith(within)])
    for s in unlisted:
        _say({"unnoticed": s.where, "was": s.was, "now": s.now})
    for s in stale:
        _say({"listed_but_noticed": s.where, "was": s.was, "now": s.now})
    _say({"mutants": total, "unnoticed": len(alive), "not_listed": len(unlisted), "listed_but_noticed": len(stale)})
    return 1 if unlisted else 0


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _sources() -> Iterator[Path]:
    for part in CORE:
        found = [ROOT / part] if part.endswith(".py") else sorted((ROOT / part).rglob("*.py"))
        yield from (path.relative_to(ROOT) for path in found if path.read_text("utf-8").strip())


def _module(source: Path) -> str:
    return ".".join(source.with_suffix("").parts)


def _prepare(sources: Sequence[Path]) -> None:
    """A copy of the project without anything of earlier runs."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir()
    for name in ("hub", "tests", *BESIDE):
        shutil.copytree(ROOT / name, COPY / name, ignore=shutil.ignore_patterns("__pycache__"))
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (COPY / "pyproject.toml").write_text(project + functions.settings(sources, TESTS, SETTLED, BESIDE), "utf-8")


def _unnoticed(source: Path, made: Sequence[Mutant]) -> Iterator[Survivor]:
    """The mutants with which every test still passes; each is tried in a process of its own, over a copy that it alone has changed."""
    nearest = sorted(TESTS, key=lambda tests: source.parent.name not in tests and source.stem not in tests)
    original = (COPY / source).read_text("utf-8")
    if not _passes(nearest):
        raise RuntimeError("the tests fail without any mutant")
    try:
        for mutant in made:
            (COPY / source).write_text(mutant.source, "utf-8")
            if _passes(nearest):
                yield Survivor(mutant.where, mutant.was, mutant.now)
    finally:
        (COPY / source).write_text(original, "utf-8")


def _passes(tests: Sequence[str]) -> bool:
    child = os.fork()
    if not child:
        os._exit(_in_child(tests))
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _in_child(tests: Sequence[str]) -> int:
    """pytest over the copy, told nothing of the modules of this process and telling nothing."""
    try:
        os.chdir(COPY)
        for name in [n for n in sys.modules if n.partition(".")[0] in ("hub", "tests")]:
            del sys.modules[name]
        sys.path[0], sys.dont_write_bytecode = str(COPY), True
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        return int(pytest.main(["-x", "-q", *SETTLED, *WARM, *tests]))
    except BaseException:  # noqa: BLE001  # whatever the mutant breaks, it is noticed
        return 1


if __name__ == "__main__":
    sys.exit(main())
