"""Is the process alive, and can it do its work: for load balancers and orchestrators."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from loguru import logger


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; says nothing about its neighbours, so that they cannot get it restarted."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Each thing that requests need: "ok", or what is wrong with it and status 503."""
    checks = {name: _outcome(name, check) for name, check in CHECKS.items()}
    ready = all(outcome == "ok" for outcome in checks.values())
    return JsonResponse(
        {"status": "ok" if ready else "unready", "checks": checks}, status=200 if ready else 503
    )


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
    """A folder can be looked at; a broker on the network is left to the worker's own checks."""
    if not settings.CELERY_BROKER_URL.startswith("filesystem:"):
        return "ok"
    queue = settings.BROKER_DIR / "queue"
    probe = queue / ".ready"
    probe.touch()
    probe.unlink(missing_ok=True)
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {"database": _database, "migrations": _migrations, "broker": _broker}
