"""One walk through a module: everything that the rules look at, with what is around it.

The walk keeps its own stack, so that no depth of nesting is too deep for it, and visits each node once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FEW = 20  # turns: a loop over so many literal values is no hot one
# What a loop that waits for something does: its turns come as often as the world wants, not as fast as they can.
_PACES = frozenset({"sleep", "wait", "wait_for", "select", "poll", "accept", "recv", "recvfrom", "readline"})
_QUERIES = frozenset({"objects", "_default_manager", "all", "filter", "exclude", "aiterator"})
_LEAVES = (ast.Continue, ast.Break, ast.Return, ast.Raise)


@dataclass(frozen=True, slots=True)
class Place:
    """What is around a node.

    `lines` are the first and last line of its statement, where a finding can be suppressed. `turns` is "all" where
    it runs on every turn of a hot loop, "some" where an earlier `continue` or the like left out turns, else None.
    `function` is the outermost function around it, `errors` the names that handlers gave to exceptions.
    """

    lines: tuple[int, int] = (0, 0)
    turns: str | None = None
    function: Function | None = None
    errors: frozenset[str] = frozenset()


@dataclass(slots=True)
class Survey:
    """What one module holds."""

    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    assignments: list[tuple[ast.expr, ast.expr, Place]] = field(default_factory=list)  # target, value
    returns: dict[str, list[ast.expr]] = field(
        default_factory=dict
    )  # of functions that return something, by name
    calls: list[tuple[ast.Call, Place]] = field(default_factory=list)
    handlers: list[tuple[ast.ExceptHandler, Place]] = field(default_factory=list)
    parameters: list[ast.arg] = field(default_factory=list)


def survey(module: ast.Module) -> Survey:
    """All that the rules need to know of `module`."""
    found = Survey()
    stack: list[tuple[ast.AST, Place, Function | None]] = [(module, Place(), None)]
    while stack:
        node, place, inner = stack.pop()
        if isinstance(node, ast.stmt):
            place = replace(place, lines=_lines(node))
            inner = _statement(found, node, place, inner)
        elif isinstance(node, ast.Call):
            found.calls.append((node, place))
        elif isinstance(node, ast.NamedExpr):
            found.assignments.append((node.target, node.value, place))
        elif isinstance(node, ast.ExceptHandler):
            found.handlers.append((node, place))
        elif isinstance(node, ast.arg):
            found.parameters.append(node)
        stack.extend((child, around, inner) for child, around in _inside(node, place))
    return found


def _statement(found: Survey, node: ast.stmt, place: Place, inner: Function | None) -> Function | None:
    """Note what a statement is; the function that is innermost inside it."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        found.imports.append(node)
    elif isinstance(node, ast.Assign):
        found.assignments.extend((target, node.value, place) for target in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        found.assignments.append((node.target, node.value, place))
    elif isinstance(node, ast.Return) and node.value is not None and inner is not None:
        found.returns.setdefault(inner.name, []).append(node.value)
    return node if isinstance(node, Function) else inner


def _lines(node: ast.stmt) -> tuple[int, int]:
    body = getattr(node, "body", None)  # of a compound statement only the head counts
    if not body:
        body = getattr(node, "cases", None)
        if body:
            return node.lineno, max(node.lineno, body[0].pattern.lineno - 1)
        return node.lineno, node.end_lineno or node.lineno
    return node.lineno, max(node.lineno, body[0].lineno - 1)


def _inside(node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, Place]]:
    """The children of `node`, each with what is around it."""
    if isinstance(node, Loop):
        hot = replace(place, turns="all") if _is_hot(node) else place
        yield from _block(node.body, hot)
        yield from _block(node.orelse, place)
        for part in [node.test] if isinstance(node, ast.While) else [node.target, node.iter]:
            yield part, place
    elif isinstance(node, ast.If):
        calm = replace(place, turns=None)
        yield node.test, place
        yield from _block(node.body, calm)
        yield from _block(node.orelse, calm)
    elif isinstance(node, ast.ExceptHandler):
        errors = place.errors | {node.name} if node.name else place.errors
        yield from _block(node.body, replace(place, turns=None, errors=errors))
    elif isinstance(node, Function):
        around = replace(place, turns=None, function=place.function or node)
        yield from ((child, around) for child in ast.iter_child_nodes(node))
    elif isinstance(node, ast.Lambda | ast.Match | ast.IfExp | ast.BoolOp):
        yield from ((child, replace(place, turns=None)) for child in ast.iter_child_nodes(node))
    elif isinstance(node, _COMPREHENSIONS):
        yield from _comprehension(node, place)
    elif isinstance(node, ast.With | ast.AsyncWith):
        yield from ((item, place) for item in node.items)
        yield from _block(node.body, place)
    elif isinstance(node, ast.Try | ast.TryStar):
        for body in (node.body, node.orelse, node.finalbody):
            yield from _block(body, place)
        yield from ((handler, place) for handler in node.handlers)
    else:
        yield from ((child, place) for child in ast.iter_child_nodes(node))


