"""mutmut's mutants of functions without a decorator: its operators alone, for the tests are run by ``trial``."""

from collections.abc import Iterator

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

from tests.mutation.tables import Mutant, about


def mutants(source: str, module: str) -> Iterator[Mutant]:
    """Every mutant of the functions of one module's source. Raises ValueError for a function whose text it cannot find."""
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    tree = MetadataWrapper(cst.parse_module(source)).visit(visitor)
    places = {id(f): place for f, *place in _functions(tree, module)}
    for mutation in visitor.mutations:
        if id(mutation.contained_by_top_level_function) not in places:
            continue  # of a class's body
        where, statement = places[id(mutation.contained_by_top_level_function)]
        changed = deep_replace(statement, mutation.original_node, mutation.mutated_node)
        before, after = (tree.code_for_node(node) for node in (statement, changed))
        if before not in source:
            raise ValueError(where)
        yield Mutant(where, *about(before, after), source.replace(before, after, 1))


def _functions(tree: cst.Module, prefix: str) -> Iterator[tuple[cst.FunctionDef, str, cst.BaseStatement]]:
    """Each with its full name and the statement of the module that it is or stands in."""
    for statement in tree.body:
        if isinstance(statement, cst.FunctionDef):
            yield statement, f"{prefix}.{statement.name.value}", statement
        if isinstance(statement, cst.ClassDef):
            methods = (s for s in statement.body.body if isinstance(s, cst.FunctionDef))
            yield from ((m, f"{prefix}.{statement.name.value}.{m.name.value}", statement) for m in methods)
