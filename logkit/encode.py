"""An `Event` to one line of strict JSON, schema v1. Total: any event in, one valid line out.

A line is mostly the same bytes again and again, so the parts that recur (level, logger and message; source, process
and service; the bound context) are encoded once and kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from logkit.event import Event, Origin, Where, short_path

Encoder = Callable[[Event], bytes]

_KEPT = 4096  # entries of a cache; it starts anew when full, which costs less than choosing a victim
_LONGEST_KEPT = 200  # characters of a message worth keeping
_CLIPS = (4096, 1024, 256, 64)  # characters of the longest text, tried in turn when a line is too long


class Clock:
    """RFC 3339 UTC timestamps with microseconds; the part before the dot is made once a second."""

    __slots__ = ("_prefix",)

    def __init__(self) -> None:
        self._prefix = (-1, b"")

    def __call__(self, time_ns: int) -> bytes:
        second, rest = divmod(time_ns, 1_000_000_000)
        kept, prefix = self._prefix
        if kept != second:
            prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
            self._prefix = (second, prefix)
        return b"%b.%06dZ" % (prefix, rest // 1000)


timestamp = Clock()


def service_block(service: str, environment: str, release: str | None) -> dict[str, str]:
    return {"name": service, "environment": environment} | ({"release": release} if release else {})


class LogkitEncoder:
    """Schema v1, as docs/reference/line-schema.json describes it."""

    def __init__(self, service: Mapping[str, str], *, max_line_bytes: int) -> None:
        self._service = dict(service)
        self._max_line_bytes = max_line_bytes
        self._heads: dict[tuple[str, str, str], bytes] = {}
        self._tails: dict[tuple[Origin, Where], bytes] = {}

    def __call__(self, event: Event) -> bytes:
        origin = event.origin
        message = event.message
        head = self._heads.get((event.level, origin.logger, message))
        if head is None:
            head = self._head(event.level, origin.logger, message)
        tail = self._tails.get((origin, event.where))
        if tail is None:
            tail = self._tail(origin, event.where)
        context = event.context
        inside = context.json
        fields = event.fields
        if fields:
            if not inside:
                inside = orjson.dumps(fields)[1:-1]
            elif context.fields.keys().isdisjoint(fields):
                inside = b"%b,%b" % (inside, orjson.dumps(fields)[1:-1])
            else:
                inside = orjson.dumps(event.all_fields)[1:-1]
        if event.exception is not None:
            tail = b'%b,"exception":%b}\n' % (tail[:-2], orjson.dumps(event.exception))
        line = b'{"timestamp":"%b%b%b%b' % (timestamp(event.time_ns), head, inside, tail)
        return (
            line
            if len(line) <= self._max_line_bytes
            else shortened(self.as_dict(event), self._max_line_bytes)
        )

    def _head(self, level: str, logger: str, message: str) -> bytes:
        head = b'","level":%b,"logger":%b,"message":%b,"context":{' % (
            orjson.dumps(level),
            orjson.dumps(logger),
            orjson.dumps(message),
        )
        if len(message) <= _LONGEST_KEPT:
            _keep(self._heads, (level, logger, message), head)
        return head

    def _tail(self, origin: Origin, where: Where) -> bytes:
        block = orjson.dumps(self._envelope(origin, where))
        tail = b"},%b\n" % block[1:]
        _keep(self._tails, (origin, where), tail)
        return tail

    def _envelope(self, origin: Origin, where: Where) -> dict[str, Any]:
        return {
            "source": {"file": short_path(origin.file), "line": origin.line, "function": origin.function},
            "process": {"id": where.pid, "name": where.process},
            "thread": where.thread,
            "service": self._service,
        }

    def as_dict(self, event: Event) -> dict[str, Any]:
        """The line as data; what the console renders and what added sinks are given."""
        line = {
            "timestamp": timestamp(event.time_ns).decode(),
            "level": event.level,
            "logger": event.origin.logger,
            "message": event.message,
            "context": event.all_fields,
            **self._envelope(event.origin, event.where),
        }
        return line if event.exception is None else line | {"exception": event.exception}


def _keep(cache: dict[Any, bytes], key: Any, value: bytes) -> None:
    if len(cache) >= _KEPT:
        cache.clear()
    cache[key] = value


def shortened(line: dict[str, Any], max_bytes: int) -> bytes:
    """`line` within `max_bytes`: long texts are clipped first, then the innermost data goes; it says `truncated`.

    The values are safe already, so a cut never uncovers part of a secret; it is made between characters.
    """
    line = line | {"truncated": True}
    for longest in _CLIPS:
        encoded = orjson.dumps(_clipped(line, longest)) + b"\n"
        if len(encoded) <= max_bytes:
            return encoded
    kept: dict[str, Any] = {}
    line = _clipped(line, _CLIPS[-1])
    context, stack = line.pop("context"), line.pop("exception", None)
    if stack:
        line["exception"] = {"type": stack.get("type"), "message": stack.get("message")}
    room = max_bytes - len(orjson.dumps(line | {"context": {}})) - 1
    for name, value in context.items():
        room -= len(orjson.dumps({name: value}))
        if room < 0:
            break
        kept[name] = value
    return orjson.dumps(line | {"context": kept}) + b"\n"


def _clipped(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + "…"
    if isinstance(value, dict):
        return {name[:longest]: _clipped(item, longest) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clipped(item, longest) for item in value]
    return value
