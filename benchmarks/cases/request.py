"""A Django request through Django's own handlers, with one application line in the view, under each logging stack.

No database. Under WSGI the middleware of `startproject` is there; under ASGI it is not, because Django takes each of
them through a thread, and the noise of that drowns what is measured. Every stack is configured as its documentation
says for JSON in production.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

STACKS = ("bare", "django_structlog", "django_guid", "logkit")
PROTOCOLS = ("wsgi", "asgi")

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


# -- One request ------------------------------------------------------------------------------------------------


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


def _wsgi(stack: str) -> Callable[[], object]:
    """One request through Django's WSGI handler, its body read and closed."""
    from django.core.wsgi import get_wsgi_application

    set_up(stack, "wsgi")
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

    def once() -> None:
        response: Any = application(dict(environ), lambda status, headers: None)
        b"".join(response)
        response.close()

    return once


def _asgi(stack: str) -> Callable[[], object]:
    """One request through Django's ASGI handler, in an event loop that lives on."""
    from django.core.asgi import get_asgi_application

    set_up(stack, "asgi")
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

    async def request() -> None:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return dict(messages.pop())
            await asyncio.sleep(3600)
            raise AssertionError

        await application(dict(scope), receive, send)

    return lambda: loop.run_until_complete(request())


bare_wsgi, bare_asgi = partial(_wsgi, "bare"), partial(_asgi, "bare")
django_structlog_wsgi, django_structlog_asgi = (
    partial(_wsgi, "django_structlog"),
    partial(_asgi, "django_structlog"),
)
django_guid_wsgi, django_guid_asgi = partial(_wsgi, "django_guid"), partial(_asgi, "django_guid")
logkit_wsgi, logkit_asgi = partial(_wsgi, "logkit"), partial(_asgi, "logkit")
