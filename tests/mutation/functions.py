"""mutmut over a copy of the project: what it changes in functions without a decorator, and what the tests noticed of it."""

import difflib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.mutation.judge import Survivor

# mutmut's exit codes of a mutant: anything else is a failing test, a crash or a time-out, and so noticed
_UNNOTICED: Final = {0: "survived", 2: "interrupted", 5: "no tests", 33: "no tests", 34: "skipped", 35: "suspicious", None: "not checked"}
_NAME: Final = re.compile(r"(?P<module>[\w.]+)\.x(?:_|ǁ(?P<owner>\w+)ǁ)(?P<function>\w+)__mutmut_\d+")


def settings(sources: Sequence[Path], tests: Sequence[str], arguments: Sequence[str], beside: Sequence[str]) -> str:
    """mutmut's table in pyproject.toml."""
    table = {
        "source_paths": ["hub"],
        "only_mutate": [str(path) for path in sources],
        "pytest_add_cli_args_test_selection": list(tests),
        "pytest_add_cli_args": list(arguments),
        "also_copy": list(beside),
    }
    fixed = (
        "use_git_change_detection = false\ntimeout_multiplier = 4.0\n"  # of the time its tests take: a mutant that runs for ever is noticed
    )
    return f"\n[tool.mutmut]\n{fixed}" + "".join(f"{name} = {json.dumps(v)}\n" for name, v in table.items())


def run(copy: Path, jobs: int) -> None:
    """All mutants of a copy whose settings are written. Raises CalledProcessError, also when the tests fail without any mutant."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(jobs)]
    with (copy / "mutmut.log").open("w", encoding="utf-8") as log:
        subprocess.run(command, cwd=copy, stdout=log, stderr=subprocess.STDOUT, check=True)


def results(copy: Path, source: Path) -> tuple[int, list[Survivor]]:
    """How many mutants there were of one file, and those that nothing noticed."""
    made = copy / "mutants" / source
    if not made.with_name(f"{made.name}.meta").exists():
        return 0, []
    codes = json.loads(made.with_name(f"{made.name}.meta").read_text("utf-8"))["exit_code_by_key"]
    return len(codes), list(_survivors(made, [name for name, code in codes.items() if code in _UNNOTICED]))


def _survivors(made: Path, names: Sequence[str]) -> Iterator[Survivor]:
    lines = made.read_text("utf-8").splitlines()
    spans = json.loads(made.with_name(f"{made.name}.spans").read_text("utf-8"))["spans"] if names else {}
    for name in names:
        parts = _NAME.fullmatch(name)
        if parts is None:
            raise ValueError(name)
        short = name.rpartition(".")[2]
        original = re.sub(r"__mutmut_\d+$", "__mutmut_orig", short)
        before, after = (_body(lines, spans[key], key) for key in (original, short))
        changed = [d for d in difflib.ndiff(before, after) if d[0] in "-+"]
        was, now = ("\n".join(d[2:].strip() for d in changed if d[0] == sign) for sign in "-+")
        where = ".".join(filter(None, (parts["module"], parts["owner"], parts["function"])))
        yield Survivor(where, was, now)


def _body(lines: Sequence[str], span: tuple[int, int], name: str) -> list[str]:
    start, end = span
    return [line.replace(name, "f") for line in lines[start - 1 : end]]
