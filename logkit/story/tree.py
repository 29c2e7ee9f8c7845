"""Moments to a tree: requests, the tasks they started, the attempts of those, each with its lines and its time."""

from __future__ import annotations

from logkit.story.collect import Moment
from logkit.story.node import Node, context_of, some

# Lines that say where a task or request stands; the tree shows it, so that they are no lines of the story.
STEPS = ("task.published", "task.received", "task.started", "request.started")
_TASK_ENDS = frozenset(
    f"task.{end}"
    for end in (
        *("succeeded", "failed", "retried", "rejected", "ignored", "interrupted", "lost", "revoked"),
        *("unknown", "timed_out"),
    )
)


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
            context = context_of(moment)
            task.name = task.name or str(context.get("task") or "")
            parent = context.get("parent_id") or request_id
            if isinstance(parent, str):
                parents.setdefault(task_id, parent)
        else:
            owner = request_id or moment.ids.get("trace_id") or ""
            unit = units.setdefault(owner, Node("request" if request_id else "trace", owner))
            unit.moments.append(moment)
    above: dict[int, Node] = {}
    for task_id, parent in parents.items():
        task = tasks[task_id]
        # A parent of which no line is here leaves its task with the request, or alone.
        found = tasks.get(parent) or units.get(parent) or units.get(_request_of(task))
        if found is not None and not _is_below(found, task, above):
            above[id(task)] = found
            found.children.append(task)
    roots = [node for node in [*units.values(), *tasks.values()] if id(node) not in above]
    for unit in units.values():
        _sort_out(unit)
    for task in tasks.values():
        _split_attempts(task)
    for task in tasks.values():
        _give_to_attempts(task)
    for root in roots:
        _give_late_lines(root)
        for node in root.walk():
            node.children.sort(key=lambda child: child.start)
    return sorted(roots, key=lambda root: root.start)


def _is_below(node: Node, task: Node, above: dict[int, Node]) -> bool:
    """Is `node` the task itself, or under it? Lines that contradict each other make no circle."""
    while node is not task and id(node) in above:
        node = above[id(node)]
    return node is task


def _task_id(moment: Moment) -> str | None:
    """The task in which it happened; a line that only tells of another task stays where it was written."""
    if moment.is_audit or context_of(moment).get("task") or "request_id" not in moment.ids:
        return moment.ids.get("task_id")
    return None


def _request_of(task: Node) -> str:
    return next((moment.ids["request_id"] for moment in task.moments if "request_id" in moment.ids), "")


def _sort_out(unit: Node) -> None:
    """The canonical line and the steps of a request or command out of its moments."""
    lines, unit.moments = unit.moments, []
    for moment in lines:
        message = "" if moment.is_audit else str(moment.event.get("message", ""))
        if message in STEPS:
            unit.steps.append(moment)
        elif message.startswith(("request.", "command.")) and "duration_ms" in context_of(moment):
            unit.moments += some(unit.canonical)
            unit.canonical = moment
            if message.startswith("command."):
                unit.kind, unit.name = "command", str(context_of(moment).get("command") or "")
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
            attempt.moments += some(attempt.canonical)
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
        del task.steps[:1]
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


def _give_late_lines(unit: Node) -> None:
    """Lines with a request's id that came after its end are from a service that one of its tasks called.

    They are given to the attempt that ran at that moment, if there was just one.
    """
    if unit.canonical is None or unit.kind == "task":
        return
    end = unit.canonical.time
    workers = [node for node in unit.walk() if node is not unit and node.has_run and not node.attempts]
    kept: list[Moment] = []
    for moment in unit.moments:
        running = [node for node in workers if node.start <= moment.time <= node.end]
        if moment.time > end and not moment.is_audit and len(running) == 1:
            running[0].moments.append(moment)
        else:
            kept.append(moment)
    unit.moments = kept


def _retries(moment: Moment) -> object:
    task = moment.event.get("task") if moment.is_audit else context_of(moment)
    return task.get("retries") if isinstance(task, dict) else None
