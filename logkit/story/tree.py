"""Moments to a tree: requests, the tasks they started, the attempts of those, each with its lines and its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from logkit.story.collect import Moment
from logkit.tail.filters import RANKS

Kind = Literal["request", "task", "attempt", "other"]

_CANONICAL = ("request.", "task.", "command.")
_FAILED_EVENTS = ("task.failed", "task.rejected", "task.lost", "task.timed_out")


@dataclass(slots=True)
class Node:
    """A request, a task or one attempt of a task. `canonical` is the line that says how it ended."""

    kind: Kind
    id: str
    name: str = ""
    moments: list[Moment] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    canonical: Moment | None = None

    @property
    def start(self) -> datetime:
        starts = [moment.time for moment in self.moments]
        if self.canonical is not None:
            starts.append(self.canonical.time - timedelta(milliseconds=self.duration_ms or 0))
        starts += [child.start for child in self.children if not starts or child.kind == "attempt"]
        return min(starts)

    @property
    def end(self) -> datetime:
        """When it ended itself; what it started may go on."""
        ends = [self.canonical.time] if self.canonical else [moment.time for moment in self.moments]
        ends += [child.end for child in self.children if not ends or child.kind == "attempt"]
        return max(ends)

    @property
    def duration_ms(self) -> float | None:
        duration = self.context.get("duration_ms")
        return duration if isinstance(duration, int | float) else None

    @property
    def context(self) -> dict[str, Any]:
        return _context(self.canonical) if self.canonical else {}

    @property
    def message(self) -> str:
        return str(self.canonical.event.get("message", "")) if self.canonical else ""

    @property
    def attempts(self) -> list[Node]:
        return [child for child in self.children if child.kind == "attempt"]

    @property
    def exception(self) -> Any:
        """What was raised, as its last line tells it, or else a line before."""
        told = [*self.moments, *([self.canonical] if self.canonical else [])]
        own = next(
            (moment.event["exception"] for moment in reversed(told) if moment.event.get("exception")), None
        )
        return own if own or not self.attempts else self.attempts[-1].exception

    @property
    def is_retried(self) -> bool:
        return self.message == "task.retried"

    @property
    def failed(self) -> bool:
        """Did it end badly itself? A task ends as its last attempt does."""
        if self.attempts:
            return self.attempts[-1].failed
        if self.message in _FAILED_EVENTS:
            return True
        status = self.context.get("status")
        if isinstance(status, int):
            return status >= 500
        if self.canonical is not None and not self.message.startswith("request."):
            return False
        return any(is_error(moment) for moment in self.moments)

    @property
    def led_to_failure(self) -> bool:
        return self.failed or any(child.led_to_failure for child in self.children)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()


def is_error(moment: Moment) -> bool:
    if moment.is_audit:
        return moment.event.get("outcome") == "failure"
    return RANKS.get(str(moment.event.get("level", "")).upper(), 0) >= RANKS["ERROR"]


def tree(moments: list[Moment]) -> list[Node]:
    """The roots of the story, in the order in which they began."""
    requests: dict[str, Node] = {}
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
            requests.setdefault(owner, Node("request" if request_id else "other", owner)).moments.append(
                moment
            )
    for task_id, parent in parents.items():
        # A parent of which no line is here leaves its task with the request, or alone.
        above = tasks.get(parent) or requests.get(parent) or requests.get(_request_of(tasks[task_id]))
        if above is not None and above is not tasks[task_id]:
            above.children.append(tasks[task_id])
    placed = {id(child) for node in [*requests.values(), *tasks.values()] for child in node.children}
    roots = [node for node in [*requests.values(), *tasks.values()] if id(node) not in placed]
    for request in requests.values():
        _take_canonical(request)
    for task in tasks.values():
        _split_attempts(task)
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


def _take_canonical(node: Node) -> None:
    for moment in node.moments:
        message = str(moment.event.get("message", ""))
        if not moment.is_audit and message.startswith(_CANONICAL) and "duration_ms" in _context(moment):
            node.canonical = moment
    node.moments = [moment for moment in node.moments if moment is not node.canonical]


def _split_attempts(task: Node) -> None:
    """The moments of a task to its attempts; without a number they belong to the attempt before."""
    attempts: dict[int, Node] = {}
    current = 0
    for moment in task.moments:
        retries = _context(moment).get("retries")
        if moment.is_audit:
            retries = (moment.event.get("task") or {}).get("retries")
        current = retries if isinstance(retries, int) else current
        attempts.setdefault(current, Node("attempt", task.id, f"#{current + 1}")).moments.append(moment)
    for attempt in attempts.values():
        _take_canonical(attempt)
    if len(attempts) == 1 and 0 in attempts:
        (only,) = attempts.values()
        task.moments, task.canonical = only.moments, only.canonical
        return
    task.moments = []
    task.children = [attempts[number] for number in sorted(attempts)] + task.children
    task.canonical = None
