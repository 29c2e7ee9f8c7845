"""A line of schema v1 to a log record of OpenTelemetry.

Names: https://opentelemetry.io/docs/specs/semconv/registry/attributes/; severity numbers:
https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber. What the conventions have no name for
keeps ours.
"""

from __future__ import annotations

import calendar
import os
import re
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

_SECOND = 1_000_000_000  # ns
_INT64 = 1 << 63
_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_SERVICE = {
    "name": "service.name",
    "environment": "deployment.environment.name",
    "release": "service.version",
}
_TEXTS = {  # our field: the attribute that takes its value, as text
    "method": "http.request.method",
    "route": "http.route",
    "client_ip": "client.address",
    "user_id": "user.id",
    "session": "session.id",
    "exception_type": "error.type",
}
_NUMBERS = {"status": "http.response.status_code", "bytes": "http.response.body.size"}
_NOWHERE = trace.set_span_in_context(trace.INVALID_SPAN, Context())


def resource(service: Mapping[str, str]) -> Resource:
    """What all records of a process share; `OTEL_RESOURCE_ATTRIBUTES` adds to it."""
    return Resource.create({_SERVICE[name]: value for name, value in service.items()})


def of_this_process(shared: Resource) -> Resource:
    return shared.merge(Resource({"process.pid": os.getpid()}))


def record(level_no: int, line: bytes, resource: Resource) -> ReadableLogRecord:
    """The record of one line."""
    data = orjson.loads(line)
    fields = data["context"]
    time_ns, context = _time_ns(data["timestamp"]), _trace_context(fields)
    message = data["message"]
    return ReadableLogRecord(
        LogRecord(
            timestamp=time_ns,
            observed_timestamp=time_ns,
            context=context or _NOWHERE,
            severity_text=data["level"],
            severity_number=_severity(level_no),
            body=message,
            attributes=dict(_attributes(data, fields, correlated=context is not None)),
            event_name=message if _EVENT.fullmatch(message) else None,
        ),
        resource,
        _scope(data["logger"]),
    )


def _attributes(
    data: Mapping[str, Any], fields: Mapping[str, Any], *, correlated: bool
) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if correlated and name in ("trace_id", "span_id"):
            continue
        if name in _TEXTS and isinstance(value, str | int):
            yield _TEXTS[name], str(value)
        elif name in _NUMBERS and type(value) is int:
            yield _NUMBERS[name], value
        elif value is not None:
            yield name, _value(value)
    source, process = data.get("source", {}), data.get("process", {})
    yield "code.file.path", source.get("file", "")
    yield "code.line.number", source.get("line", 0)
    yield "code.function.name", source.get("function", "")
    yield "thread.name", data.get("thread", "")
    yield "logkit.process", process.get("name", "")
    if data.get("truncated"):
        yield "truncated", True
    if exception := data.get("exception"):
        yield "exception.type", exception["type"]
        yield "exception.message", exception["message"]
        yield "exception.stacktrace", "\n\n".join(_stacks(exception))


def _value(value: Any) -> Any:
    """What OTLP can hold: its integers have 64 bits."""
    match value:
        case bool():
            return value
        case int() if not -_INT64 <= value < _INT64:
            return str(value)
        case list():
            return [_value(item) for item in value]
        case dict():
            return {name: _value(item) for name, item in value.items()}
    return value


def _stacks(exception: Mapping[str, Any]) -> Iterator[str]:
    """One stack trace with its causes in it, as Python prints them."""
    for link in ("cause", "context"):
        if link in exception:
            yield from _stacks(exception[link])
    yield exception.get("stack") or f"{exception['type']}: {exception['message']}"
    for member in exception.get("group", ()):
        yield from _stacks(member)


def _severity(level_no: int) -> SeverityNumber:
    """TRACE 1, DEBUG 5, INFO 9, WARNING 13, ERROR 17, CRITICAL 21; a level in between is a step in between."""
    if level_no < 10:
        return SeverityNumber(1)
    tens, rest = divmod(min(level_no, 59), 10)
    return SeverityNumber(1 + 4 * tens + 4 * rest // 10)


def _time_ns(timestamp: str) -> int:
    """Nanoseconds since the Unix epoch of `2026-11-23T14:02:11.123456Z`."""
    return _seconds(timestamp[:19]) * _SECOND + int(timestamp[20:26]) * 1000


@lru_cache(maxsize=64)
def _seconds(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


@lru_cache(maxsize=1024)
def _scope(name: str) -> InstrumentationScope:
    return InstrumentationScope(name)


def _trace_context(fields: Mapping[str, Any]) -> Context | None:
    """What correlates a record with its span; None when the ids are none of a trace."""
    trace_id, span_id = _number(fields.get("trace_id"), 32), _number(fields.get("span_id"), 16)
    span = trace.SpanContext(trace_id, span_id, is_remote=False)
    return trace.set_span_in_context(trace.NonRecordingSpan(span), Context()) if trace_id else None


def _number(text: object, digits: int) -> int:
    try:
        return int(text, 16) if isinstance(text, str) and len(text) == digits else 0
    except ValueError:
        return 0
