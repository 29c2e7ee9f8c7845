"""What a test needs to speak about logging: `Capture`, a sink that remembers safe events and can be asked.

It holds what would be written, after redaction, as data of schema v1. Nothing here needs Django or pytest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import SequenceMatcher
from typing import Any

from logkit.parsers import LEVELS
from logkit.pipeline import add_sink, configure, current_settings, remove_sink, shutdown

QUIET = {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT": "off"}
_SHOWN = 5  # events that a failure lists

Line = Mapping[str, Any]


class Capture:
    """Remembers events. An expectation is an event name and fields that the event's context must have, by `==`."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._arrived = threading.Condition()

    def __call__(self, line: Line) -> None:
        with self._arrived:
            self._lines.append(line)
            self._arrived.notify_all()

    @property
    def events(self) -> list[Line]:
        """Every line so far, oldest first."""
        return list(self._lines)

    def find(self, event: str, /, **fields: object) -> list[Line]:
        """The lines of `event` whose context has `fields`."""
        return [line for line in self.events if _matches(line, event, fields)]

    def has(self, event: str, /, **fields: object) -> Line:
        """The first line of `event` with `fields`. Raises `AssertionError` naming the nearest ones."""
        for line in self.events:
            if _matches(line, event, fields):
                return line
        raise AssertionError(self._no(event, fields))

    def only(self, event: str, /, **fields: object) -> Line:
        """The one line of `event`, which has `fields`. Raises `AssertionError` for none and for several."""
        found = self.find(event)
        if len(found) > 1:
            shown = "\n".join(f"  {_shown(line)}" for line in found[:_SHOWN])
            raise AssertionError(f"{len(found)} lines of {event!r}, expected one:\n{shown}")
        return self.has(event, **fields)

    def none(self, event: str | None = None, /, *, level: str | None = None) -> None:
        """No line of `event`, or none of `level` and above. Raises `AssertionError` showing those there are."""
        least = LEVELS[level.upper()] if level else 0
        found = [
            line
            for line in self.events
            if (event is None or line["message"] == event) and LEVELS.get(line["level"], 0) >= least
        ]
        if found:
            wanted = f"line of {event!r}" if event else f"line at {level} or above"
            shown = "\n".join(f"  {_shown(line)}" for line in found[:_SHOWN])
            raise AssertionError(f"expected no {wanted}, there are {len(found)}:\n{shown}")

    def wait_for(self, event: str, /, *, timeout: float = 5.0, **fields: object) -> Line:
        """The line, as soon as any thread has written it. Raises `AssertionError` after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while not (found := self.find(event, **fields)):
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise AssertionError(f"after {timeout:g} s: {self._no(event, fields)}")
        return found[0]

    def clear(self) -> None:
        with self._arrived:
            self._lines.clear()

    def _no(self, event: str, fields: Mapping[str, object]) -> str:
        wanted = " ".join([event, *(f"{name}={value!r}" for name, value in fields.items())])
        same = [line for line in self.events if line["message"] == event]
        if same:
            lines = [f"  {_shown(line)}\n    {_difference(line, fields)}" for line in same[:_SHOWN]]
            return f"no line {wanted}; lines of that event:\n" + "\n".join(lines)
        near = sorted(self.events, key=lambda line: -_likeness(line["message"], event))[:_SHOWN]
        if not near:
            return f"no line {wanted}; nothing was logged"
        return f"no line {wanted}; the nearest events:\n" + "\n".join(f"  {_shown(line)}" for line in near)


@contextmanager
def capture(level: str = "TRACE") -> Iterator[Capture]:
    """A `Capture` of a block; where logging is not configured yet, it is, writing nothing else."""
    configured_here = current_settings() is None
    if configured_here:
        configure(QUIET)
    captured = Capture()
    sink_id = add_sink(captured, level=level, name="capture")
    try:
        yield captured
    finally:
        if configured_here:
            shutdown()
        else:
            remove_sink(sink_id)


def wait_until(
    condition: Callable[[], object], *, timeout: float = 10.0, what: str = "the condition"
) -> None:
    """Return as soon as `condition()` is true. Raises `AssertionError` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s {what} does not hold")
        time.sleep(0.01)


def _matches(line: Line, event: str, fields: Mapping[str, object]) -> bool:
    context = line["context"]
    return line["message"] == event and all(
        name in context and context[name] == value for name, value in fields.items()
    )


def _shown(line: Line) -> str:
    fields = " ".join(f"{name}={value!r}" for name, value in line["context"].items())
    return f"{line['level']:<8} {line['message']} {fields}".rstrip()


def _difference(line: Line, fields: Mapping[str, object]) -> str:
    context = line["context"]
    parts = [
        f"{name}: expected {value!r}, " + (f"got {context[name]!r}" if name in context else "missing")
        for name, value in fields.items()
        if name not in context or context[name] != value
    ]
    return "; ".join(parts)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()
