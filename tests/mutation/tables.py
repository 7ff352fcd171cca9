"""Mutants of what mutmut leaves as it is: constants and tables of a module, defaults of a class, and functions with a decorator.

One small change at a time to the syntax tree: an entry left out, a word or figure changed, an operator turned, an argument taken away.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

_LINE_MAX: Final = 200
_AROUND: Final = 60  # characters
Undo = Callable[[], None]
# A decision's answer is turned into the one that would harm most.
_TURNED: Final = {"PERMIT": "DENY", "DENY": "PERMIT", "HOLD": "PERMIT", "REDACT": "PERMIT"}
_SWAPPED: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A module with one change. where: module and name; was, now: the lines of the statement that differ, of long ones a part."""

    where: str
    was: str
    now: str
    source: str


def mutants(source: str, module: str) -> Iterator[Mutant]:
    """Every mutant of one module's source."""
    tree = ast.parse(source)
    for where, statement in _statements(tree.body, module):
        was = ast.unparse(statement)
        for undo in _changes(statement):
            text, now = ast.unparse(tree), ast.unparse(statement)
            undo()
            if now != was:
                yield Mutant(where, *about(was, now), text)


def about(was: str, now: str) -> tuple[str, str]:
    """What differs, with what is around it where the lines are long."""
    before, after = was.splitlines(), now.splitlines()
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    one, other = ("\n".join(line.strip() for line in lines) for lines in (before, after))
    if max(len(one), len(other)) <= _LINE_MAX:
        return one, other
    same = _common(one, other)
    tail = _common(one[same:][::-1], other[same:][::-1])
    start, one_end, other_end = max(0, same - _AROUND), len(one) - tail + _AROUND, len(other) - tail + _AROUND
    return one[start:one_end], other[start:other_end]


def _common(one: str, other: str) -> int:
    """How many characters they begin with are the same."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _statements(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    for statement in body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield f"{prefix}.{name}", statement
            case ast.ClassDef(name=name):
                yield from _statements(statement.body, f"{prefix}.{name}")
            case ast.FunctionDef(name=name, decorator_list=[_, *_]) if not _is_plain(statement):
                yield f"{prefix}.{name}", statement


def _is_plain(function: ast.FunctionDef) -> bool:
    """One that mutmut does change."""
    return len(function.decorator_list) == 1 and ast.unparse(function.decorator_list[0]) in ("staticmethod", "classmethod")


def _changes(statement: ast.stmt) -> Iterator[Undo]:
    """Each change, made; what is yielded takes it back."""
    for node, parent in list(_nodes(statement)):
        yield from _OPERATORS.get(type(node), _nothing)(node, parent)


def _nodes(statement: ast.stmt) -> Iterator[tuple[Any, ast.AST]]:
    """What of a statement is changed, each with its parent: no annotations, decorators and docstring, and no words inside a table."""
    roots: list[tuple[ast.AST, ast.AST]] = []
    if isinstance(statement, ast.AnnAssign) and statement.value:
        roots = [(statement.value, statement)]
    elif isinstance(statement, ast.FunctionDef):
        roots = [(part, statement) for part in statement.body[1 if ast.get_docstring(statement) else 0 :]]
    while roots:
        node, parent = roots.pop(0)
        yield node, parent
        in_words = isinstance(node, ast.Tuple | ast.List | ast.Set | ast.JoinedStr)
        roots += [(n, node) for n in ast.iter_child_nodes(node) if not (in_words and isinstance(n, ast.Constant))]


def _nothing(_node: Any, _parent: ast.AST) -> Iterator[Undo]:
    yield from ()


def _set(node: ast.AST, name: str, value: object) -> Iterator[Undo]:
    before = getattr(node, name)
    setattr(node, name, value)
    yield lambda: setattr(node, name, before)


def _put(parts: list[Any], n: int, value: object) -> Iterator[Undo]:
    before = parts[n]
    parts[n] = value
    yield lambda: parts.__setitem__(n, before)


def _parts_left_out(node: Any, _parent: ast.AST) -> Iterator[Undo]:
    yield from _left_out(node.elts)


def _left_out(parts: list[Any]) -> Iterator[Undo]:
    for n, part in enumerate(list(parts)):
        del parts[n]
        yield lambda n=n, part=part: parts.insert(n, part)  # type: ignore[misc]


def _entries_left_out(node: ast.Dict, _parent: ast.AST) -> Iterator[Undo]:
    keys, values = node.keys, node.values
    for n in range(len(keys)):
        node.keys, node.values = keys[:n] + keys[n + 1 :], values[:n] + values[n + 1 :]
        yield lambda: node.__dict__.update(keys=keys, values=values)


def _arguments(node: ast.Call, _parent: ast.AST) -> Iterator[Undo]:
    for n in range(len(node.args)):
        yield from _put(node.args, n, ast.Constant(None))
    yield from _left_out(node.keywords)


def _other(node: ast.Constant, _parent: ast.AST) -> Iterator[Undo]:
    match node.value:
        case bool():
            yield from _set(node, "value", not node.value)
        case int() | float():
            yield from _set(node, "value", node.value + 1)
        case str():
            yield from _set(node, "value", f"XX{node.value}XX")


def _answer(node: ast.Attribute, _parent: ast.AST) -> Iterator[Undo]:
    if isinstance(node.value, ast.Name) and node.value.id == "Result" and node.attr in _TURNED:
        yield from _set(node, "attr", _TURNED[node.attr])


def _comparison(node: ast.Compare, _parent: ast.AST) -> Iterator[Undo]:
    for n, op in enumerate(list(node.ops)):
        yield from _put(node.ops, n, _SWAPPED[type(op)]())


def _operator(node: Any, _parent: ast.AST) -> Iterator[Undo]:
    if type(node.op) in _SWAPPED:
        yield from _set(node, "op", _SWAPPED[type(node.op)]())


def _without_not(node: ast.UnaryOp, parent: ast.AST) -> Iterator[Undo]:
    if not isinstance(node.op, ast.Not):
        return
    for name, value in ast.iter_fields(parent):
        if value is node:
            yield from _set(parent, name, node.operand)
        elif isinstance(value, list) and node in value:
            yield from _put(value, value.index(node), node.operand)


def _one_way(node: ast.IfExp, _parent: ast.AST) -> Iterator[Undo]:
    for way in (True, False):
        yield from _set(node, "test", ast.Constant(way))


def _no_value(node: ast.Return, _parent: ast.AST) -> Iterator[Undo]:
    if node.value is not None:
        yield from _set(node, "value", ast.Constant(None))


_OPERATORS: Final[dict[type[ast.AST], Callable[[Any, ast.AST], Iterator[Undo]]]] = {
    ast.Tuple: _parts_left_out, ast.List: _parts_left_out, ast.Set: _parts_left_out, ast.Dict: _entries_left_out, ast.Call: _arguments,
    ast.Constant: _other, ast.Attribute: _answer, ast.Compare: _comparison, ast.BoolOp: _operator, ast.BinOp: _operator,
    ast.UnaryOp: _without_not, ast.IfExp: _one_way, ast.Return: _no_value,
}  # fmt: skip
