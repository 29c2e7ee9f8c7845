"""An `Event` to one line of strict JSON, schema v1. Total: any event in, one valid line out.

A line is mostly the same bytes again and again, so the parts that recur (level, logger and message; source, process
and service; the bound context) are encoded once and kept.
"""

from __future__ import annotations

import sys
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
_SECOND = 1_000_000_000  # ns
_OPENING = '{"timestamp":"%Y-%m-%dT%H:%M:%S.'
_THOUSAND = tuple(b"%03d" % number for number in range(1000))


class Clock:
    """The time of a line up to its second, as the first bytes of the line; made anew once a second."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept = (sys.maxsize, b"")  # the first nanosecond of a second, and the bytes

    def turn(self, time_ns: int) -> tuple[int, bytes]:
        """Go to the second of `time_ns`."""
        second = time_ns // _SECOND
        self.kept = (second * _SECOND, time.strftime(_OPENING, time.gmtime(second)).encode())
        return self.kept


_clock = Clock()


def timestamp(time_ns: int) -> str:
    """RFC 3339, UTC, microseconds."""
    start, opening = Clock().turn(time_ns)
    return f"{opening[14:].decode()}{(time_ns - start) // 1000:06d}Z"


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
        start, opening = _clock.kept
        if not 0 <= event.time_ns - start < _SECOND:
            start, opening = _clock.turn(event.time_ns)
        milli, micro = divmod((event.time_ns - start) // 1000, 1000)
        bound, fields = event.context, event.fields
        data, comma, more = bound.json, b"", b""
        if fields:
            if not data:
                data = orjson.dumps(fields)[1:-1]
            elif bound.fields.keys().isdisjoint(fields):
                comma, more = b",", orjson.dumps(fields)[1:-1]
            else:
                data = orjson.dumps(event.all_fields)[1:-1]
        line = b"".join((opening, _THOUSAND[milli], _THOUSAND[micro], head, data, comma, more, tail))
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
