"""Which expressions of a module are loggers: by import, by assignment, through bind() and helpers of the module."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from logkit.lint.survey import Survey, called
from logkit.parsers import LEVELS

LOGURU = "loguru"
STDLIB = "stdlib"
_HOMES = frozenset({"loguru", "logkit"})
_CHAIN = frozenset({"bind", "opt", "patch"})  # methods that give a logger again
_BINDERS = frozenset({"bind_context", "bound_context", "add_fields"})
_MAKERS = {"getLogger": "logging", "LoggerAdapter": "logging", "get_task_logger": "celery"}
METHODS = {
    "trace": "TRACE",
    "debug": "DEBUG",
    "info": "INFO",
    "success": "SUCCESS",
    "warning": "WARNING",
    "warn": "WARNING",
    "error": "ERROR",
    "critical": "CRITICAL",
    "fatal": "CRITICAL",
    "exception": "ERROR",
    "log": "INFO",
}
_ONLY_LOGURU = frozenset({"trace", "success"})
_ONLY_STDLIB = frozenset({"warn", "fatal"})


class Loggers:
    """The names of one module that are loggers, modules with one, functions that return one, and audit helpers.

    `objects` are loggers of other modules, by their dotted names; they are Loguru's.
    """

    def __init__(self, found: Survey, objects: Iterable[str] = ()) -> None:
        self._names: dict[str, str] = {}  # to LOGURU or STDLIB
        self._attributes: dict[str, str] = {}
        self._homes: set[str] = set()
        self._stdlib: set[str] = set()  # what the module `logging` is called here
        self._makers: dict[str, str] = {}
        self._binders: set[str] = set()
        self._audit: set[str] = set()
        self._objects = frozenset(objects)
        for statement in found.imports:
            self._import(statement)
        if self._homes or self._names or self._stdlib or self._makers:
            self._follow(found)

    def __bool__(self) -> bool:
        """Can there be a finding about a log call at all?"""
        return bool(
            self._homes or self._names or self._stdlib or self._makers or self._binders or self._audit
        )

    def kind(self, node: ast.expr) -> str | None:
        """LOGURU or STDLIB when this expression is a logger; else None."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute):
            if node.attr == "logger" and isinstance(node.value, ast.Name) and node.value.id in self._homes:
                return LOGURU
            return self._attributes.get(node.attr)
        if isinstance(node, ast.Await):
            return self.kind(node.value)
        if isinstance(node, ast.IfExp):
            return self.kind(node.body) and self.kind(node.orelse)
        return self._made(node) if isinstance(node, ast.Call) else None

    def level(self, node: ast.AST) -> tuple[str, int] | None:
        """Kind and level of a log call; None for anything else. A level that cannot be told counts as INFO."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return None
        method, target = node.func.attr, node.func.value
        if method not in METHODS:
            return None
        kind = STDLIB if isinstance(target, ast.Name) and target.id in self._stdlib else self.kind(target)
        if kind is None or method in (_ONLY_STDLIB if kind == LOGURU else _ONLY_LOGURU):
            return None
        if method == "log":
            return (kind, _given_level(node.args[0])) if node.args else None
        return kind, LEVELS[METHODS[method]]

    def binds(self, call: ast.Call) -> bool:
        """Does this call put its keywords on lines?"""
        if isinstance(call.func, ast.Attribute):
            if call.func.attr in ("bind", "contextualize"):
                return self.kind(call.func.value) == LOGURU
            return (
                call.func.attr in _BINDERS
                and isinstance(call.func.value, ast.Name)
                and call.func.value.id in self._homes
            )
        return isinstance(call.func, ast.Name) and call.func.id in self._binders

    def is_audit(self, call: ast.Call) -> bool:
        """Does this call write to the audit trail, itself or through a project's helper module called audit?"""
        node: ast.expr = call.func
        while isinstance(node, ast.Attribute):
            if node.attr == "audit":
                return True
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._audit

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                if first in _HOMES:
                    self._homes.add(alias.asname or first)
                elif alias.name == "logging" or (first == "logging" and not alias.asname):
                    self._stdlib.add(alias.asname or first)
        elif node.module:
            for alias in node.names:
                self._import_name(node.module, alias.name, alias.asname or alias.name)

    def _import_name(self, module: str, name: str, here: str) -> None:
        first = module.split(".")[0]
        if name == "audit" or module.split(".")[-1] == "audit":
            self._audit.add(here)
        if f"{module}.{name}" in self._objects or (first in _HOMES and name == "logger"):
            self._names[here] = LOGURU
        elif first in _HOMES and name in _BINDERS:
            self._binders.add(here)
        elif _MAKERS.get(name) == first:
            self._makers[here] = STDLIB

    def _follow(self, found: Survey) -> None:
        """Assignments and helpers, until nothing new turns up: one may lean on another that comes later."""
        known = -1
        while known < (known := len(self._names) + len(self._attributes) + len(self._makers)):
            for target, value, _ in found.assignments:
                if kind := self.kind(value):
                    self._name(target, kind)
            for name, returned in found.returns.items():
                if (kind := self.kind(returned[0])) and all(self.kind(each) == kind for each in returned):
                    self._makers.setdefault(name, kind)

    def _name(self, target: ast.expr, kind: str) -> None:
        if isinstance(target, ast.Name):
            self._names.setdefault(target.id, kind)
        elif isinstance(target, ast.Attribute):
            self._attributes.setdefault(target.attr, kind)

    def _made(self, call: ast.Call) -> str | None:
        if not isinstance(call.func, ast.Attribute):
            return self._makers.get(called(call))
        home = call.func.value
        if call.func.attr in _CHAIN and self.kind(home) == LOGURU:
            return LOGURU
        if isinstance(home, ast.Name) and home.id in self._stdlib:
            return STDLIB if _MAKERS.get(call.func.attr) == "logging" else None
        if call.func.attr == "getChild" and self.kind(home) == STDLIB:
            return STDLIB
        return self._makers.get(call.func.attr)


def _given_level(node: ast.expr) -> int:
    """The level that log() is given: "DEBUG", 10, logging.DEBUG."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, int):
            return node.value
        return LEVELS.get(str(node.value).upper(), LEVELS["INFO"])
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return LEVELS.get(name, LEVELS["INFO"])
