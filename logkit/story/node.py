"""What the tree is made of: a request, a command, a task or one attempt of a task, and what its lines tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from logkit.story.collect import Moment
from logkit.tail.filters import RANKS

Kind = Literal["request", "command", "task", "attempt", "trace"]
Span = tuple[datetime, datetime]

_LONGEST_MS = 366 * 86_400_000  # of anything that is believed to have taken so long
_BAD_ENDS = frozenset({"task.lost", "task.rejected", "task.unknown", "task.timed_out"})


@dataclass(slots=True)
class Node:
    """A request, a command, a task or one attempt of a task. `canonical` is the line that says how it ended."""

    kind: Kind
    id: str
    name: str = ""
    moments: list[Moment] = field(default_factory=list)
    steps: list[Moment] = field(default_factory=list)  # published, received, started
    children: list[Node] = field(default_factory=list)
    canonical: Moment | None = None

    @property
    def attempts(self) -> list[Node]:
        return [child for child in self.children if child.kind == "attempt"]

    @property
    def start(self) -> datetime:
        """When it began to run, as far as one can tell."""
        if attempts := self.attempts:
            return attempts[0].start
        if self.canonical is not None and self.duration_ms is not None:
            return self.canonical.time - timedelta(milliseconds=self.duration_ms)
        if (began := self.began) is not None:
            return min([began, *(moment.time for moment in self.moments)])
        known = self.moments or ([self.canonical] if self.canonical else self.steps)
        return min(moment.time for moment in known)

    @property
    def end(self) -> datetime:
        """When it ended itself; what it started may go on."""
        if attempts := self.attempts:
            return attempts[-1].end
        if self.canonical is not None:
            return self.canonical.time
        return max(moment.time for moment in (*self.steps, *self.moments))

    @property
    def began(self) -> datetime | None:
        """When a line said that it began to run."""
        return self._step("task.started") or self._step("request.started")

    @property
    def waited(self) -> Span | None:
        """From when to when it waited in its queue."""
        if self.kind not in ("task", "attempt") or self.attempts:
            return None
        queue_ms = _duration(self.context.get("queue_ms"))
        if queue_ms is not None:
            return self.start - timedelta(milliseconds=queue_ms), self.start
        return (self.sent, self.start) if self.sent and self.sent < self.start else None

    @property
    def sent(self) -> datetime | None:
        """When it was published; it may be due later only."""
        return self._step("task.published")

    @property
    def has_run(self) -> bool:
        return self.duration_ms is not None or self.began is not None or bool(self.moments)

    @property
    def duration_ms(self) -> float | None:
        return _duration(context_of(self.canonical).get("duration_ms"))

    @property
    def context(self) -> dict[str, Any]:
        """What its lines know; the canonical line knows best."""
        known = self.canonical or next(iter(reversed(self.steps)), None)
        return context_of(known)

    @property
    def message(self) -> str:
        return str(self.canonical.event.get("message", "")) if self.canonical else ""

    @property
    def exception(self) -> Any:
        """What was raised, as its last line tells it, or else a line before."""
        told = [*self.moments, *some(self.canonical)]
        own = next(
            (moment.event["exception"] for moment in reversed(told) if moment.event.get("exception")), None
        )
        return own if own or not self.attempts else self.attempts[-1].exception

    @property
    def ended_oddly(self) -> bool:
        """Not as it should, but nothing that needs a person: retried, revoked, an expected failure."""
        if self.attempts:
            return self.attempts[-1].ended_oddly
        return self.message in ("task.retried", "task.revoked", "task.interrupted", "task.failed")

    @property
    def failed(self) -> bool:
        """Did it end badly itself? A task ends as its last attempt does."""
        if self.attempts:
            return self.attempts[-1].failed
        if self.canonical is None:
            return any(is_error(moment) for moment in self.moments)
        if self.message in _BAD_ENDS:
            return True
        status = self.context.get("status")
        if isinstance(status, int):
            return status >= 500
        return is_error(self.canonical)

    @property
    def led_to_failure(self) -> bool:
        """Did it, or anything that it started? An attempt that was made again successfully did not."""
        started = [
            child for node in (self, *self.attempts) for child in node.children if child.kind != "attempt"
        ]
        return self.failed or any(child.led_to_failure for child in started)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()

    def _step(self, message: str) -> datetime | None:
        times = [moment.time for moment in self.steps if moment.event.get("message") == message]
        return min(times) if times else None


def is_error(moment: Moment) -> bool:
    if moment.is_audit:
        return moment.event.get("outcome") == "failure"
    return _rank(moment) >= RANKS["ERROR"]


def is_loud(moment: Moment) -> bool:
    """Does it warn, or say that somebody was refused?"""
    if moment.is_audit:
        return moment.event.get("outcome") in ("failure", "denied")
    return _rank(moment) >= RANKS["WARNING"]


def _duration(value: object) -> float | None:
    """Milliseconds, if `value` can be a number of them; what is in a log may be anything."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_MS:
        return None
    return float(value)


def _rank(moment: Moment) -> int:
    return RANKS.get(str(moment.event.get("level", "")).upper(), 0)


def context_of(moment: Moment | None) -> dict[str, Any]:
    context = moment.event.get("context") if moment else None
    return context if isinstance(context, dict) else {}


def some(value: Any) -> list[Any]:
    return [] if value is None else [value]
