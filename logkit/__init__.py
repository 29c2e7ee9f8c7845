"""Structured logs and a verifiable audit trail for Django and Celery, over Loguru.

The names here are loaded when they are first used, so that the command line starts in milliseconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loguru import logger

    from logkit import audit
    from logkit.context import (
        ContextExecutor,
        add_fields,
        bind_context,
        bound_context,
        carry_context,
        get_context,
    )
    from logkit.errors import AuditSchemaError, AuditUnavailable, ConfigError, LogkitError
    from logkit.intercept import RequestContextFilter
    from logkit.pipeline import add_sink, configure, remove_sink, shutdown
    from logkit.settings import AuditSettings, LogSettings

_HOMES = {
    "logger": "loguru",
    "ContextExecutor": "logkit.context",
    "add_fields": "logkit.context",
    "bind_context": "logkit.context",
    "bound_context": "logkit.context",
    "carry_context": "logkit.context",
    "get_context": "logkit.context",
    "AuditSchemaError": "logkit.errors",
    "AuditUnavailable": "logkit.errors",
    "ConfigError": "logkit.errors",
    "LogkitError": "logkit.errors",
    "RequestContextFilter": "logkit.intercept",
    "add_sink": "logkit.pipeline",
    "configure": "logkit.pipeline",
    "remove_sink": "logkit.pipeline",
    "shutdown": "logkit.pipeline",
    "AuditSettings": "logkit.settings",
    "LogSettings": "logkit.settings",
}

__all__ = [
    "AuditSchemaError",
    "AuditSettings",
    "AuditUnavailable",
    "ConfigError",
    "ContextExecutor",
    "LogSettings",
    "LogkitError",
    "RequestContextFilter",
    "add_fields",
    "add_sink",
    "audit",
    "bind_context",
    "bound_context",
    "carry_context",
    "configure",
    "get_context",
    "logger",
    "remove_sink",
    "shutdown",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name == "audit":
        value = import_module("logkit.audit")
    else:
        raise AttributeError(f"module 'logkit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
