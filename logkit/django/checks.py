"""System checks: what makes logging or the audit trail of a Django project less than it seems.

Every finding has an id, a hint and an anchor in docs/reference/checks.md.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import ImproperlyConfigured

from logkit.django.carriers import cache_alias
from logkit.django.tasks import frameworks, runs_in_place
from logkit.foreign import foreign_handlers
from logkit.pipeline import current_settings, own_handlers
from logkit.settings import RELAXED_ENVIRONMENTS, LogSettings

MIDDLEWARE = "logkit.django.middleware.RequestContextMiddleware"
TAG = "logkit"
_FIRST = f"Put {MIDDLEWARE!r} first in MIDDLEWARE."
_PAGE = "docs/reference/checks.md"
_WORLD = stat.S_IRWXO


def register() -> None:
    """Have Django run every check here; what it is told twice it remembers once."""
    for check in (check_middleware, check_logging, check_handlers, check_audit, check_tasks):
        checks.register(check, TAG)


def check_middleware(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """E001: the middleware is missing. W002: it is not the first."""
    middleware = list(django_settings.MIDDLEWARE)
    if MIDDLEWARE not in middleware:
        return [
            _error(
                1,
                "Requests have no context: the middleware is not installed.",
                _FIRST,
            )
        ]
    before = middleware[: middleware.index(MIDDLEWARE)]
    if not before:
        return []
    return [
        _warning(
            2,
            f"The request middleware comes after {', '.join(before)}: what these log or answer has no request id.",
            _FIRST,
        )
    ]


def check_logging(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """E003: logging is not ours. W004: no JSON where nobody watches. W005: variables nobody knows."""
    settings = current_settings()
    if settings is None:
        return [
            _error(
                3,
                "Logging is not configured by logkit.",
                "Set LOGGING = logkit.django.logging_config(os.environ, base_dir=BASE_DIR), without LOGGING_CONFIG.",
            )
        ]
    return [*_logging_findings(settings)]


def _logging_findings(settings: LogSettings) -> Iterator[checks.CheckMessage]:
    if settings.format == "console" and settings.environment not in RELAXED_ENVIRONMENTS:
        yield _warning(
            4,
            f"Lines are not JSON in the environment {settings.environment!r}: no machine will read them.",
            "Unset LOG_FORMAT; auto is console on a terminal and JSON everywhere else.",
        )
    if settings.unknown:
        yield _warning(
            5,
            f"Variables look like settings of logkit and are none: {', '.join(settings.unknown)}.",
            "Correct their names, or take them out of the environment.",
        )


def check_handlers(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """W006: a Loguru handler that nothing redacts for. E007: one that shows the values of variables."""
    return [*_handler_findings()]


def _handler_findings() -> Iterator[checks.CheckMessage]:
    for handler in foreign_handlers(own_handlers()):
        if handler.shows_variables:
            yield _error(
                7,
                f"Loguru's handler {handler.id} ({handler.sink}) writes the values of local variables into tracebacks.",
                "Remove it, or add it with diagnose=False.",
            )
        yield _warning(
            6,
            f"Loguru's handler {handler.id} ({handler.sink}) is not ours: it gets records before redaction.",
            "Use logkit.add_sink(), which hands over redacted events.",
        )


def check_audit(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """W008: no audit trail. E009: everybody may read it. E010: it shares a place with other files."""
    settings = current_settings()
    return [*_audit_findings(settings)] if settings is not None else []


def _audit_findings(settings: LogSettings) -> Iterator[checks.CheckMessage]:
    audit = settings.audit
    if not audit.enabled:
        if settings.environment != "test":
            yield _warning(8, "The audit trail is off.", "Unset AUDIT; only dev and test may run without it.")
        return
    for path in _open_to_everybody((audit.directory, audit.spool_directory, audit.key_directory)):
        yield _error(
            9,
            f"Everybody on this machine has permissions on {path}, which belongs to the audit trail.",
            f"chmod o-rwx {path}",
        )
    places = {"AUDIT_SPOOL_DIR": audit.spool_directory, "AUDIT_KEY_DIR": audit.key_directory}
    if settings.file is not None:
        places["LOG_FILE"] = settings.file
    for name, path in places.items():
        if path == audit.directory or path.is_relative_to(audit.directory):
            yield _error(
                10,
                f"{name} is {path}, inside the audit trail's directory {audit.directory}.",
                f"Give {name} a place of its own: retention, permissions and backups of the two differ.",
            )


def check_tasks(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """W011: tasks of Django's framework run elsewhere, and their context has no way to get there."""
    alias = cache_alias()
    try:
        is_shared = not isinstance(caches[alias], LocMemCache | DummyCache)
    except InvalidCacheBackendError:
        is_shared = False
    elsewhere = () if is_shared else tuple(_backends_elsewhere())
    return [
        _warning(
            11,
            f"Tasks of {', '.join(elsewhere)} do not know their request: no other process sees the cache {alias!r}.",
            "Set LOG_TASK_CACHE to the alias of a cache that all processes share, such as Redis.",
        )
        for _ in elsewhere[:1]
    ]


def _backends_elsewhere() -> Iterator[str]:
    """The aliases of the backends whose tasks another process runs; one that cannot be loaded is Django's to report."""
    for framework in frameworks():
        backends: Any = import_module(framework).task_backends
        for alias in backends:
            with suppress(ImproperlyConfigured):
                backend: Any = type(backends[alias])
                if not runs_in_place(backend):
                    yield alias


def _open_to_everybody(directories: Sequence[Path]) -> Iterator[Path]:
    """What others may use: the streams, spool files and keys inside each directory that is not closed itself."""
    for directory in directories:
        if _is_open(directory):
            yield from filter(_is_open, sorted(directory.iterdir()))


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _WORLD)
    except OSError:  # not made yet, or not ours to look at
        return False


def _error(number: int, what: str, hint: str) -> checks.Error:
    return checks.Error(what, **_told(hint, "E", number))


def _warning(number: int, what: str, hint: str) -> checks.Warning:
    return checks.Warning(what, **_told(hint, "W", number))


def _told(hint: str, kind: str, number: int) -> dict[str, Any]:
    anchor = f"logkit{kind}{number:03}".lower()
    return {"hint": f"{hint} See {_PAGE}#{anchor}", "id": f"logkit.{kind}{number:03}"}
