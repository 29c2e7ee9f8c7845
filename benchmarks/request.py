"""What logging adds to a Django request: `python -m benchmarks.request`.

The handlers are called in process with no database and one application line in the view; stdout is /dev/null. Under
WSGI the middleware of `startproject` is there; under ASGI it is not, because Django takes each of them through a
thread, and the noise of that drowns what is measured. Every stack is configured as its documentation says for JSON in
production. Each repeat is a process of its own, the stacks take turns, and medians are compared: what a stack adds is
its median less that of a Django that logs nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
STACKS = ("bare", "django_structlog", "django_guid", "logkit")
PROMISE, AIM = 0.35, 0.2  # of what django-structlog adds
_WARM, _BATCH, _SECONDS = 300, 200, 1.0

STARTPROJECT = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
HEADERS = {"user-agent": "bench/1", "accept": "*/*", "x-forwarded-for": "203.0.113.9"}

log_in_view: Callable[[], object] = lambda: None  # noqa: E731 - each stack puts its own in the place of this one


# -- The stacks -------------------------------------------------------------------------------------------------


def bare() -> dict[str, Any]:
    """Django that logs nothing."""
    return {"LOGGING_CONFIG": None}


def logkit() -> dict[str, Any]:
    """Ours, as the guide says."""
    global log_in_view
    from loguru import logger

    from logkit.django import logging_config

    log_in_view = lambda: logger.bind(circle_id=7, message_id=42).info("message.sent")  # noqa: E731
    environ = {"LOG_ENVIRONMENT": "dev", "LOG_FORMAT": "json", "AUDIT": "off"}
    return {
        "LOGGING": logging_config(environ),
        "INSTALLED_APPS": [*APPS, "logkit.django"],
        "FIRST": ["logkit.django.middleware.RequestContextMiddleware"],
    }


def django_structlog() -> dict[str, Any]:
    """https://django-structlog.readthedocs.io/en/latest/getting_started.html, its JSON handler on stdout."""
    global log_in_view
    import structlog

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            structlog.processors.UnicodeDecoder(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    log = structlog.get_logger("messaging.services")
    log_in_view = lambda: log.info("message.sent", circle_id=7, message_id=42)  # noqa: E731
    renderer = structlog.processors.JSONRenderer()
    return {
        "LOGGING": _stdout({"()": structlog.stdlib.ProcessorFormatter, "processor": renderer}),
        "INSTALLED_APPS": [*APPS, "django_structlog"],
        "LAST": ["django_structlog.middlewares.RequestMiddleware"],
    }


def django_guid() -> dict[str, Any]:
    """https://django-guid.readthedocs.io/en/latest/configuration.html with python-json-logger; no canonical line."""
    global log_in_view
    import logging

    log = logging.getLogger("messaging.services")
    log_in_view = lambda: log.info("message.sent", extra={"circle_id": 7, "message_id": 42})  # noqa: E731
    formatter = {
        "()": "pythonjsonlogger.orjson.OrjsonFormatter",
        "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(correlation_id)s",
    }
    return {
        "LOGGING": _stdout(formatter, {"correlation_id": {"()": "django_guid.log_filters.CorrelationId"}}),
        "INSTALLED_APPS": [*APPS, "django_guid"],
        "FIRST": ["django_guid.middleware.guid_middleware"],
        "DJANGO_GUID": {"VALIDATE_GUID": False},
    }


def _stdout(formatter: dict[str, Any], filters: dict[str, Any] | None = None) -> dict[str, Any]:
    handler = {
        "class": "logging.StreamHandler",
        "stream": sys.stdout,
        "formatter": "json",
        "filters": list(filters or {}),
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "filters": filters or {},
        "handlers": {"stdout": handler},
        "root": {"handlers": ["stdout"], "level": "INFO"},
    }


# -- One process ------------------------------------------------------------------------------------------------


def set_up(stack: str, protocol: str) -> None:
    """Configure Django with one stack, and a view of the protocol's kind."""
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import path

    def view(request: Any, circle_id: int) -> HttpResponse:
        log_in_view()
        return HttpResponse(b"ok")

    async def async_view(request: Any, circle_id: int) -> HttpResponse:
        log_in_view()
        return HttpResponse(b"ok")

    chosen = view if protocol == "wsgi" else async_view
    urlconf = type("urls", (), {"urlpatterns": [path("circles/<int:circle_id>/messages", chosen)]})
    stack_settings = globals()[stack]()
    others = STARTPROJECT if protocol == "wsgi" else []
    settings.configure(
        **{
            "INSTALLED_APPS": APPS,
            "MIDDLEWARE": [*stack_settings.pop("FIRST", []), *others, *stack_settings.pop("LAST", [])],
            "ROOT_URLCONF": urlconf,
            "SECRET_KEY": "bench",
            "ALLOWED_HOSTS": ["*"],
            "USE_TZ": True,
            **stack_settings,
        }
    )
    django.setup()


def run_once(stack: str, protocol: str) -> float:
    """Nanoseconds a request; the median over batches."""
    set_up(stack, protocol)
    batch = (wsgi_batch if protocol == "wsgi" else asgi_batch)()
    batch(_WARM)
    gc.collect()
    spent: list[float] = []
    until = time.perf_counter() + _SECONDS
    while time.perf_counter() < until:
        start = time.perf_counter_ns()
        batch(_BATCH)
        spent.append((time.perf_counter_ns() - start) / _BATCH)
    return statistics.median(spent)


def wsgi_batch() -> Callable[[int], None]:
    """Requests one after the other through Django's WSGI handler, bodies read and closed."""
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/circles/7/messages",
        "QUERY_STRING": "",
        "SERVER_NAME": "bench",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.7",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        **{"HTTP_" + name.upper().replace("-", "_"): value for name, value in HEADERS.items()},
    }

    def batch(count: int) -> None:
        for _ in range(count):
            response = application(dict(environ), lambda status, headers: None)
            b"".join(response)
            response.close()

    return batch


