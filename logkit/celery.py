"""Celery: the context travels with every task, and every attempt ends in one canonical line.

Importing this module connects everything, once per process. (C09) What a running attempt needs is kept on its own
`task.request`, never on the receivers. (C10)
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from logging import Filter, LogRecord, getLogger
from typing import Any

from celery import signals
from loguru import logger

from logkit import carrier
from logkit.audit import settle
from logkit.context import Context, Scope, current_context, get_context, set_context
from logkit.pipeline import configure, current_settings
from logkit.settings import DEVELOPMENT_KEY
from logkit.trace import new_request_id

_ATTEMPT = "_logkit_attempt"
_LEVELS = {
    "task.succeeded": "INFO",
    "task.retried": "WARNING",
    "task.failed": "ERROR",
    "task.rejected": "WARNING",
}
_EVENTS = {
    "SUCCESS": "task.succeeded",
    "FAILURE": "task.failed",
    "RETRY": "task.retried",
    "REJECTED": "task.rejected",
}


@dataclass(slots=True)
class Attempt:
    """One run of one task, from its start to its canonical line."""

    outer: Context
    started_ns: int
    error: BaseException | None = None
    is_expected: bool = False  # named in the task's `throws`: a failure without a traceback (C11)


def _key() -> bytes:
    settings = current_settings()
    secret = settings.pseudonym_key if settings else None
    return carrier.derive_key((secret or DEVELOPMENT_KEY).reveal())


def _publish(headers: dict[str, Any] | None = None, **_: object) -> None:
    if headers is not None and (task_id := headers.get("id")):
        now_ms = time.time_ns() // 1_000_000
        headers[carrier.HEADER] = carrier.pack(current_context(), task_id=task_id, key=_key(), sent_ms=now_ms)


def _start(task_id: str, task: Any, **_: object) -> None:
    request = task.request
    outer = get_context()
    carried = carrier.unpack(request.get(carrier.HEADER), task_id=task_id, key=_key())
    inherited = dict(outer) if request.is_eager else {}
    fields: dict[str, object] = {
        "request_id": inherited.get("request_id") or new_request_id(),
        **inherited,
        **carried.fields,
        "task_id": task_id,
        "task": task.name,
        "root_id": request.root_id or task_id,
        "retries": request.retries or 0,
    }
    if request.parent_id and request.parent_id != task_id:
        fields["parent_id"] = request.parent_id
    if carried.sent_ms is not None:
        fields["queue_ms"] = max(0, time.time_ns() // 1_000_000 - carried.sent_ms)
    setattr(request, _ATTEMPT, Attempt(outer, time.perf_counter_ns()))
    set_context(Context(fields, Scope()))
    logger.debug("task.started")


def _fail(sender: Any, exception: BaseException, **_: object) -> None:
    attempt: Attempt | None = getattr(sender.request, _ATTEMPT, None)
    if attempt is not None:
        attempt.error = exception
        attempt.is_expected = isinstance(exception, tuple(sender.throws or ()))


def _retry(sender: Any, reason: Any, **_: object) -> None:
    attempt: Attempt | None = getattr(sender.request, _ATTEMPT, None)
    if attempt is not None:
        attempt.error = getattr(reason, "exc", None)


def _finish(task: Any, state: str | None = None, **_: object) -> None:
    request = task.request
    attempt: Attempt | None = request.__dict__.pop(_ATTEMPT, None)
    if attempt is None:
        return
    context = get_context()
    event = _EVENTS.get(state or "", "task.ignored")
    fields: dict[str, object] = {
        **(context.scope.fields if context.scope else {}),
        "duration_ms": round((time.perf_counter_ns() - attempt.started_ns) / 1e6, 3),
        "outcome": event.partition(".")[2],
    }
    if attempt.error is not None:
        fields["exception_type"] = type(attempt.error).__qualname__
    line = logger.bind(**fields)
    if event == "task.failed" and not attempt.is_expected:
        line = line.opt(exception=attempt.error)
    line.log("INFO" if attempt.is_expected else _LEVELS.get(event, "INFO"), event)
    settle(context)
    set_context(attempt.outer)


def _keep_logging_ours(**_: object) -> None:
    """That somebody answers this signal is what keeps Celery from replacing the root handlers. (C12)"""
    if current_settings() is None:
        configure()


def _be_quiet(instance: Any, **_: object) -> None:
    """No banner, which `worker.started` says as a line; what Celery writes past every logger becomes lines. (C19)"""
    from celery.apps import worker as program

    instance.quiet = True
    program.safe_say = _say  # type: ignore[attr-defined]  # writes to descriptor 1 by itself, from signal handlers


def _say(message: str, file: object = None) -> None:
    getLogger("celery.apps.worker").info(message.strip())


def _redirect_prints(instance: Any, **_: object) -> None:
    """What a task prints becomes a line; Celery leaves that to us once logging is ours. (C12)"""
    app = instance.app
    if app.conf.worker_redirect_stdouts:
        app.log.redirect_stdouts("INFO")


def _started(sender: Any, **_: object) -> None:
    worker = sender.controller
    pool = type(sender.pool).__module__.rpartition(".")[2]
    queues = sorted(queue.name for queue in sender.task_consumer.queues)
    logger.bind(
        worker=worker.hostname, pool=pool.strip("_"), concurrency=worker.concurrency, queues=queues
    ).info("worker.started")


def _stopping(sender: str, sig: str, how: str, **_: object) -> None:
    logger.bind(worker=sender, signal=sig, how=how.lower()).info("worker.stopping")


def _stopped(sender: Any, **_: object) -> None:
    logger.bind(worker=sender.hostname).info("worker.stopped")


class _Folded(Filter):
    """Drops Celery's own lines for what the canonical line says already."""

    def filter(self, record: LogRecord) -> bool:
        return not hasattr(record, "data")


signals.before_task_publish.connect(_publish, weak=False, dispatch_uid="logkit.publish")
signals.task_prerun.connect(_start, weak=False, dispatch_uid="logkit.start")
signals.task_failure.connect(_fail, weak=False, dispatch_uid="logkit.fail")
signals.task_retry.connect(_retry, weak=False, dispatch_uid="logkit.retry")
signals.task_postrun.connect(_finish, weak=False, dispatch_uid="logkit.finish")
signals.celeryd_init.connect(_be_quiet, weak=False, dispatch_uid="logkit.be_quiet")
signals.celeryd_after_setup.connect(_redirect_prints, weak=False, dispatch_uid="logkit.redirect_prints")
signals.worker_ready.connect(_started, weak=False, dispatch_uid="logkit.started")
signals.worker_shutting_down.connect(_stopping, weak=False, dispatch_uid="logkit.stopping")
signals.worker_shutdown.connect(_stopped, weak=False, dispatch_uid="logkit.stopped")
signals.setup_logging.connect(_keep_logging_ours, weak=False, dispatch_uid="logkit.setup_logging")

for _name in ("celery.app.trace", "celery.worker.strategy"):
    _target = getLogger(_name)
    if not any(isinstance(_known, _Folded) for _known in _target.filters):
        _target.addFilter(_Folded())
