"""An `Event` to one line of the Elastic Common Schema, for LOG_SCHEMA=ecs.

Fields and types: https://www.elastic.co/guide/en/ecs/8.17/ecs-field-reference.html; which are written with dots at the
top level: https://github.com/elastic/ecs-logging/tree/main/spec. What ECS has no field for is a label; labels are flat
and their values are text, because ECS maps all of them as keywords.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from logkit.encode import Limit, timestamp
from logkit.event import Event
from logkit.shorten import one_physical_line, shortened

VERSION = "8.17.0"

_OUTCOMES = {"succeeded": "success", "success": "success", "failed": "failure", "failure": "failure"}
_TEXTS = {  # our field: where it stands in ECS, as keyword or text
    "request_id": ("http", "request", "id"),
    "method": ("http", "request", "method"),
    "trace_id": ("trace", "id"),
    "span_id": ("span", "id"),
    "user_id": ("user", "id"),
}
_NUMBERS = {"status": ("http", "response", "status_code"), "bytes": ("http", "response", "body", "bytes")}


class EcsEncoder:
    """Lines as Elastic's own loggers write them."""

    def __init__(
        self, service: Mapping[str, str], *, limit: Limit, scrub: Callable[[str], str] = str
    ) -> None:
        names = {"name": "name", "environment": "environment", "release": "version"}
        self._service = {names[name]: value for name, value in service.items()}
        self._limit = limit
        self._scrub = scrub

    def __call__(self, event: Event) -> bytes:
        line = one_physical_line(orjson.dumps(self.as_dict(event)) + b"\n")
        if len(line) <= self._limit():
            return line
        return shortened(self.as_dict(event), self._limit(), data="labels", error="error")

    def as_dict(self, event: Event) -> dict[str, Any]:
        """The line as data."""
        line: dict[str, Any] = {
            "@timestamp": timestamp(event.time_ns),
            "log.level": event.level,
            "message": event.message,
            "ecs.version": VERSION,
            "log": {
                "logger": self._scrub(event.origin.logger),
                "origin": {
                    "file": {"name": event.origin.short_file, "line": event.origin.line},
                    "function": event.origin.function,
                },
            },
            "process": {
                "pid": event.where.pid,
                "name": event.where.process,
                "thread": {"name": self._scrub(event.where.thread)},
            },
            "service": self._service,
            "event": {"action": event.message},
        }
        labels: dict[str, str] = {}
        for name, value in event.all_fields.items():
            if not _placed(line, name, value):
                labels[name.replace(".", "_")] = _keyword(value)
        if labels:
            line["labels"] = labels
        if event.exception is not None:
            line["error"] = _error(event.exception)
        return line


def _placed(line: dict[str, Any], name: str, value: Any) -> bool:
    """Whether `value` has a field of its own in ECS that takes its type; if so, it is there now."""
    if name in _TEXTS and isinstance(value, str | int):
        _put(line, _TEXTS[name], str(value))
    elif name in _NUMBERS and type(value) is int:
        _put(line, _NUMBERS[name], value)
    elif name == "duration_ms" and isinstance(value, int | float):
        _put(line, ("event", "duration"), round(value * 1_000_000))  # ns
    elif name == "outcome" and isinstance(value, str):
        _put(line, ("event", "outcome"), _OUTCOMES.get(value, "unknown"))
        return value in _OUTCOMES  # another word is worth a label, too
    elif name == "client_ip" and _is_address(value):
        _put(line, ("client", "ip"), value)
    else:
        return False
    return True


def _put(line: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for part in path[:-1]:
        line = line.setdefault(part, {})
    line[path[-1]] = value


def _is_address(value: object) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return True


def _keyword(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _error(exception: Mapping[str, Any]) -> dict[str, str]:
    """ECS has one stack trace; ours has its causes in it, as Python prints them."""
    return {
        "type": exception["type"],
        "message": exception["message"],
        "stack_trace": "\n\n".join(_stacks(exception)),
    }


def _stacks(exception: Mapping[str, Any]) -> Iterator[str]:
    for link in ("cause", "context"):
        if link in exception:
            yield from _stacks(exception[link])
    yield f"{exception.get('stack', '')}\n{exception['type']}: {exception['message']}".lstrip("\n")
    for member in exception.get("group", ()):
        yield from _stacks(member)
