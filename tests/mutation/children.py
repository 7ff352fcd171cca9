"""Mutants are tried in forks: as many at once as asked for, each with an end of its time and memory."""

import gc
import os
import resource
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from tests.mutation.tables import Mutant

_MEMORY_MAX: Final = 3 << 30  # bytes: what grows for ever is noticed


def unnoticed(mutants: Iterable[Mutant], passes: Callable[[Mutant], bool], jobs: int) -> Iterator[Mutant]:
    """The mutants with which every test passes; whatever else becomes of the child, the mutant is noticed."""
    running = dict[int, Mutant]()
    gc.collect()
    gc.freeze()  # a child that looks for waste in what it shares with its parent copies all of it
    for mutant in mutants:
        if len(running) >= jobs:
            yield from _ended(running)
        running[_child(mutant, passes)] = mutant
    while running:
        yield from _ended(running)


def _ended(running: dict[int, Mutant]) -> Iterator[Mutant]:
    child, status = os.wait()
    while child not in running:  # somebody else's: whoever started this may have had others
        child, status = os.wait()
    mutant = running.pop(child)
    if os.waitstatus_to_exitcode(status) == 0:
        yield mutant


def _child(mutant: Mutant, passes: Callable[[Mutant], bool]) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_MAX, _MEMORY_MAX))
        silence()
        code = 0 if passes(mutant) else 1
    finally:
        os._exit(code)


def silence() -> None:
    """What the tests say of a mutant is of no use to anybody."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


def end_after(cpu_seconds: float) -> None:
    """The end of a child that runs for ever; of its own time, for the machine may be busy."""
    limit = int(sum(os.times()[:2]) + cpu_seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
