"""Bulk writes on audited models: they send no signals, so that only a call of ours can put them into the trail."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from logkit.lint.config import Config
from logkit.lint.fields import ONE, manager_of
from logkit.lint.loggers import Loggers
from logkit.lint.survey import Function, Place, Survey, called

_BULK = frozenset(
    {"update", "delete", "bulk_create", "bulk_update", "aupdate", "adelete", "abulk_create", "abulk_update"}
)


def unaudited_writes(
    found: Survey, loggers: Loggers, config: Config
) -> Iterator[tuple[ast.Call, str, Place]]:
    """Each bulk write whose function, with all inside it, makes no audit call; and the model it writes."""
    if not config.audited_models:
        return
    models = {name: name for name in config.audited_models} | _aliases(found, config.audited_models)
    querysets = _querysets(found, models)
    audited = {place.function for call, place in found.calls if loggers.is_audit(call)}
    for call, place in found.calls:
        if called(call) in _BULK and place.function not in audited:
            written = _written(call, place.function, models, querysets)
            if written is not None:
                yield call, written, place


def _aliases(found: Survey, audited: frozenset[str]) -> dict[str, str]:
    return {
        alias.asname: alias.name
        for statement in found.imports
        for alias in statement.names
        if alias.asname and alias.name in audited
    }


Querysets = dict[
    tuple[Function | None, str], str
]  # what a name in a function holds: a queryset of this model


def _querysets(found: Survey, models: dict[str, str]) -> Querysets:
    return {
        (place.function, target.id): models[model]
        for target, value, place in found.assignments
        if isinstance(target, ast.Name) and isinstance(value, ast.Call) and not _is_instance(value)
        if (model := manager_of(value)) in models
    }


def _written(
    call: ast.Call, function: Function | None, models: dict[str, str], querysets: Querysets
) -> str | None:
    """The audited model of `Model.objects. ... .update()`, or of a queryset that was put into a variable."""
    if not isinstance(call.func, ast.Attribute) or _is_instance(call.func.value):
        return None
    model = manager_of(call)
    if model is not None:
        return models.get(model)
    node: ast.expr = call.func.value
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return querysets.get((function, node.id)) if isinstance(node, ast.Name) else None


def _is_instance(node: ast.expr) -> bool:
    """`....get()`: what follows is a method of one instance, which does send signals."""
    return isinstance(node, ast.Call) and called(node) in ONE