def asgi_batch() -> Callable[[int], None]:
    """Requests one after the other through Django's ASGI handler, in one event loop."""
    from django.core.asgi import get_asgi_application

    application = get_asgi_application()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/circles/7/messages",
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in HEADERS.items()],
        "client": ("203.0.113.7", 5),
        "server": ("bench", 80),
    }
    loop = asyncio.new_event_loop()

    async def send(message: dict[str, Any]) -> None:
        pass

    async def requests(count: int) -> None:
        for _ in range(count):
            messages = [{"type": "http.request", "body": b"", "more_body": False}]

            async def receive(messages: list[Any] = messages) -> dict[str, Any]:
                if messages:
                    return dict(messages.pop())
                await asyncio.sleep(3600)
                raise AssertionError

            await application(dict(scope), receive, send)

    return lambda count: loop.run_until_complete(requests(count))


# -- The table --------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.request", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="processes per stack (default 7)")
    parser.add_argument("--once", nargs=2, metavar=("STACK", "PROTOCOL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(run_once(*options.once), file=sys.stderr)
        sys.stdout.flush()
        os._exit(0)
    kept = [_table(protocol, options.repeats) for protocol in ("wsgi", "asgi")]
    return 0 if all(kept) else 1


def _table(protocol: str, repeats: int) -> bool:
    times: dict[str, list[float]] = {stack: [] for stack in STACKS}
    for _ in range(repeats):
        for stack in STACKS:
            times[stack].append(_process(stack, protocol))
    bare_us, *_ = (statistics.median(times[stack]) / 1000 for stack in STACKS)
    added = {stack: statistics.median(times[stack]) / 1000 - bare_us for stack in STACKS}
    print(f"\n| {protocol} | request | added | of what django-structlog adds |\n|---|---|---|---|")
    for stack in STACKS:
        ratio = added[stack] / added["django_structlog"]
        print(f"| {stack} | {bare_us + added[stack]:.1f} us | {added[stack]:.1f} us | {ratio:.2f} |")
    ratio = added["logkit"] / added["django_structlog"]
    print(
        f"\npromise <= {PROMISE}, aim {AIM}: {ratio:.2f} {'held' if ratio <= PROMISE else 'MISSED'}",
        flush=True,
    )
    return ratio <= PROMISE


def _process(stack: str, protocol: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.request", "--once", stack, protocol],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise SystemExit(f"{stack} failed: {done.stderr.decode(errors='replace')}")
    return float(done.stderr.split()[-1])


if __name__ == "__main__":
    sys.exit(main())