def _block(body: list[ast.stmt], place: Place) -> Iterator[tuple[ast.AST, Place]]:
    """Statements in order: after one that may leave the turn, the rest does not run on all turns."""
    if place.turns and any(isinstance(statement, ast.Break | ast.Return | ast.Raise) for statement in body):
        place = replace(place, turns=None)  # it ends here: this block runs once at most
    for statement in body:
        yield statement, place
        if place.turns == "all" and isinstance(statement, ast.If) and _may_leave(statement):
            place = replace(place, turns="some")


def _comprehension(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, place: Place
) -> Iterator[tuple[ast.AST, Place]]:
    is_choosy = any(generator.ifs for generator in node.generators)
    is_short = all(_is_short(generator.iter) for generator in node.generators)
    turns = None if is_short else "some" if is_choosy else "all"
    for child in ast.iter_child_nodes(node):
        yield child, place if isinstance(child, ast.comprehension) else replace(place, turns=turns)


def _may_leave(statement: ast.If) -> bool:
    return any(isinstance(each, _LEAVES) for each in (*statement.body, *statement.orelse))


def _is_hot(loop: Loop) -> bool:
    """Does it turn as fast as it can, for as long as there are data?"""
    if not isinstance(loop, ast.While) and _is_short(loop.iter):
        return False
    if isinstance(loop, ast.AsyncFor) and not _is_query(loop.iter):
        return False  # a stream: its turns come when somebody sends
    head = loop.test if isinstance(loop, ast.While) else loop.iter
    nodes = (node for part in (head, *loop.body) for node in ast.walk(part))
    return not any(isinstance(node, ast.Call) and _is_wait(node) for node in nodes)


def _is_query(iterated: ast.expr) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in _QUERIES for node in ast.walk(iterated))


def _is_wait(call: ast.Call) -> bool:
    name = called(call)
    return name in _PACES or (name == "get" and isinstance(call.func, ast.Attribute) and not call.args)


def _is_short(iterated: ast.expr) -> bool:
    """A handful of literal values, a small range, or a constant of the module."""
    if isinstance(iterated, ast.Tuple | ast.List | ast.Set):
        is_whole = not any(isinstance(each, ast.Starred) for each in iterated.elts)
        return is_whole and len(iterated.elts) <= _FEW
    if isinstance(iterated, ast.Dict):
        return len(iterated.keys) <= _FEW
    if isinstance(iterated, ast.Name | ast.Attribute):
        return (iterated.id if isinstance(iterated, ast.Name) else iterated.attr).isupper()
    if not isinstance(iterated, ast.Call):
        return False
    name = called(iterated)
    if name == "range":
        counts = [each.value for each in iterated.args if isinstance(each, ast.Constant)]
        return len(counts) == len(iterated.args) and all(
            isinstance(n, int) and abs(n) <= _FEW for n in counts
        )
    if name in ("enumerate", "sorted", "reversed", "zip") and isinstance(iterated.func, ast.Name):
        return any(map(_is_short, iterated.args if name == "zip" else iterated.args[:1]))
    if name in ("items", "keys", "values") and isinstance(iterated.func, ast.Attribute):
        return _is_short(iterated.func.value)
    return False


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
