"""Denied requests, failed CSRF checks and suspicious operations, from the loggers on which Django documents them.

https://docs.djangoproject.com/en/5.2/ref/logging/#django-security
"""

from __future__ import annotations

import logging
import re

from logkit import audit
from logkit.context import CONTEXT_ATTRIBUTE, Context, get_context, set_context
from logkit.django.capture.hooks import observer

_SECURITY = "django.security"


@observer
def state_in_context(record: logging.LogRecord) -> None:
    """Django writes some of them after the middleware has returned; the request still knows its context. (R01)"""
    request = getattr(record, "request", None)
    context = getattr(request, "__dict__", {}).get(CONTEXT_ATTRIBUTE)
    outer = get_context()
    if not isinstance(context, Context) or outer.scope is not None:
        _state(record)
        return
    set_context(context)
    try:
        _state(record)
    finally:
        set_context(outer)


def _state(record: logging.LogRecord) -> None:
    context = get_context()
    request_id = context.get("request_id")
    if record.name == f"{_SECURITY}.csrf":
        _denied("csrf", permission="csrf", policy="csrf")
    elif record.name.startswith(_SECURITY + "."):
        audit.emit(
            "security.alert",
            outcome="denied",
            reason=_code(record.name.rpartition(".")[2]),
            detail={"rule": "suspicious_operation", "evidence_ids": [request_id] if request_id else []},
        )
    elif getattr(record, "status_code", None) == 403 and not audit.was_stated("authz.denied"):
        route = context.completed().get("route")
        _denied("forbidden", permission=str(route or "unknown"), policy="http")


def _denied(reason: str, *, permission: str, policy: str) -> None:
    audit.emit(
        "authz.denied", outcome="denied", reason=reason, detail={"permission": permission, "policy": policy}
    )


def _code(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()[:64]
