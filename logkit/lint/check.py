"""One module to its findings: walks the syntax tree with the loops, handlers and functions around each call in mind."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from logkit.lint.config import Config
from logkit.lint.fields import FieldRules
from logkit.lint.loggers import METHODS, Loggers
from logkit.lint.rules import RULES
from logkit.parsers import LEVELS

_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_SUPPRESSION = re.compile(r"#\s*logkit:\s*ignore\[([A-Z0-9,\s]*)\]\s*(.*)")
_BULK = frozenset(
    {"update", "delete", "bulk_create", "bulk_update", "aupdate", "adelete", "abulk_create", "abulk_update"}
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem; lines and columns count from 1. `statement` has the lines where it can be suppressed."""

    path: str
    line: int
    column: int
    code: str
    detail: str
    end_line: int
    statement: tuple[int, int]

    @property
    def text(self) -> str:
        rule = RULES[self.code]
        return f"{rule.summary}{f' ({self.detail})' if self.detail else ''}; instead: {rule.instead}"


@dataclass(slots=True)
class Suppression:
    line: int
    codes: frozenset[str]
    reason: str
    used: bool = False


def check(source: str, path: str, config: Config) -> list[Finding]:
    """The findings in `source`, in order; suppressed and ignored ones left out."""
    try:
        module = ast.parse(source, path)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        detail = getattr(error, "msg", None) or str(error)
        return [Finding(path, line, 1, "LK000", detail, line, (line, line))]
    walk = _Walk(module, path, config)
    walk.visit(module)
    suppressions = list(_suppressions(source))
    findings = [finding for finding in walk.findings if not _is_suppressed(finding, suppressions)]
    for each in suppressions:
        for code, is_wrong in (("LK001", not each.reason), ("LK002", not each.used)):
            if is_wrong:
                here = (each.line, each.line)
                findings.append(
                    Finding(path, each.line, 1, code, ", ".join(sorted(each.codes)), each.line, here)
                )
    return sorted(finding for finding in findings if finding.code not in config.ignore)


def _is_suppressed(finding: Finding, suppressions: list[Suppression]) -> bool:
    for each in suppressions:
        first, last = finding.statement
        if first <= each.line <= last and finding.code in each.codes:
            each.used = True
            return bool(each.reason)
    return False


def _suppressions(source: str) -> Iterator[Suppression]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT and (match := _SUPPRESSION.search(token.string)):
                codes = frozenset(code.strip() for code in match[1].split(",") if code.strip())
                yield Suppression(token.start[0], codes, match[2].strip())
    except (tokenize.TokenError, IndentationError):
        return


