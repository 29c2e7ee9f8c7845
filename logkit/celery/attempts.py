"""One run of one task, from its start to its canonical line."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import billiard
from billiard.process import current_process
from celery import signals
from celery.exceptions import Ignore, Reject, Retry
from loguru import logger

from logkit import otel
from logkit.audit import settle
from logkit.celery.queues import queue_of
from logkit.context import Context, Scope, current_context, get_context, set_context
from logkit.tasks import OF_A_TASK, frames_from, measures, task_fields

_ATTEMPT = "_logkit_attempt"  # on the task's request
_TOLD = "_logkit_told"  # on an exception that is in a canonical line; it is pickled with it, so it is plain
_EVENTS = {
    "SUCCESS": "task.succeeded",
    "FAILURE": "task.failed",
    "RETRY": "task.retried",
    "REJECTED": "task.rejected",
    "IGNORED": "task.ignored",
}
_CONTROL_FLOW: tuple[tuple[type[BaseException], str], ...] = (
    (Retry, "task.retried"),
    (Reject, "task.rejected"),
    (Ignore, "task.ignored"),
)
_CELERYS = ("celery.", "billiard.")
_SIGNALLED = range(-255, -128)  # exit codes of a pool's process that was told to end: signal - 256
_LEVELS = {
    "task.succeeded": "INFO",
    "task.ignored": "INFO",
    "task.interrupted": "DEBUG",
    "task.retried": "WARNING",
    "task.rejected": "WARNING",
    "task.failed": "ERROR",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the end of an attempt needs of its start."""

    outer: Context
    context: Context
    started_ns: int
    handling: BaseException | None  # what the caller of an eager task was handling already


def connect() -> None:
    signals.task_prerun.connect(_start, weak=False, dispatch_uid="logkit.start")
    signals.task_postrun.connect(_finish, weak=False, dispatch_uid="logkit.finish")
    signals.task_internal_error.connect(_fail_outside, weak=False, dispatch_uid="logkit.fail_outside")


def _start(task_id: str, task: Any, **_: object) -> None:
    request = task.request
    outer = get_context()
    fields = task_fields(request, task_id=task_id, task=task.name)
    if request.is_eager:  # it runs inside of its caller, whose context it sees (C02)
        fields |= _inherited(current_context(), task_id)
    scope = Scope()
    scope.moving = otel.span_ids({name: fields[name] for name in ("trace_id", "span_id") if name in fields})
    context = Context(fields, scope)
    setattr(request, _ATTEMPT, Attempt(outer, context, time.perf_counter_ns(), sys.exc_info()[1]))
    set_context(context)
    logger.debug("task.started")


def _inherited(outer: Context, task_id: str) -> dict[str, object]:
    """What an eager task has of its caller; Celery 5.5 does not tell it whose child it is, and a retry is its own."""
    fields = {name: value for name, value in outer.items() if name not in OF_A_TASK}
    if "root_id" in outer:
        fields["root_id"] = outer["root_id"]
        parent = outer["task_id"] if outer["task_id"] != task_id else outer.get("parent_id")
        fields |= {"parent_id": parent} if parent else {}
    return fields


def _finish(task: Any, retval: object = None, state: str | None = None, **_: object) -> None:
    request = task.request
    attempt: Attempt | None = request.__dict__.pop(_ATTEMPT, None)
    if attempt is None:
        return
    context = current_context()
    if context.scope is not attempt.context.scope:  # the task left a context of its own behind
        context = attempt.context
        set_context(context)
    event, error = _ending(state, retval, attempt)
    try:
        _tell(event, error, context, fields=_measures(request, attempt, context), throws=task.throws)
        settle(context)
    finally:
        set_context(attempt.outer)


def _ending(state: str | None, retval: object, attempt: Attempt) -> tuple[str, BaseException | None]:
    """How the attempt ended, and the exception it ended with, if any."""
    escaped = sys.exc_info()[1]  # SystemExit, or what Celery failed of after the task was done
    if escaped is not None and escaped is not attempt.handling:
        if isinstance(escaped, SystemExit) and _is_told_by_the_worker(escaped.code):
            return "task.interrupted", None  # the worker knows why, and says how the attempt ended
        event = next((event for kind, event in _CONTROL_FLOW if isinstance(escaped, kind)), "task.failed")
        return event, escaped
    event = _EVENTS.get(state or "", "task.failed")
    return event, retval if event != "task.succeeded" and isinstance(retval, BaseException) else None


def _measures(request: Any, attempt: Attempt, context: Context) -> dict[str, object]:
    fields = measures(context, attempt.started_ns)
    if not request.is_eager:
        fields["queue"] = queue_of(request)
        fields["worker"] = request.hostname
    return fields


def _is_told_by_the_worker(code: object) -> bool:
    """Whether the worker reports this end of a process; billiard before 4.3 has it report every one."""
    is_old: bool = billiard.VERSION < (4, 3)  # type: ignore[attr-defined]
    return code in _SIGNALLED or (is_old and current_process().name != "MainProcess")


def _tell(
    event: str, error: BaseException | None, context: Context, *, fields: dict[str, object], throws: Any
) -> None:
    """Write the canonical line."""
    fields["outcome"] = event.partition(".")[2]
    level = _LEVELS[event]
    shown: BaseException | None = None
    details = cast(Any, error)
    if isinstance(error, Retry):
        fields["retry_in_s"] = _seconds_until(details.when)
        error = details.exc
    elif isinstance(error, Reject):
        fields["requeued"] = bool(details.requeue)
        error = details.reason if isinstance(details.reason, BaseException) else None
    elif isinstance(error, Ignore):
        error = None
    elif error is not None and event == "task.failed":
        if isinstance(error, tuple(throws or ())):  # C11
            level = "INFO"
        elif context.scope is None or context.scope.traced is not error:
            shown = error
        setattr(error, _TOLD, True)
    if error is not None:
        fields["exception_type"] = type(error).__qualname__
    line = logger.bind(**fields)
    if shown is not None:
        line = line.opt(exception=(type(shown), shown, frames_from(shown.__traceback__, past=_CELERYS)))
    line.log(level, event)  # logkit: ignore[LK101] one of _LEVELS


def _seconds_until(when: object) -> float:
    """Of a retry's `when`: seconds, or a time with or without a zone (then UTC)."""
    if isinstance(when, datetime):
        return round(max(0.0, when.replace(tzinfo=when.tzinfo or UTC).timestamp() - time.time()), 3)
    return round(when, 3) if isinstance(when, int | float) else 0


def _fail_outside(sender: Any, task_id: str, request: Any, exception: BaseException, **_: object) -> None:
    """Celery failed outside of the task's body. Where the attempt had begun, its line is written already."""
    if hasattr(exception, _TOLD):
        return
    outer = get_context()
    context = Context(task_fields(request or {}, task_id=task_id, task=sender.name), Scope())
    set_context(context)
    try:
        _tell("task.failed", exception, context, fields={}, throws=())
    finally:
        set_context(outer)
