"""Moments to a tree: requests, the tasks they started, the attempts of those, each with its lines and its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from logkit.story.collect import Moment
from logkit.tail.filters import RANKS

Kind = Literal["request", "command", "task", "attempt", "trace"]
Span = tuple[datetime, datetime]

# Lines that say where a task or request stands; the tree shows it, so that they are no lines of the story.
STEPS = ("task.published", "task.received", "task.started", "request.started")
_TASK_ENDS = frozenset(
    f"task.{end}"
    for end in (
        *("succeeded", "failed", "retried", "rejected", "ignored", "interrupted", "lost", "revoked"),
        *("unknown", "timed_out"),
    )
)
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
        queue_ms = self.context.get("queue_ms")
        if isinstance(queue_ms, int | float):
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
        duration = _context(self.canonical).get("duration_ms")
        return duration if isinstance(duration, int | float) else None

    @property
    def context(self) -> dict[str, Any]:
        """What its lines know; the canonical line knows best."""
        known = self.canonical or next(iter(reversed(self.steps)), None)
        return _context(known)

    @property
    def message(self) -> str:
        return str(self.canonical.event.get("message", "")) if self.canonical else ""

    @property
    def exception(self) -> Any:
        """What was raised, as its last line tells it, or else a line before."""
        told = [*self.moments, *_some(self.canonical)]
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


def _rank(moment: Moment) -> int:
    return RANKS.get(str(moment.event.get("level", "")).upper(), 0)


def tree(moments: list[Moment]) -> list[Node]:
    """The roots of the story, in the order in which they began."""
    units: dict[str, Node] = {}
    tasks: dict[str, Node] = {}
    parents: dict[str, str] = {}
    for moment in moments:
        task_id, request_id = _task_id(moment), moment.ids.get("request_id")
        if task_id is not None:
            task = tasks.setdefault(task_id, Node("task", task_id))
            task.moments.append(moment)
            context = _context(moment)
            task.name = task.name or str(context.get("task") or "")
            parent = context.get("parent_id") or request_id
            if isinstance(parent, str):
                parents.setdefault(task_id, parent)
        else:
            owner = request_id or moment.ids.get("trace_id") or ""
            unit = units.setdefault(owner, Node("request" if request_id else "trace", owner))
            unit.moments.append(moment)
    for task_id, parent in parents.items():
        # A parent of which no line is here leaves its task with the request, or alone.
        above = tasks.get(parent) or units.get(parent) or units.get(_request_of(tasks[task_id]))
        if above is not None and above is not tasks[task_id]:
            above.children.append(tasks[task_id])
    placed = {id(child) for node in [*units.values(), *tasks.values()] for child in node.children}
    roots = [node for node in [*units.values(), *tasks.values()] if id(node) not in placed]
    for unit in units.values():
        _sort_out(unit)
    for task in tasks.values():
        _split_attempts(task)
    for task in tasks.values():
        _give_to_attempts(task)
    for root in roots:
        for node in root.walk():
            node.children.sort(key=lambda child: child.start)
    return sorted(roots, key=lambda root: root.start)


def _task_id(moment: Moment) -> str | None:
    """The task in which it happened; a line that only tells of another task stays where it was written."""
    if moment.is_audit or _context(moment).get("task") or "request_id" not in moment.ids:
        return moment.ids.get("task_id")
    return None


def _request_of(task: Node) -> str:
    return next((moment.ids["request_id"] for moment in task.moments if "request_id" in moment.ids), "")


def _context(moment: Moment | None) -> dict[str, Any]:
    context = moment.event.get("context") if moment else None
    return context if isinstance(context, dict) else {}


def _some(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _sort_out(unit: Node) -> None:
    """The canonical line and the steps of a request or command out of its moments."""
    lines, unit.moments = unit.moments, []
    for moment in lines:
        message = "" if moment.is_audit else str(moment.event.get("message", ""))
        if message in STEPS:
            unit.steps.append(moment)
        elif message.startswith(("request.", "command.")) and "duration_ms" in _context(moment):
            unit.canonical = moment
            if message.startswith("command."):
                unit.kind, unit.name = "command", str(_context(moment).get("command") or "")
        else:
            unit.moments.append(moment)


def _split_attempts(task: Node) -> None:
    """The moments of a task to its attempts; without a number they belong to the attempt before."""
    lines, task.moments = task.moments, []
    by_number: dict[int, list[Node]] = {}
    current = 0
    for moment in lines:
        message = "" if moment.is_audit else str(moment.event.get("message", ""))
        if message == "task.published":  # in the context of whoever published it, its numbers too
            task.steps.append(moment)
            continue
        retries = _retries(moment)
        current = retries if isinstance(retries, int) else current
        tries = by_number.setdefault(current, [])
        if not tries or _comes_again(tries[-1], message):
            tries.append(Node("attempt", task.id))
        attempt = tries[-1]
        if message in STEPS:
            attempt.steps.append(moment)
        elif message in _TASK_ENDS and not (message == "task.interrupted" and attempt.canonical):
            attempt.moments += _some(attempt.canonical)
            attempt.canonical = moment
        else:
            attempt.moments.append(moment)
    attempts: list[Node] = []
    for number in sorted(by_number):
        for attempt in by_number[number]:
            attempt.name = f"#{max(number + 1, len(attempts) + 1)}"
            attempts.append(attempt)
    if len(attempts) == 1 and 0 in by_number:
        (only,) = attempts
        task.moments, task.canonical, task.steps = only.moments, only.canonical, task.steps + only.steps
        return
    if attempts:
        attempts[0].steps = [*task.steps[:1], *attempts[0].steps]
    task.children = attempts + task.children


def _comes_again(attempt: Node, message: str) -> bool:
    """Is this the next life of a message that went back to its queue? It comes with the same number."""
    if attempt.canonical is None or "task.interrupted" in (attempt.message, message):
        return False  # how it ended is for the worker to say, before or after its process says that it is interrupted
    return message in STEPS or message in _TASK_ENDS


def _give_to_attempts(task: Node) -> None:
    """Tasks that an attempt published while it ran are that attempt's."""
    attempts = task.attempts
    kept: list[Node] = []
    for child in task.children:
        sent = child.waited[0] if child.waited else child.start
        owner = next((attempt for attempt in attempts if attempt.start <= sent <= attempt.end), None)
        if child.kind == "attempt" or owner is None:
            kept.append(child)
        else:
            owner.children.append(child)
    task.children = kept


def _retries(moment: Moment) -> object:
    task = moment.event.get("task") if moment.is_audit else _context(moment)
    return task.get("retries") if isinstance(task, dict) else None
