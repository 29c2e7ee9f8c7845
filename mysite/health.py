"""Is the process alive, and can it do its work: for load balancers and orchestrators.

A check that fails makes a process unready, but for what the service gets over: without a broker the scheduled
recoveries publish again what could not be published, and it would take every process out at once; without the trail's
own directory the spool takes the events.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from kombu import Connection
from loguru import logger

from logkit import pipeline

PATIENCE_S = 2  # with the broker
_GOT_OVER = {("broker", "failed"), ("audit", "spooling")}


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; says nothing about its neighbours, so that they cannot get it restarted."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Each thing that requests need: "ok", or what is wrong with it.

    200 while requests can be served (`ok`, `degraded`), 503 when they cannot (`unready`).
    """
    checks = {name: _outcome(name, check) for name, check in CHECKS.items()}
    wrong = {(name, outcome) for name, outcome in checks.items() if outcome != "ok"}
    status = "ok" if not wrong else "degraded" if wrong <= _GOT_OVER else "unready"
    return JsonResponse({"status": status, "checks": checks}, status=503 if status == "unready" else 200)


def _outcome(name: str, check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that we are not ready
        logger.bind(check=name, exception_type=type(error).__qualname__).warning("readiness.check_failed")
        return "failed"  # the text of a database error can name hosts and users


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} to apply: manage.py migrate" if missing else "ok"


def _broker() -> str:
    if settings.CELERY_BROKER_URL.startswith("filesystem:"):
        _try_to_write(settings.BROKER_DIR / "queue")
        return "ok"
    options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "socket_connect_timeout": PATIENCE_S}
    with Connection(
        settings.CELERY_BROKER_URL, connect_timeout=PATIENCE_S, transport_options=options
    ) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=PATIENCE_S)
        _ = broker.default_channel  # Redis is asked no earlier
    return "ok"


def _audit() -> str:
    """Where the trail goes, or failing that the spool: without either, what has to be recorded is refused."""
    installed = pipeline.current_settings()
    if installed is None or not installed.audit.enabled:
        return "ok"
    try:
        _try_to_write(installed.audit.directory)
    except OSError:
        _try_to_write(installed.audit.spool_directory)
        return "spooling"
    return "ok"


def _try_to_write(directory: Path) -> None:
    """A byte into a file without a name, so that nobody finds it. Raises `OSError`."""
    while not directory.exists():  # made with the first event
        directory = directory.parent
    try:
        file = os.open(directory, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):
            raise
        if not os.access(directory, os.W_OK | os.X_OK):  # a file system without nameless files
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None
        return
    try:
        os.write(file, b"\0")
    finally:
        os.close(file)


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "broker": _broker,
    "audit": _audit,
}
