"""One physical line to an event: JSON of schema v1, ECS or a relative.

Also behind the prefix of compose, honcho, kubectl or journalctl, and inside of the JSON that Docker and journald put
around it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from logkit.tail.times import utc_text

_LONGEST_NUMBER = 20
_FARTHEST_JSON = 256  # bytes a prefix may take
_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
_PREFIX_END = string.whitespace + "|:>"


class Line(NamedTuple):
    """A line as it was read; `event` is None when it is no event, `prefix` the text before the JSON."""

    raw: bytes
    event: dict[str, Any] | None
    prefix: str


# A `Line`, or a plain tuple of what it holds.
Parsed = tuple[bytes, dict[str, Any] | None, str]


def parsed(lines: Iterable[bytes]) -> Iterator[Parsed]:
    """What `lines` are, as plain tuples with the members of `Line`: half the cost where every line is wanted."""
    for raw in lines:
        if raw[:1] == b"{":
            try:
                event = orjson.loads(raw)
            except ValueError:
                pass
            else:
                yield raw, event if "context" in event and "message" in event else as_event(event), ""
                continue
        yield parse(raw)


def parse(raw: bytes) -> Line:
    """What `raw` is; total: whatever it holds, there is a line."""
    if raw[:1] == b"{":
        try:
            event = orjson.loads(raw)
        except ValueError:
            event = _lenient(raw)
        return Line(raw, as_event(event), "")
    start = raw.find(b"{", 0, _FARTHEST_JSON)
    if start < 0:
        return Line(raw, None, "")
    event = as_event(_lenient(_COLOUR.sub(b"", raw[start:])))
    if event is None:
        return Line(raw, None, "")
    prefix = _COLOUR.sub(b"", raw[:start]).decode("utf-8", "replace")
    return Line(raw, event, prefix.rstrip(_PREFIX_END))


def _lenient(raw: bytes) -> object:
    """The JSON of a line that is not strict UTF-8; None when it is no JSON at all."""
    try:
        return orjson.loads(raw.decode("utf-8", "replace"))
    except ValueError:
        return None


def as_event(value: object) -> dict[str, Any] | None:
    """`value` in the shape of schema v1; None when it is no log event."""
    if type(value) is not dict:
        return None
    if "context" in value and "message" in value:
        return value
    if "@timestamp" in value:
        return _from_ecs(value)
    for member in _AROUND:
        if type(inner := value.get(member)) is str and inner.startswith("{"):
            return as_event(_lenient(inner.encode("utf-8", "replace")))
    return _from_other(value)


_AROUND = ("log", "MESSAGE")  # where Docker's json-file driver and journald keep a line

# Members that other writers use for what schema v1 calls by the first name.
_ALIASES = {
    "timestamp": ("timestamp", "time", "ts", "asctime"),
    "level": ("level", "severity", "levelname"),
    "message": ("message", "msg", "event"),
    "logger": ("logger", "name", "logger_name"),
    "exception": ("exception", "exc_info", "err"),
}
_PLAIN = ("context", "source", "process", "thread", "service")
_PINO_LEVELS = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARNING", 50: "ERROR", 60: "CRITICAL"}


def _from_other(value: dict[str, Any]) -> dict[str, Any] | None:
    rest = dict(value)
    event: dict[str, Any] = {}
    for member, names in _ALIASES.items():
        for name in names:
            if isinstance(rest.get(name), str | int | float | dict) and not isinstance(rest[name], bool):
                event[member] = rest.pop(name)
                break
    if "message" not in event or not ({"level", "timestamp"} & event.keys()):
        return None
    event["timestamp"] = utc_text(event.get("timestamp")) or event.get("timestamp")
    if isinstance(event.get("level"), int):
        event["level"] = _PINO_LEVELS.get(event["level"], str(event["level"]))
    event |= {name: rest.pop(name) for name in _PLAIN if name in rest}
    context = event.get("context")
    event["context"] = {**rest, **context} if isinstance(context, dict) else rest
    return event


# Elastic Common Schema 8 to schema v1; labels hold what ECS has no field for.
_ECS_CONTEXT = {
    "trace.id": "trace_id",
    "span.id": "span_id",
    "http.request.id": "request_id",
    "http.request.method": "method",
    "http.response.status_code": "status",
    "http.response.body.bytes": "bytes",
    "url.path": "route",
    "client.ip": "client_ip",
    "user.id": "user_id",
    "event.outcome": "outcome",
}
_ECS_SILENT = ("ecs.version", "event.dataset", "event.kind", "event.action", "process.thread.id")


def _from_ecs(value: dict[str, Any]) -> dict[str, Any]:
    flat = dict(_flattened(value, ""))
    event: dict[str, Any] = {
        "timestamp": flat.pop("@timestamp"),
        "level": str(flat.pop("log.level", "")).upper(),
        "logger": flat.pop("log.logger", ""),
        "message": flat.pop("message", ""),
    }
    context = {ours: flat.pop(theirs) for theirs, ours in _ECS_CONTEXT.items() if theirs in flat}
    if isinstance(duration := flat.pop("event.duration", None), int | float):
        context["duration_ms"] = duration / 1e6  # ECS counts nanoseconds
    source = {
        "file": flat.pop("log.origin.file.name", None),
        "line": flat.pop("log.origin.file.line", None),
        "function": flat.pop("log.origin.function", None),
    }
    error = {
        "type": flat.pop("error.type", None),
        "message": flat.pop("error.message", None),
        "stack": flat.pop("error.stack_trace", None),
    }
    for name in _ECS_SILENT:
        flat.pop(name, None)
    for group in ("process", "service"):
        members = {name: flat.pop(name) for name in list(flat) if name.startswith(group + ".")}
        if members:
            event[group] = {name.removeprefix(group + "."): item for name, item in members.items()}
    for name, item in flat.items():
        is_label = name.startswith("labels.")
        context[name.removeprefix("labels.")] = _number(item) if is_label and isinstance(item, str) else item
    event["context"] = context
    if source["file"]:
        event["source"] = source
    if any(error.values()):
        event["exception"] = {name: item for name, item in error.items() if item is not None}
    return event


def _number(text: str) -> str | int | float:
    """The number that a label was before ECS made it text; what would be written otherwise stays text."""
    for kind in (int, float):
        try:
            if len(text) < _LONGEST_NUMBER and str(number := kind(text)) == text:
                return number
        except ValueError:
            continue
    return text


def _flattened(value: dict[str, Any], lead: str) -> Any:
    for name, item in value.items():
        if isinstance(item, dict) and item:
            yield from _flattened(item, f"{lead}{name}.")
        else:
            yield f"{lead}{name}", item
