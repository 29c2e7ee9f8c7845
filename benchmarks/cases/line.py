"""One line with six context and three call fields, written to stdout (which the runner points at /dev/null).

Every stack is set up as its own documentation says for JSON in production, and may buffer where it does by default.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

Call = Callable[[], object]

CONTEXT: dict[str, Any] = {
    "request_id": "6f9d2c1e-6a3b-4c1d-9e2f-5b7a8c9d0e1f",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "user_id": "0190d0a4-7c3e-7a51-8c55-0d3f4e5a6b7c",
    "client_ip": "203.0.113.7",
    "method": "POST",
    "route": "api/circles/{circle_id}/messages",
}
CIRCLE = "0190d0a4-7c3e-7a51-8c55-0d3f4e5a6b7c"


def logkit() -> Call:
    """Ours: redaction on, full schema, Loguru's own path."""
    return _logkit_call("off")


def logkit_fast() -> Call:
    """Ours on the fast lane."""
    return _logkit_call("auto")


def _logkit_call(lane: str) -> Call:
    from loguru import logger

    _configure(lane)
    return lambda: logger.bind(circle_id=CIRCLE, message_id=42, recipients=5).info("message.sent")


def _configure(lane: str) -> None:
    import logkit

    logkit.configure({"LOG_ENVIRONMENT": "dev", "LOG_FORMAT": "json", "AUDIT": "off", "LOG_FAST_LANE": lane})
    logkit.bind_context(**CONTEXT)


def loguru_noop() -> Call:
    """The floor: Loguru builds its record and hands a message to a sink that does nothing."""
    from loguru import logger

    logger.remove()
    logger.add(lambda _: None, format="{message}")
    logger.contextualize(**CONTEXT).__enter__()
    return lambda: logger.bind(circle_id=CIRCLE, message_id=42, recipients=5).info("message.sent")


def loguru_serialize() -> Call:
    """Loguru's own JSON."""
    from loguru import logger

    logger.remove()
    logger.add(sys.stdout, format="{message}", serialize=True)
    logger.contextualize(**CONTEXT).__enter__()
    return lambda: logger.bind(circle_id=CIRCLE, message_id=42, recipients=5).info("message.sent")


def structlog_orjson() -> Call:
    """structlog as its performance page says, with the call site; redacts nothing."""
    import orjson
    import structlog
    from structlog.processors import CallsiteParameter

    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.CallsiteParameterAdder(
                [
                    CallsiteParameter.MODULE,
                    CallsiteParameter.PATHNAME,
                    CallsiteParameter.LINENO,
                    CallsiteParameter.FUNC_NAME,
                    CallsiteParameter.PROCESS,
                    CallsiteParameter.THREAD_NAME,
                ]
            ),
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(),
    )
    structlog.contextvars.bind_contextvars(**CONTEXT)
    log = structlog.get_logger()
    return lambda: log.info("message.sent", circle_id=CIRCLE, message_id=42, recipients=5)


def django_structlog() -> Call:
    """structlog over stdlib logging, as django-structlog's getting-started page configures it."""
    import structlog

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer()))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
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
    structlog.contextvars.bind_contextvars(**CONTEXT)
    log = structlog.get_logger("messaging.services")
    return lambda: log.info("message.sent", circle_id=CIRCLE, message_id=42, recipients=5)


def logkit_stdlib() -> Call:
    """Ours, a line that comes in through stdlib logging and takes Loguru's own path."""
    _configure("off")
    return _stdlib_call()


def logkit_stdlib_fast() -> Call:
    """Ours, a line that comes in through stdlib logging and takes the fast lane."""
    _configure("auto")
    return _stdlib_call()


def python_json_logger() -> Call:
    """python-json-logger with its orjson formatter; a filter adds the context."""
    from contextvars import ContextVar

    from pythonjsonlogger.orjson import OrjsonFormatter

    current: ContextVar[dict[str, Any]] = ContextVar("current", default=CONTEXT)

    class AddContext(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.__dict__.update(current.get())
            return True

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        OrjsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s %(pathname)s %(lineno)d %(funcName)s "
            "%(process)d %(threadName)s"
        )
    )
    handler.addFilter(AddContext())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    return _stdlib_call()


def _stdlib_call() -> Call:
    log = logging.getLogger("messaging.services")
    return lambda: log.info("message.sent", extra={"circle_id": CIRCLE, "message_id": 42, "recipients": 5})


def logkit_rejected() -> Call:
    """Ours, a debug() below LOG_LEVEL, the fast lane in its place."""
    _configure("auto")
    from loguru import logger

    return lambda: logger.debug("message.looked_at")


def loguru_rejected() -> Call:
    """Loguru's own rejected debug()."""
    from loguru import logger

    logger.remove()
    logger.add(lambda _: None, format="{message}", level="INFO")
    return lambda: logger.debug("message.looked_at")
