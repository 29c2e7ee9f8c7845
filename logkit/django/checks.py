"""System checks: what makes logging or the audit trail of a Django project less than it seems.

Every finding has an id, a hint and an anchor in docs/reference/checks.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured

from logkit.django.carriers import cache_alias
from logkit.django.tasks import frameworks, runs_in_place
from logkit.findings import (
    PAGE,
    Finding,
    audit_findings,
    handler_findings,
    lane_findings,
    logging_findings,
    problem,
    warning,
)
from logkit.pipeline import current_settings

MIDDLEWARE = "logkit.django.middleware.RequestContextMiddleware"
TAG = "logkit"
_FIRST = f"Put {MIDDLEWARE!r} first in MIDDLEWARE."


def register() -> None:
    """Have Django run every check here; what it is told twice it remembers once."""
    for check in (check_middleware, check_logging, check_handlers, check_audit, check_tasks):
        checks.register(check, TAG)


def check_middleware(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """E001: the middleware is missing. W002: it is not the first, or comes again."""
    return [*map(_message, middleware_findings())]


def check_logging(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """E003: logging is not ours. W004: no JSON where nobody watches. W005: variables nobody knows."""
    return [*map(_message, logging_findings())]


def check_handlers(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """W006: a Loguru handler that nothing redacts for. E007: one that shows variables. W012: a closed fast lane."""
    return [*map(_message, handler_findings()), *map(_message, lane_findings())]


def check_audit(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """W008: no audit trail. E009: everybody may read it. E010: it shares a place with other files."""
    settings = current_settings()
    return [*map(_message, audit_findings(settings))] if settings is not None else []


def check_tasks(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """W011: tasks of Django's framework run elsewhere, and their context has no way to get there."""
    return [*map(_message, task_findings())]


def middleware_findings() -> Iterator[Finding]:
    """What is wrong with MIDDLEWARE."""
    middleware = list(django_settings.MIDDLEWARE)
    if MIDDLEWARE not in middleware:
        text = "Requests have no context: the middleware is not installed."
        yield problem("middleware", text, _FIRST, number=1)
        return
    if middleware.count(MIDDLEWARE) > 1:
        text = "The request middleware is installed more than once: a request has several ids and lines."
        yield warning("middleware", text, f"{_FIRST[:-1]}, once.", number=2)
    if before := middleware[: middleware.index(MIDDLEWARE)]:
        named = ", ".join(before)
        text = f"The request middleware comes after {named}: what these log or answer has no request id."
        yield warning("middleware", text, _FIRST, number=2)


def task_findings() -> Iterator[Finding]:
    """What is wrong with the backends of Django's tasks framework."""
    alias = cache_alias()
    try:
        is_shared = not isinstance(caches[alias], LocMemCache | DummyCache)
    except InvalidCacheBackendError:
        is_shared = False
    elsewhere = () if is_shared else tuple(_backends_elsewhere())
    if elsewhere:
        yield warning(
            "tasks",
            f"Tasks of {', '.join(elsewhere)} do not know their request: no other process sees the cache {alias!r}.",
            "Set LOG_TASK_CACHE to the alias of a cache that all processes share, such as Redis.",
            number=11,
        )


def _backends_elsewhere() -> Iterator[str]:
    """The aliases of the backends whose tasks another process runs; one that cannot be loaded is Django's to report."""
    for framework in frameworks():
        backends: Any = import_module(framework).task_backends
        for alias in backends:
            with suppress(ImproperlyConfigured):
                backend: Any = type(backends[alias])
                if not runs_in_place(backend):
                    yield alias


def _message(finding: Finding) -> checks.CheckMessage:
    kind = checks.Error if finding.state == "problem" else checks.Warning
    anchor = finding.code.replace(".", "").lower()
    return kind(finding.text, hint=f"{finding.hint} See {PAGE}#{anchor}", id=finding.code)
