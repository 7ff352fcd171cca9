"""Mutants of functions: the tests are collected once, and each mutant is put in the function's place in a fork of that.

Only the tests that reach the function are run, the fastest first, until one fails.
"""

import ast
import importlib
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any, Final

import pytest

from tests.mutation.children import end_after, unnoticed
from tests.mutation.tables import Mutant

_SECONDS: Final = 5.0  # of CPU, beside ten times what the tests take: for what runs for ever
_REACHED: Final = "_mutation_reached"
Place = tuple[ModuleType, tuple[str, ...]]


@dataclass
class Trial:
    """A pytest plugin in the place of its loop. sources: of the modules, by name. tell: is told each that no test noticed.

    unreached: what no test calls once the modules are loaded.
    """

    sources: dict[str, str]
    mutants: Sequence[Mutant]
    jobs: int
    tell: Callable[[Mutant], None]
    unreached: list[Mutant] = field(default_factory=list)
    _failed: bool = False
    _by_function: dict[str, list[tuple[float, pytest.Item]]] = field(default_factory=lambda: defaultdict(list))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails notices."""
        self._failed = self._failed or report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Which test reaches what, and then every mutant."""
        if session.testsfailed:
            return True
        self._record(session.items)
        if self._failed:
            return True
        here = [m for m in self.mutants if m.where in self._by_function]
        self.unreached += [m for m in self.mutants if m.where not in self._by_function]
        for mutant in unnoticed(here, self._passes, self.jobs):
            self.tell(mutant)
        return True

    def _record(self, items: Sequence[pytest.Item]) -> None:
        reached = set[str]()
        wheres = dict.fromkeys(m.where for m in self.mutants)
        for where in wheres:
            module, path = located(where, self.sources)
            setattr(module, _REACHED, reached.add)
            tree = ast.parse(self.sources[module.__name__])
            function = defined(tree, path)
            if function is not None:
                function.body.insert(0, ast.parse(f"{_REACHED}({where!r})").body[0])
                put(module, path, function)
        for item in items:
            reached.clear()
            forget(self.sources)
            began = time.perf_counter()
            self._run(item)
            for where in reached:
                self._by_function[where].append((time.perf_counter() - began, item))
        for where in wheres:
            module, path = located(where, self.sources)
            function = defined(ast.parse(self.sources[module.__name__]), path)
            if function is not None:
                put(module, path, function)

    def _passes(self, mutant: Mutant) -> bool:
        module, path = located(mutant.where, self.sources)
        function = defined(ast.parse(mutant.source), path)
        assert function is not None
        tests = sorted(self._by_function[mutant.where], key=lambda t: t[0])
        end_after(_SECONDS + 10 * sum(seconds for seconds, _ in tests))
        put(module, path, function)
        forget(self.sources)
        for _, item in tests:
            self._run(item)
            if self._failed:
                return False
        return True

    @staticmethod
    def _run(item: pytest.Item) -> None:
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)


def located(where: str, modules: dict[str, str]) -> Place:
    """The module of ``hub.module.Class.function``, and the path inside it."""
    name = next(name for name in modules if where.startswith(f"{name}."))
    return importlib.import_module(name), tuple(where.removeprefix(f"{name}.").split("."))


def defined(tree: ast.Module, path: Sequence[str]) -> ast.FunctionDef | None:
    """The function of this path; None for a constant or a class's default."""
    body: list[ast.stmt] = tree.body
    found: ast.stmt | None = None
    for name in path:
        found = next((s for s in body if isinstance(s, ast.FunctionDef | ast.ClassDef) and s.name == name), None)
        body = found.body if isinstance(found, ast.ClassDef) else []
    return found if isinstance(found, ast.FunctionDef) else None


def put(module: ModuleType, path: Sequence[str], function: ast.FunctionDef) -> None:
    """Another body, and other defaults, for a function, wherever it is already known by its name."""
    function.decorator_list = []
    made = dict[str, Any]()
    text = ast.fix_missing_locations(ast.Module([function], []))
    exec(compile(text, module.__name__, "exec"), module.__dict__, made)
    old, new = _plain(module, path), made[path[-1]]
    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__


def _plain(module: ModuleType, path: Sequence[str]) -> FunctionType:
    """The function itself, whatever has been put around it."""
    found: Any = module
    for name in path:
        found = vars(found)[name]
    while not isinstance(found, FunctionType):
        found = getattr(found, "__wrapped__", None) or getattr(found, "__func__", None) or found.fget
    return found


def forget(modules: dict[str, str]) -> None:
    """Every answer that a function of these modules remembers."""
    for name in modules:
        for value in vars(sys.modules[name]).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
