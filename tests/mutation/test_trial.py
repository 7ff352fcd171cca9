"""A mutant stands where the function stood, for everyone who already knows it; what knows a changed table is loaded anew."""

import ast
import sys
from pathlib import Path
from types import ModuleType

import pytest

import hub.consent.ages  # knows hub.consent.times, and hub.errors does not
import hub.errors  # noqa: F401
from tests.mutation.afresh import Changed, knowing, unload
from tests.mutation.trial import defined, forget, put

SOURCE = """
from functools import cache

LIMIT = 1


def plain(n, more=1):
    return n + more


@cache
def cached(n):
    return n + 1


class Row:
    name = "x"

    @property
    def word(self):
        return "a"

    @staticmethod
    def still(n):
        return n + 1
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("of_this_test")
    exec(SOURCE, made.__dict__)
    monkeypatch.setitem(sys.modules, "of_this_test", made)
    return made


@pytest.mark.parametrize(
    ("path", "was", "now", "ask", "before", "after"),
    [
        (("plain",), "n + more", "n - more", lambda m: m.plain, 6, 4),
        (("plain",), "more=1", "more=2", lambda m: m.plain, 6, 7),
        (("cached",), "n + 1", "n - 1", lambda m: m.cached, 6, 4),
        (("Row", "still"), "n + 1", "n - 1", lambda m: m.Row.still, 6, 4),
    ],
)
def test_whoever_knows_a_function_calls_the_mutant(  # noqa: PLR0917
    module: ModuleType, path: tuple[str, ...], was: str, now: str, ask: object, before: int, after: int
) -> None:
    known = ask(module)  # type: ignore[operator]
    assert known(5) == before
    function = defined(ast.parse(SOURCE.replace(was, now)), path)
    assert function is not None
    put(module, path, function)
    forget({"of_this_test": SOURCE})
    assert known(5) == after


def test_a_property_is_a_function_and_a_constant_is_none(module: ModuleType) -> None:
    row = module.Row()
    function = defined(ast.parse(SOURCE.replace('"a"', '"b"')), ("Row", "word"))
    assert function is not None
    put(module, ("Row", "word"), function)
    assert row.word == "b"
    assert [defined(ast.parse(SOURCE), path) for path in (("LIMIT",), ("Row", "name"), ("Row",))] == [None] * 3


def test_what_imports_a_module_itself_or_through_others_knows_it() -> None:
    found = knowing("hub.consent.times")
    assert {"hub.consent.times", "hub.consent.ages"} <= found
    assert "hub.errors" not in found


def test_a_changed_module_is_found_in_the_place_of_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "in_a_file.py").write_text("WORD = 'file'", "utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "meta_path", [Changed("in_a_file", tmp_path / "in_a_file.py", "WORD = 'changed'"), *sys.meta_path])
    assert __import__("in_a_file").WORD == "changed"
    unload({"in_a_file"})
    assert "in_a_file" not in sys.modules
