"""Django's tasks framework (Django 6, or its backport): the context travels, every attempt has one line. (C16)

All of it through the framework's three signals. The lines are those of `logkit.celery`: `task.published` and
`task.started` at DEBUG, then one of `task.succeeded`, `task.failed` and `task.retried`. A process that dies under its
task sends no signal: what becomes of that task is for its backend to say.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from loguru import logger

from logkit import otel
from logkit.audit import settle
from logkit.chatter import fold
from logkit.context import Context, Scope, current_context, get_context, set_context
from logkit.django import carriers
from logkit.django.exchange import report
from logkit.errors import raise_if_asynchronous
from logkit.pipeline import takes
from logkit.tasks import OF_A_TASK, Message, frames_from, measures, task_fields

_SAID_ANYWAY = ("Task id=%s path=%s",)
_RUN_BY = ("django.tasks.", "django_tasks.", "django_tasks_db.", "asgiref.", "concurrent.futures.")
_EVENTS = {  # by the status of a result
    "SUCCESSFUL": ("task.succeeded", "INFO"),
    "FAILED": ("task.failed", "ERROR"),
    "READY": ("task.retried", "WARNING"),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the end of an attempt needs of its start."""

    task_id: str
    outer: Context
    context: Context
    started_ns: int
    around: Attempt | None  # where a task runs inside of another


_attempt: ContextVar[Attempt | None] = ContextVar("logkit_attempt", default=None)
_sent: ContextVar[tuple[str, Message] | None] = ContextVar("logkit_sent", default=None)


def connect() -> None:
    """Hear every tasks framework that is here."""
    for framework in frameworks():
        signals = import_module(f"{framework}.signals")
        signals.task_enqueued.connect(_enqueued, dispatch_uid="logkit.task_enqueued")
        signals.task_started.connect(_started, dispatch_uid="logkit.task_started")
        signals.task_finished.connect(_finished, dispatch_uid="logkit.task_finished")
        fold({framework: _SAID_ANYWAY})


def frameworks() -> Iterator[str]:
    """Django's own, from Django 6 on, and the backport where the project has installed it."""
    if find_spec("django.tasks"):
        yield "django.tasks"
    if apps.is_installed("django_tasks"):
        yield "django_tasks"


@lru_cache(maxsize=64)
def runs_in_place(backend: Any) -> bool:
    """Whether the tasks of a class of backends run where they are enqueued, or nowhere."""
    names = {f"{base.__module__}.{base.__qualname__}" for base in backend.__mro__}
    return any(
        f"{framework}.backends.{name}" in names
        for framework in frameworks()
        for name in ("immediate.ImmediateBackend", "dummy.DummyBackend")
    )


def _harmless(receive: Callable[[Any, Any], None]) -> Callable[..., None]:
    """What a receiver raises reaches whoever enqueues or runs the task; of ours, nothing does. (C04)"""

    @wraps(receive)
    def receiver(sender: Any, task_result: Any, **_: object) -> None:
        try:
            receive(sender if isinstance(sender, type) else type(sender), task_result)
        except Exception as error:  # noqa: BLE001 - a task is worth more than its line
            raise_if_asynchronous(error)
            report(error, receive.__name__.strip("_"))

    return receiver


@_harmless
def _enqueued(backend: Any, task_result: Any) -> None:
    context = current_context()
    message = carriers.message_of(context, task_result)
    _sent.set((str(task_result.id), message))
    if not runs_in_place(backend):
        carriers.leave(message, task_result)
    if takes("DEBUG"):
        own = {name: value for name, value in context.items() if name not in OF_A_TASK}
        fields = _fields(message, task_result)
        fields.pop("queue_ms", None)
        with _inside(Context({**own, **fields}, Scope())):
            logger.bind(queue=task_result.task.queue_name).debug("task.published")


@_harmless
def _started(backend: Any, task_result: Any) -> None:
    outer, sent = get_context(), _sent.get()
    if sent is not None and sent[0] == str(
        task_result.id
    ):  # inside of its caller, whose context it sees (C02)
        inherited = {name: value for name, value in current_context().items() if name not in OF_A_TASK}
        fields = _fields(sent[1], task_result) | inherited
    else:
        fields = _fields(carriers.find(task_result), task_result)
    scope = Scope()
    scope.moving = otel.span_ids({name: fields[name] for name in ("trace_id", "span_id") if name in fields})
    context = Context(fields, scope)
    _attempt.set(Attempt(str(task_result.id), outer, context, time.perf_counter_ns(), _attempt.get()))
    set_context(context)
    logger.debug("task.started")


@_harmless
def _finished(backend: Any, task_result: Any) -> None:
    attempt = _attempt.get()
    if attempt is None or attempt.task_id != str(task_result.id):  # it failed before it began
        with _inside(Context(_fields(carriers.find(task_result), task_result), Scope())):
            _tell(backend, task_result, {})
        return
    context = current_context()
    if context.scope is not attempt.context.scope:  # the task left a context of its own behind
        context = attempt.context
        set_context(context)
    try:
        _tell(backend, task_result, measures(context, attempt.started_ns))
        settle(context)
    finally:
        _attempt.set(attempt.around)
        set_context(attempt.outer)


def _fields(message: Message, task_result: Any) -> dict[str, object]:
    fields = task_fields(message, task_id=task_result.id, task=task_result.task.module_path)
    fields["retries"] = max(0, task_result.attempts - 1)
    return fields


def _tell(backend: Any, task_result: Any, fields: dict[str, object]) -> None:
    """Write the canonical line."""
    event, level = _EVENTS.get(str(task_result.status), _EVENTS["FAILED"])
    if not runs_in_place(backend):
        fields["queue"] = task_result.task.queue_name
        fields["worker"] = task_result.worker_ids[-1] if task_result.worker_ids else None
    fields["outcome"] = event.partition(".")[2]
    line = logger
    if event != "task.succeeded":
        raised = str(task_result.errors[-1].exception_class_path) if task_result.errors else ""
        if raised:
            fields["exception_type"] = raised.rpartition(".")[2]
        error, scope = sys.exc_info()[1], get_context().scope  # the signal is sent while it is handled
        if error is not None and raised == f"{type(error).__module__}.{type(error).__qualname__}":
            fields["exception_type"] = type(error).__qualname__
            if event == "task.failed" and (scope is None or scope.traced is not error):
                line = line.opt(
                    exception=(type(error), error, frames_from(error.__traceback__, past=_RUN_BY))
                )
    line.bind(**fields).log(level, event)  # logkit: ignore[LK101] one of _EVENTS


@contextmanager
def _inside(context: Context) -> Iterator[None]:
    outer = get_context()
    set_context(context)
    try:
        yield
    finally:
        set_context(outer)
