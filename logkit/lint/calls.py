"""What is wrong with log calls: their message, their fields, the loop or handler they stand in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from difflib import get_close_matches

from logkit.lint.config import Config
from logkit.lint.fields import FieldRules
from logkit.lint.loggers import LOGURU, Loggers
from logkit.lint.survey import Place, Survey, called
from logkit.parsers import LEVELS

Problem = tuple[ast.expr, str, str, Place]  # where, the rule's code, the detail, and what is around

_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_OWN_WORDS = frozenset({"exc_info", "stack_info", "stacklevel", "extra"})  # what stdlib's calls take


class Calls:
    """Judges every log call, every binding of fields and every audit call of one module."""

    def __init__(self, found: Survey, loggers: Loggers, config: Config) -> None:
        self._found = found
        self._loggers = loggers
        self._config = config
        self._fields = FieldRules(config, found)
        self._constants = _constants(found)

    def problems(self) -> Iterator[Problem]:
        for call, place in self._found.calls:
            if (level := self._loggers.level(call)) is not None:
                kind, number = level
                for node, code, detail in self._log_call(call, kind, place.errors):
                    yield node, code, detail, place
                if _floods(place, number):
                    yield call, "LK301", "", place
            if self._loggers.binds(call):
                for node, code, detail in self._bound(call.keywords, place.errors):
                    yield node, code, detail, place
            if self._loggers.is_audit(call):
                for node, code, detail in self._audit_event(call):
                    yield node, code, detail, place
        for handler, place in self._found.handlers:
            yield from self._log_and_raise(handler, place)

    # Messages

    def _log_call(
        self, call: ast.Call, kind: str, errors: frozenset[str]
    ) -> Iterator[tuple[ast.expr, str, str]]:
        given = call.args[1:] if called(call) == "log" else call.args
        if given:
            yield from self._message(given[0], kind)
        if kind == LOGURU:
            if len(given) > 1 or call.keywords:
                yield call, "LK104", ""
            return
        for value in given[1:]:
            yield from self._argument(value, errors)
        for keyword in call.keywords:
            if keyword.arg == "extra":
                yield from self._mapping(keyword.value, errors)

    def _message(self, message: ast.expr, kind: str) -> Iterator[tuple[ast.expr, str, str]]:
        text = self._literal(message)
        if text is not None:
            if not _EVENT.fullmatch(text):
                yield message, "LK103" if kind == LOGURU else "LK105", _short(text)
            elif self._config.events is not None and text not in self._config.events:
                yield message, "LK402", _unknown(text, self._config.events)
        elif isinstance(message, ast.IfExp):  # a choice of literals is still found by searching
            yield from self._message(message.body, kind)
            yield from self._message(message.orelse, kind)
        elif how := _interpolation(message):
            yield message, "LK102", how
        else:
            yield message, "LK101", _short(ast.unparse(message))

    def _literal(self, message: ast.expr) -> str | None:
        """The text of a literal, or of a constant of this module: that is found by searching, too."""
        if isinstance(message, ast.Constant) and isinstance(message.value, str):
            return message.value
        return self._constants.get(message.id) if isinstance(message, ast.Name) else None

    # Fields

    def _bound(
        self, keywords: list[ast.keyword], errors: frozenset[str]
    ) -> Iterator[tuple[ast.expr, str, str]]:
        for keyword in keywords:
            if keyword.arg is None and isinstance(keyword.value, ast.Dict):
                yield from self._mapping(keyword.value, errors)
            else:
                yield from self._field(keyword.arg, keyword.value, errors)

    def _mapping(self, value: ast.expr, errors: frozenset[str]) -> Iterator[tuple[ast.expr, str, str]]:
        """The fields of a literal mapping; of another expression, whether it is a whole object."""
        if not isinstance(value, ast.Dict):
            if self._fields.is_request_data(value):
                yield value, "LK202", _short(ast.unparse(value))
            return
        for key, each in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield from self._field(key.value, each, errors)

    def _field(
        self, name: str | None, value: ast.expr, errors: frozenset[str]
    ) -> Iterator[tuple[ast.expr, str, str]]:
        if self._fields.is_exception_text(value, errors):
            yield value, "LK203", name or ast.unparse(value)
        elif self._fields.is_whole_object(value):
            yield value, "LK202", f"{name or '**'}={_short(ast.unparse(value))}"
        elif name is not None and (what := self._fields.sensitive(name, value)):
            yield value, "LK201", what

    def _argument(self, value: ast.expr, errors: frozenset[str]) -> Iterator[tuple[ast.expr, str, str]]:
        """What stdlib puts into the text: there an object is no more than its own `str`."""
        if self._fields.is_exception_text(value, errors):
            yield value, "LK203", _short(ast.unparse(value))
        elif self._fields.is_request_data(value):
            yield value, "LK202", _short(ast.unparse(value))
        elif what := self._fields.private(value):
            yield value, "LK201", what

    def _audit_event(self, call: ast.Call) -> Iterator[tuple[ast.expr, str, str]]:
        known = self._config.audit_events
        if known is None or not call.args or called(call) not in ("emit", "aemit", "action"):
            return
        name = self._literal(call.args[0])
        if name is not None and name not in known:
            yield call.args[0], "LK402", _unknown(name, known)

    # Handlers

    def _log_and_raise(self, handler: ast.ExceptHandler, place: Place) -> Iterator[Problem]:
        """An ERROR before any raise; before a bare `raise` also a WARNING. One that goes on as another is told once."""
        for block in _blocks(handler.body):
            last = block[-1] if block else None
            if not isinstance(last, ast.Raise):
                continue
            is_same = last.exc is None or getattr(last.exc, "id", "") == handler.name
            least = LEVELS["WARNING" if is_same else "ERROR"]
            for statement in block:
                value = statement.value if isinstance(statement, ast.Expr) else None
                level = self._loggers.level(value) if value is not None else None
                if value is not None and level is not None and level[1] >= least:
                    lines = (statement.lineno, statement.end_lineno or statement.lineno)
                    yield value, "LK302", "", Place(lines=lines)


def _floods(place: Place, level: int) -> bool:
    """INFO on most turns of a loop; a WARNING after a `continue` is an oddity, not the rule."""
    most = {"all": LEVELS["CRITICAL"], "some": LEVELS["SUCCESS"]}.get(place.turns or "", 0)
    return LEVELS["INFO"] <= level <= most


def _interpolation(message: ast.expr) -> str | None:
    if isinstance(message, ast.JoinedStr):
        return "f-string"
    if isinstance(message, ast.BinOp) and isinstance(message.op, ast.Mod | ast.Add):
        return "%" if isinstance(message.op, ast.Mod) else "+"
    if (
        isinstance(message, ast.Call)
        and isinstance(message.func, ast.Attribute)
        and called(message) == "format"
    ):
        return ".format"
    return None


def _constants(found: Survey) -> dict[str, str]:
    """Names in capitals that are given one literal text, once."""
    given: dict[str, list[ast.expr]] = {}
    for target, value, _ in found.assignments:
        if isinstance(target, ast.Name) and target.id.isupper():
            given.setdefault(target.id, []).append(value)
    return {
        name: values[0].value
        for name, values in given.items()
        if len(values) == 1 and isinstance(values[0], ast.Constant) and isinstance(values[0].value, str)
    }


def _blocks(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """A block and the blocks of conditions and `with` inside it; not those of functions or inner handlers."""
    yield body
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _blocks(statement.body)
            yield from _blocks(statement.orelse)
        elif isinstance(statement, ast.With | ast.AsyncWith):
            yield from _blocks(statement.body)


def _unknown(name: str, known: frozenset[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return f"{name}; do you mean {near[0]}?" if near else name


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
