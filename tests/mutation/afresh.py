"""Mutants of tables: what is made of a constant is made when modules are loaded, so those that know it are loaded once more in a fork."""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

import pytest

from tests.mutation.children import end_after
from tests.mutation.tables import Mutant

_SECONDS: Final = 600.0  # of CPU: for what runs for ever


class Changed(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Finds one module with another source than its file's."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        super().__init__(name, str(path))
        self._source = source

    def find_spec(self, fullname: str, path: object = None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        """Only its own."""
        return importlib.util.spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        """Of the other source."""
        return compile(self._source, self.path, "exec", dont_inherit=True)


def passes(mutant: Mutant, name: str, path: Path, stages: Sequence[Sequence[str]]) -> bool:
    """Whether the tests still pass, stage by stage: the first notice most, and load least."""
    end_after(_SECONDS)
    unload({n for n in sys.modules if n.partition(".")[0] == "tests"} | knowing(name))
    sys.meta_path.insert(0, Changed(name, path, mutant.source))
    return all(int(pytest.main(list(stage))) == 0 for stage in stages)


def unload(names: set[str]) -> None:
    """As if they had never been imported."""
    for name in names & sys.modules.keys():
        package, _, word = name.rpartition(".")
        del sys.modules[name]
        if package in sys.modules and hasattr(sys.modules[package], word):
            delattr(sys.modules[package], word)


def knowing(name: str) -> set[str]:
    """The loaded modules of the hub that import this one, themselves or through others, and itself."""
    imports = {
        n: _imported(Path(m.__file__)) for n, m in sys.modules.items() if n.partition(".")[0] == "hub" and getattr(m, "__file__", None)
    }
    found, before = {name}, set[str]()
    while found != before:
        before = set(found)
        found |= {n for n, others in imports.items() if any(o in found or o.rpartition(".")[0] in found for o in others)}
    return found


def _imported(path: Path) -> set[str]:
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names
