"""mutmut's mutants of functions without a decorator: its operators alone, for the tests are run by ``trial``."""

import difflib
from collections.abc import Iterator
from typing import Final

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

from tests.mutation.tables import Mutant

_ALONE: Final = cst.Module([])


def mutants(source: str, module: str) -> Iterator[Mutant]:
    """Every mutant of the functions of one module's source."""
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    tree = MetadataWrapper(cst.parse_module(source)).visit(visitor)
    names = dict(_named(tree, module))
    for mutation in visitor.mutations:
        function = mutation.contained_by_top_level_function
        if not isinstance(function, cst.FunctionDef):
            continue  # of a class's body
        changed = deep_replace(function, mutation.original_node, mutation.mutated_node)
        before, after = (_ALONE.code_for_node(node) for node in (function, changed))
        differing = [d for d in difflib.ndiff(before.splitlines(), after.splitlines()) if d[0] in "-+"]
        was, now = ("\n".join(d[2:].strip() for d in differing if d[0] == sign) for sign in "-+")
        yield Mutant(names[function], was, now, _replaced(tree, function, changed))


def _named(tree: cst.Module, prefix: str) -> Iterator[tuple[cst.FunctionDef, str]]:
    for statement in tree.body:
        if isinstance(statement, cst.FunctionDef):
            yield statement, f"{prefix}.{statement.name.value}"
        if isinstance(statement, cst.ClassDef):
            methods = (s for s in statement.body.body if isinstance(s, cst.FunctionDef))
            yield from ((method, f"{prefix}.{statement.name.value}.{method.name.value}") for method in methods)


def _replaced(tree: cst.Module, function: cst.FunctionDef, changed: cst.CSTNode) -> str:
    made = deep_replace(tree, function, changed)
    assert isinstance(made, cst.Module)
    return made.code