class _Walk(ast.NodeVisitor):
    def __init__(self, module: ast.Module, path: str, config: Config) -> None:
        self.findings: list[Finding] = []
        self._path = path
        self._config = config
        self._loggers = Loggers(module)
        self._fields = FieldRules(config)
        self._every_turn = False  # does what we look at run on every turn of a loop?
        self._statement = (0, 0)  # first and last line of the statement that we look at
        self._errors: frozenset[str] = frozenset()  # names that handlers around us gave to exceptions

    def _found(
        self, node: ast.expr, code: str, detail: str = "", *, within: ast.expr | ast.stmt | None = None
    ) -> None:
        end = node.end_lineno or node.lineno
        column = node.col_offset + 1
        lines = (within.lineno, within.end_lineno or within.lineno) if within else self._statement
        self.findings.append(Finding(self._path, node.lineno, column, code, detail, end, lines))

    # What is around a call

    def visit(self, node: ast.AST) -> None:
        before = self._statement
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)  # of a compound statement only the head counts
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            self._statement = (node.lineno, max(last, node.lineno))
        super().visit(node)
        self._statement = before

    @contextmanager
    def _within(self, *, every_turn: bool) -> Iterator[None]:
        before, self._every_turn = self._every_turn, every_turn
        try:
            yield
        finally:
            self._every_turn = before

    def _visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        self._visit_all([node.test] if isinstance(node, ast.While) else [node.target, node.iter])
        with self._within(every_turn=True):
            self._visit_all(node.body)
        self._visit_all(node.orelse)

    visit_For = visit_AsyncFor = visit_While = _loop  # noqa: N815 - ast's names

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        with self._within(every_turn=False):
            self._visit_all([*node.body, *node.orelse])

    def visit_Match(self, node: ast.Match) -> None:
        with self._within(every_turn=False):
            self.generic_visit(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        with self._within(every_turn=False):
            self.generic_visit(node)
        self._bulk_writes(node)

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815 - ast's names

    def visit_Lambda(self, node: ast.Lambda) -> None:
        with self._within(every_turn=False):
            self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        before = self._errors
        self._errors |= {node.name} if node.name else set()
        with self._within(every_turn=False):
            self.generic_visit(node)
        self._errors = before
        self._log_and_raise(node)

    # Calls

    def visit_Call(self, node: ast.Call) -> None:
        level = self._level(node)
        if level is not None:
            self._log_call(node, level)
        if self._loggers.binds(node):
            self._bound(node)
        if self._loggers.is_audit(node):
            self._audit_event(node)
        self.generic_visit(node)

    def _level(self, node: ast.AST) -> str | None:
        """The level of a log call; None for anything else."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return None
        if node.func.attr not in METHODS or not self._loggers.is_logger(node.func.value):
            return None
        if node.func.attr == "log" and node.args:
            first = node.args[0]
            return str(first.value).upper() if isinstance(first, ast.Constant) else "INFO"
        return METHODS[node.func.attr]

    def _log_call(self, node: ast.Call, level: str) -> None:
        given = (
            node.args[1:] if isinstance(node.func, ast.Attribute) and node.func.attr == "log" else node.args
        )
        if given:
            self._message(given[0])
        if len(given) > 1 or node.keywords:
            self._found(node, "LK104")
        if self._every_turn and LEVELS.get(level, 20) >= LEVELS["INFO"]:
            self._found(node, "LK301")

    def _message(self, message: ast.expr) -> None:
        if isinstance(message, ast.Constant) and isinstance(message.value, str):
            if not _EVENT.fullmatch(message.value):
                self._found(message, "LK103", _short(message.value))
            elif self._config.events is not None and message.value not in self._config.events:
                self._found(message, "LK402", message.value)
        elif isinstance(message, ast.IfExp):  # a choice of literals is still found by searching
            self._message(message.body)
            self._message(message.orelse)
        elif isinstance(message, ast.JoinedStr):
            self._found(message, "LK102", "f-string")
        elif isinstance(message, ast.BinOp) and isinstance(message.op, ast.Mod | ast.Add):
            self._found(message, "LK102", "%" if isinstance(message.op, ast.Mod) else "+")
        elif (
            isinstance(message, ast.Call)
            and isinstance(message.func, ast.Attribute)
            and message.func.attr == "format"
        ):
            self._found(message, "LK102", ".format")
        else:
            self._found(message, "LK101", _short(ast.unparse(message)))

    def _bound(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            name, value = keyword.arg, keyword.value
            if self._fields.is_exception_text(value, self._errors):
                self._found(value, "LK203", name or ast.unparse(value))
            elif self._fields.is_whole_object(value):
                self._found(value, "LK202", f"{name or '**'}={_short(ast.unparse(value))}")
            elif name is not None and self._fields.is_sensitive(name):
                self._found(value, "LK201", name)

    def _audit_event(self, node: ast.Call) -> None:
        known = self._config.audit_events
        is_named = isinstance(node.func, ast.Attribute) and node.func.attr in ("emit", "aemit", "action")
        if known is None or not is_named or not node.args:
            return
        first = node.args[0]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value not in known:
            self._found(first, "LK402", first.value)

    # Blocks

    def _log_and_raise(self, handler: ast.ExceptHandler) -> None:
        """An ERROR before any raise; before a bare `raise` also a WARNING. One that goes on as another is told once."""
        for block in _blocks(handler.body):
            last = block[-1] if block else None
            if not isinstance(last, ast.Raise):
                continue
            is_same = last.exc is None or getattr(last.exc, "id", "") == handler.name
            least = LEVELS["WARNING" if is_same else "ERROR"]
            for statement in block:
                value = statement.value if isinstance(statement, ast.Expr) else None
                level = self._level(value) if value is not None else None
                if value is not None and level is not None and LEVELS.get(level, 20) >= least:
                    self._found(value, "LK302", within=statement)

    def _bulk_writes(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        writes = [(call, model) for call in calls if (model := self._bulk_written(call))]
        if writes and not any(map(self._loggers.is_audit, calls)):
            for call, model in writes:
                self._found(call, "LK401", model, within=call)

    def _bulk_written(self, call: ast.Call) -> str | None:
        """The audited model that `Model.objects. ... .update()` and the like are called on."""
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _BULK:
            return None
        node: ast.expr = call.func.value
        is_manager = False
        while isinstance(node, ast.Attribute | ast.Call):
            if isinstance(node, ast.Attribute):
                is_manager = is_manager or node.attr in ("objects", "_default_manager", "_base_manager")
                node = node.value
            else:
                node = node.func
        name = getattr(node, "id", None)
        return name if is_manager and name in self._config.audited_models else None


def _blocks(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """A block and the blocks of conditions and `with` inside it; not those of functions or inner handlers."""
    yield body
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _blocks(statement.body)
            yield from _blocks(statement.orelse)
        elif isinstance(statement, ast.With | ast.AsyncWith):
            yield from _blocks(statement.body)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
