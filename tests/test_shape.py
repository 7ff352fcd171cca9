"""The shape of the code, held by a test: small files, small functions, everything explained, nothing unexplained in the root."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "hub").rglob("*.py"))
FILE_LINES_MAX = 330
FUNCTION_LINES_MAX = 45
TABLES = {"errors.py", "telemetry.py", "model.py"}  # vocabularies and literal tables read better whole


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """(name, lines without docstring) of every function."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield f"{path.relative_to(ROOT)}:{node.name}", (node.end_lineno or 0) - body[0].lineno + 1


def test_files_stay_small() -> None:
    lengths = {p: len(p.read_text("utf-8").splitlines()) for p in SOURCES if p.name not in TABLES and "mappings" not in p.parts}
    assert {str(p): n for p, n in lengths.items() if n > FILE_LINES_MAX} == {}


def test_functions_stay_small() -> None:
    lengths = dict(f for p in SOURCES for f in functions(p))
    assert {f: n for f, n in lengths.items() if n > FUNCTION_LINES_MAX} == {}
    assert statistics.median(lengths.values()) <= 10


def test_every_module_says_what_it_is() -> None:
    assert [str(p) for p in SOURCES if p.read_text("utf-8").strip() and not ast.get_docstring(ast.parse(p.read_text("utf-8")))] == []


def test_public_functions_and_classes_are_documented() -> None:
    bare = []
    for path in SOURCES:
        named = [n for n in ast.parse(path.read_text("utf-8")).body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        bare += [f"{path.relative_to(ROOT)}:{n.name}" for n in named if not n.name.startswith("_") and not ast.get_docstring(n)]
    assert bare == []


def test_nothing_that_swallows_silently() -> None:
    """``except Exception`` only where the line says why."""
    broad = re.compile(r"except (Exception|BaseException)?\s*(as \w+)?:(?!.*#)")
    found = [
        f"{p.relative_to(ROOT)}:{n}" for p in SOURCES for n, line in enumerate(p.read_text("utf-8").splitlines(), 1) if broad.search(line)
    ]
    assert found == []


def test_no_object_deserialisation() -> None:
    banned = re.compile(r"\b(pickle|yaml\.load|jsonpickle|marshal|eval\(|exec\()")
    assert [str(p) for p in SOURCES if banned.search(p.read_text("utf-8"))] == []


def test_no_foreign_paths_or_hosts() -> None:
    banned = re.compile(r"pythonhosted|pypi\.org|repo\.maven|registry\.npmjs|/root/|/work/")
    files = [
        p
        for p in ROOT.rglob("*")
        if p.is_file() and not any(f.startswith(".") for f in p.relative_to(ROOT).parts[:-1]) and p.name != ".git"
    ]
    texts = [
        p
        for p in files
        if p.suffix in {".py", ".md", ".toml", ".lock", ".txt", ".yml", ".yaml", ".json", ".xml", ""} and p != Path(__file__)
    ]
    assert [str(p) for p in texts if banned.search(p.read_text("utf-8", "ignore"))] == []
