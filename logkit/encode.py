"""An `Event` to one line of strict JSON, schema v1. Total: any event in, one valid line out.

A line is mostly the same bytes again and again, so the parts that recur (level, logger and message; source, process
and service; the bound context) are encoded once and kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from logkit.event import Event, Origin, Where
from logkit.shorten import one_physical_line, shortened

Encoder = Callable[[Event], bytes]
Frame = tuple[bytes, bytes]  # what stands before the context, after the time, and what stands behind it

Limit = Callable[[], int]  # the most bytes of a line at this time: a pipe without a shared lock takes fewer

SURELY_FITS = 1024  # bytes; the least that LOG_MAX_LINE_BYTES may be
_KEPT = 4096  # entries of a cache; it starts anew when full, which costs less than choosing a victim
_LONGEST_KEPT = 200  # characters of a message worth keeping


class Clock:
    """The time of a line up to its second, as the first bytes of the line; made anew once a second."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = (-1, b"")

    def __call__(self, second: int) -> bytes:
        kept, opening = self._kept
        if kept != second:
            opening = time.strftime('{"timestamp":"%Y-%m-%dT%H:%M:%S', time.gmtime(second)).encode()
            self._kept = (second, opening)
        return opening


_opening = Clock()


def timestamp(time_ns: int) -> str:
    """RFC 3339, UTC, microseconds."""
    second, rest = divmod(time_ns // 1000, 1_000_000)
    return f"{_opening(second)[14:].decode()}.{rest:06d}Z"


def service_block(service: str, environment: str, release: str | None) -> dict[str, str]:
    return {"name": service, "environment": environment} | ({"release": release} if release else {})


class LogkitEncoder:
    """Schema v1, as docs/reference/line-schema.json describes it."""

    def __init__(
        self, service: Mapping[str, str], *, limit: Limit, scrub: Callable[[str], str] = str
    ) -> None:
        self._service = dict(service)
        self._scrub = scrub  # for names that code chooses, of loggers and threads
        self._limit = limit
        self._frames: dict[tuple[str, str, Origin, Where], Frame] = {}

    def __call__(self, event: Event) -> bytes:
        key = (event.message, event.level, event.origin, event.where)
        head, tail = self._frames.get(key) or self._frame(*key)
        if event.exception is not None:
            tail = b'%b,"exception":%b}\n' % (tail[:-2], orjson.dumps(event.exception))
        second, rest = divmod(event.time_ns // 1000, 1_000_000)
        opening = _opening(second)
        fields, context = event.fields, event.context
        if not fields:
            line = b"%b.%06d%b%b%b" % (opening, rest, head, context.json, tail)
        elif not context.json:
            line = b"%b.%06d%b%b%b" % (opening, rest, head, orjson.dumps(fields)[1:-1], tail)
        elif context.fields.keys().isdisjoint(fields):
            line = b"%b.%06d%b%b,%b%b" % (opening, rest, head, context.json, orjson.dumps(fields)[1:-1], tail)
        else:
            line = b"%b.%06d%b%b%b" % (opening, rest, head, orjson.dumps(event.all_fields)[1:-1], tail)
        if not line.isascii():
            line = one_physical_line(line)
        if len(line) <= SURELY_FITS or len(line) <= self._limit():
            return line
        return shortened(self.as_dict(event), self._limit(), data="context", error="exception")

    def _frame(self, message: str, level: str, origin: Origin, where: Where) -> Frame:
        head = b'Z","level":%b,"logger":%b,"message":%b,"context":{' % (
            orjson.dumps(level),
            orjson.dumps(self._scrub(origin.logger)),
            orjson.dumps(message),
        )
        tail = b"},%b\n" % orjson.dumps(self._envelope(origin, where))[1:]
        if len(message) <= _LONGEST_KEPT:
            if len(self._frames) >= _KEPT:
                self._frames.clear()
            self._frames[message, level, origin, where] = (head, tail)
        return head, tail

    def _envelope(self, origin: Origin, where: Where) -> dict[str, Any]:
        return {
            "source": {"file": origin.short_file, "line": origin.line, "function": origin.function},
            "process": {"id": where.pid, "name": where.process},
            "thread": self._scrub(where.thread),
            "service": self._service,
        }

    def as_dict(self, event: Event) -> dict[str, Any]:
        """The line as data; what the console renders and what added sinks are given."""
        line = {
            "timestamp": timestamp(event.time_ns),
            "level": event.level,
            "logger": self._scrub(event.origin.logger),
            "message": event.message,
            "context": event.all_fields,
            **self._envelope(event.origin, event.where),
        }
        return line if event.exception is None else line | {"exception": event.exception}
