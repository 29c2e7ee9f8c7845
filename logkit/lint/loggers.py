"""Which expressions of a module are one of our loggers: by import, by assignment, through bind() and helpers."""

from __future__ import annotations

import ast

_HOMES = frozenset({"loguru", "logkit"})
_CHAIN = frozenset({"bind", "opt", "patch"})  # methods that give a logger again
_BINDERS = frozenset({"bind_context", "bound_context", "add_fields"})
METHODS = {
    "trace": "TRACE",
    "debug": "DEBUG",
    "info": "INFO",
    "success": "SUCCESS",
    "warning": "WARNING",
    "error": "ERROR",
    "critical": "CRITICAL",
    "exception": "ERROR",
    "log": "INFO",
}


class Loggers:
    """The names of one module that are loggers, modules with one, functions that return one, and audit helpers."""

    def __init__(self, module: ast.Module) -> None:
        self._names: set[str] = set()
        self._attributes: set[str] = set()
        self._homes: set[str] = set()
        self._makers: set[str] = set()
        self._binders: set[str] = set()
        self._audit: set[str] = set()
        statements = list(ast.walk(module))
        for node in statements:
            self._import(node)
        known = -1
        while known < (known := len(self._names) + len(self._attributes) + len(self._makers)):
            for node in statements:
                self._learn(node)

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in _HOMES:
                    self._homes.add(alias.asname or alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = alias.asname or alias.name
                if alias.name == "audit" or node.module.split(".")[-1] == "audit":
                    self._audit.add(name)
                if node.module.split(".")[0] in _HOMES:
                    if alias.name == "logger":
                        self._names.add(name)
                    elif alias.name in _BINDERS:
                        self._binders.add(name)

    def _learn(self, node: ast.AST) -> None:
        value = getattr(node, "value", None)
        if (
            isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
            and value is not None
            and self.is_logger(value)
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    self._names.add(target.id)
                elif isinstance(target, ast.Attribute):
                    self._attributes.add(target.attr)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return) and each.value]
            if returned and all(map(self.is_logger, returned)):
                self._makers.add(node.name)

    def is_logger(self, node: ast.expr) -> bool:
        """Is this expression one of our loggers?"""
        if isinstance(node, ast.Name):
            return node.id in self._names
        if isinstance(node, ast.Attribute):
            if node.attr == "logger" and isinstance(node.value, ast.Name) and node.value.id in self._homes:
                return True
            return node.attr in self._attributes
        if isinstance(node, ast.Await):
            return self.is_logger(node.value)
        if isinstance(node, ast.IfExp):
            return self.is_logger(node.body) and self.is_logger(node.orelse)
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in _CHAIN and self.is_logger(node.func.value):
                return True
            return node.func.attr in self._makers
        return isinstance(node.func, ast.Name) and node.func.id in self._makers

    def binds(self, call: ast.Call) -> bool:
        """Does this call put its keywords on lines?"""
        if isinstance(call.func, ast.Attribute):
            if call.func.attr in ("bind", "contextualize"):
                return self.is_logger(call.func.value)
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
