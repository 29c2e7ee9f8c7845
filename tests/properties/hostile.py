"""Every regular expression of the package, and the texts that hurt each of them most.

The texts are read off the expression itself: each of its repeats is fed on what it repeats, after what leads to it,
and everything on the way is fed to the search for a place to begin.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as kinds  # the parse tree has no public name
from re import _parser as parser
from typing import Any

import logkit

_FOREIGN = ("logkit.django.migrations", "logkit.otel", "logkit.__main__")
_ANCHORED = {"match", "fullmatch", "pattern", "flags"}
_SEARCHES = {"search", "findall", "finditer", "split", "sub", "subn"}
_MOST = 40  # texts for one expression


@dataclass(frozen=True, slots=True)
class Found:
    """An expression, and whether it looks for its own place to begin."""

    pattern: re.Pattern[str]
    searches: bool


def patterns() -> dict[str, Found]:
    """Every compiled expression that a module of the package holds, and every literal one that it gives to `re`."""
    held: dict[re.Pattern[str], str] = {}
    searched: set[re.Pattern[str]] = set()
    found: dict[str, Found] = {}
    for module in pkgutil.walk_packages(logkit.__path__, "logkit."):
        if module.name.startswith(_FOREIGN):
            continue
        room = importlib.import_module(module.name)
        tree = ast.parse(Path(str(room.__file__)).read_text(encoding="utf-8"))
        uses = _uses(tree)
        for name, value in vars(room).items():
            bound = getattr(value, "__name__", "") in _ANCHORED  # `_ID = re.compile(...).fullmatch`
            for number, pattern in enumerate(_held(value)):
                if isinstance(pattern.pattern, str):
                    held.setdefault(pattern, f"{module.name}.{name}{f'[{number}]' if number else ''}")
                    if uses.get(name) and not bound:
                        searched.add(pattern)
        for line, literal, searches in _literals(tree, module.name):
            found[f"{module.name}:{line}"] = Found(re.compile(literal), searches)
    return found | {name: Found(pattern, pattern in searched) for pattern, name in held.items()}


def _uses(tree: ast.AST) -> dict[str, bool]:
    """The names that a module uses: does it do anything else with them than to match at a place?"""
    anchored = {
        id(node.value): node.attr in _ANCHORED for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    uses: dict[str, bool] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            uses[node.id] = uses.get(node.id, False) or not anchored.get(id(node), False)
    return uses


def _held(value: object, depth: int = 0) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(getattr(value, "__self__", None), re.Pattern):
        yield value.__self__  # type: ignore[attr-defined]
    elif depth < 3 and isinstance(value, dict):
        for each in (*value, *value.values()):
            yield from _held(each, depth + 1)
    elif depth < 3 and isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _held(each, depth + 1)
    elif depth == 0 and isinstance(value, type) and value.__module__.startswith("logkit."):
        for each in vars(value).values():
            yield from _held(each, depth + 1)


def _literals(tree: ast.AST, room: str) -> Iterator[tuple[int, str, bool]]:
    """Expressions that are given to `re` where they are used."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in _SEARCHES | _ANCHORED
        ):
            first = node.args[0]
            assert isinstance(first, ast.Constant), (
                f"{room}:{node.lineno}: compile it where this test can see it"
            )
            yield node.lineno, first.value, node.func.attr in _SEARCHES


def hostile(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """Beginnings, and what is repeated after them."""
    tree = parser.parse(pattern.pattern, pattern.flags)
    texts: dict[tuple[str, str], None] = {}
    for before, body in _repeats(list(tree), ""):
        for text in ((before, body), ("", before), ("", before + body * 3), ("", before + body * 20)):
            if text[1]:
                texts[text[0][:200], text[1][:200]] = None
    whole = _sample(list(tree)) or "a"
    return [("", whole), *sorted(texts, key=lambda text: len(text[0] + text[1]), reverse=True)[:_MOST]]


def _repeats(nodes: Iterable[Any], before: str) -> Iterator[tuple[str, str]]:
    """What leads to each repeat, and what it repeats."""
    for kind, value in nodes:
        if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
            body = list(value[2])
            yield before, _sample(body)
            yield from _repeats(body, before)
        elif kind is kinds.SUBPATTERN:
            yield from _repeats(list(value[3]), before)
        elif kind is kinds.ATOMIC_GROUP:
            yield from _repeats(list(value), before)
        elif kind is kinds.BRANCH:
            for branch in value[1]:
                yield from _repeats(list(branch), before)
                yield before, _sample(list(branch))
        elif kind is kinds.ASSERT and value[0] == 1:
            yield from _repeats(list(value[1]), before)
        before += _sample([(kind, value)])
    yield before, ""


def _sample(nodes: Iterable[Any]) -> str:
    """A short text that the nodes match, lookarounds aside."""
    return "".join(_sample_of(kind, value) for kind, value in nodes)


def _sample_of(kind: Any, value: Any) -> str:
    if kind is kinds.LITERAL:
        return chr(value)
    if kind is kinds.ANY:
        return "a"
    if kind is kinds.NOT_LITERAL:
        return "b" if value == ord("a") else "a"
    if kind is kinds.IN:
        return _one_of(value)
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
        return _sample(list(value[2])) * max(value[0], 1)
    if kind is kinds.SUBPATTERN:
        return _sample(list(value[3]))
    if kind is kinds.ATOMIC_GROUP:
        return _sample(list(value))
    if kind is kinds.BRANCH:
        return _sample(list(value[1][0]))
    return ""


def _one_of(members: list[Any]) -> str:
    wanted = re.compile("[" + "".join(_written(kind, value) for kind, value in members) + "]")
    return next(
        (char for char in "a1 :=@-./\"'\\\n%&;,+_({[<|é\u3042" if wanted.match(char)), _first(members)
    )


def _written(kind: Any, value: Any) -> str:
    if kind is kinds.NEGATE:
        return "^"
    if kind is kinds.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    if kind is kinds.CATEGORY:
        return _CATEGORIES[value]
    return re.escape(chr(value))


_CATEGORIES = {
    kinds.CATEGORY_DIGIT: r"\d",
    kinds.CATEGORY_NOT_DIGIT: r"\D",
    kinds.CATEGORY_SPACE: r"\s",
    kinds.CATEGORY_NOT_SPACE: r"\S",
    kinds.CATEGORY_WORD: r"\w",
    kinds.CATEGORY_NOT_WORD: r"\W",
}


def _first(members: list[Any]) -> str:
    for kind, value in members:
        if kind is kinds.LITERAL:
            return chr(value)
        if kind is kinds.RANGE:
            return chr(value[0])
    return "a"
