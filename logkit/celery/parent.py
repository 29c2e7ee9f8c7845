"""What the worker itself reports of a task whose process is gone: it still names task, id and request. (C07)

Celery has no signal for all of it (none when the message goes back to the queue), and lets a task name the class of
its requests; this one runs what Celery does for a lost task in the task's own context, error callbacks included.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from billiard.einfo import ExceptionWithTraceback  # type: ignore[attr-defined]
from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from celery.app.task import Task
from celery.worker.request import Request
from loguru import logger

from logkit.celery.queues import queue_of
from logkit.context import Context, Scope, get_context, set_context
from logkit.tasks import task_fields

if TYPE_CHECKING:
    from billiard.einfo import ExceptionInfo

_CELERYS = "celery.worker.request:Request"
_REASONS = (
    (TimeLimitExceeded, "time_limit"),
    (WorkerLostError, "worker_lost"),
    (type(None), "cancelled"),
)


class ContextRequest(Request):
    """Celery's request, with a context where it speaks for a task that cannot."""

    _is_told = False
    _is_requeued = False

    def on_timeout(self, soft: bool, timeout: float) -> None:
        with self._context_of_task():
            super().on_timeout(soft, timeout)
            if not soft:
                self._tell(TimeLimitExceeded(timeout))

    def on_failure(
        self, exc_info: ExceptionInfo, send_failed_event: bool = True, return_ok: bool = False
    ) -> Any:
        if return_ok:  # the process that ran it has written its line
            return super().on_failure(exc_info, send_failed_event, return_ok)
        with self._context_of_task():
            try:
                return super().on_failure(exc_info, send_failed_event, return_ok)
            finally:
                self._tell(exc_info.exception)

    def cancel(self, pool: Any, signal: Any = None, *args: Any, **options: Any) -> None:
        """The worker ends at once, or has lost the broker: what is not acknowledged comes back."""
        with self._context_of_task():
            self._is_requeued = bool(self.task.acks_late) and not self.acknowledged
            super().cancel(pool, signal, *args, **options)
            if self.time_start:
                self._tell(None)

    def reject(self, requeue: bool = False) -> None:
        self._is_requeued = requeue
        super().reject(requeue)

    def _retry_worker_lost(self, *args: Any) -> bool:
        """Celery 5.7 and newer: the same task, published again."""
        self._is_requeued = bool(super()._retry_worker_lost(*args))  # type: ignore[misc]
        return self._is_requeued

    @contextmanager
    def _context_of_task(self) -> Iterator[None]:
        outer = get_context()
        fields = task_fields(self.request_dict, task_id=self.id, task=self.name)
        fields.pop("queue_ms", None)  # the wait is long over
        set_context(Context(fields, Scope()))
        try:
            yield
        finally:
            set_context(outer)

    def _tell(self, error: BaseException | None) -> None:
        """Write the canonical line, unless it is written: by us, by the task that exits, or as a revocation."""
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if self._is_told or isinstance(error, Terminated | SystemExit | KeyboardInterrupt):
            return
        self._is_told = True
        fields: dict[str, object] = {
            "outcome": "lost",
            "reason": next((reason for kind, reason in _REASONS if isinstance(error, kind)), "pool"),
            "requeued": self._is_requeued,
            "queue": queue_of(self.request_dict),
            "worker": self.hostname,
        }
        if self.time_start is not None:
            fields["duration_ms"] = round((time.time() - self.time_start) * 1000, 3)
        if error is None:
            logger.bind(**fields).log("WARNING" if self._is_requeued else "ERROR", "task.lost")
            return
        fields["exception_type"] = type(error).__qualname__
        # The traceback is the pool's, of no use to anybody; the message says which signal it was.
        logger.opt(exception=(type(error), error, None)).bind(**fields).error("task.lost")


def connect() -> None:
    """Give every task this class of requests, unless the project has one of its own."""
    if Task.Request == _CELERYS:
        Task.Request = f"{__name__}:{ContextRequest.__name__}"
