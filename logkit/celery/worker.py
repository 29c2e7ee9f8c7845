"""The worker as a program: its logging is ours from its first line to its last. (C12, C19)"""

from __future__ import annotations

import sys
from logging import NOTSET, WARNING, Filter, LogRecord, getLogger
from typing import Any, NoReturn

from billiard.util import get_logger
from celery import signals
from loguru import logger

from logkit.pipeline import configure, current_settings, flush

_DETACHED = (
    "celery worker --detach is not supported with logkit: it gives the program's standard output away, and with it "
    "the log. Start the worker in the foreground, under systemd, supervisord or as a container."
)


def connect() -> None:
    signals.setup_logging.connect(_keep_logging_ours, weak=False, dispatch_uid="logkit.setup_logging")
    signals.celeryd_init.connect(_be_quiet, weak=False, dispatch_uid="logkit.be_quiet")
    signals.celeryd_after_setup.connect(_redirect_prints, weak=False, dispatch_uid="logkit.redirect_prints")
    signals.worker_ready.connect(_started, weak=False, dispatch_uid="logkit.started")
    signals.worker_shutting_down.connect(_stopping, weak=False, dispatch_uid="logkit.stopping")
    signals.worker_shutdown.connect(_stopped, weak=False, dispatch_uid="logkit.stopped")
    signals.worker_process_shutdown.connect(_flush, weak=False, dispatch_uid="logkit.flush")
    show_own_lines(False)
    program: Any = sys.modules.get("celery.bin.worker")
    if program is not None:
        program.detach = _refuse_to_detach


def show_own_lines(shown: bool) -> None:
    """Whether Celery's own lines for what our events say are shown too; the arguments of a bad message are in some."""
    for name in _SAID_ANYWAY:
        target = getLogger(name)
        for known in [known for known in target.filters if isinstance(known, _Folded)]:
            target.removeFilter(known)
        if not shown:
            target.addFilter(_Folded())


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
    getLogger("celery.apps.worker").info(message.strip())  # logkit: ignore[LK101] Celery's own words


def _redirect_prints(instance: Any, **_: object) -> None:
    """What a task prints becomes a line, and so does what the pool says of its processes. (C12)"""
    pool = get_logger()
    pool.propagate = True
    if pool.level == NOTSET:
        pool.setLevel(WARNING)  # below that it says every step of every thread
    app = instance.app
    if app.conf.worker_redirect_stdouts:
        app.log.redirect_stdouts("INFO")


def _refuse_to_detach(*_: object, **__: object) -> NoReturn:
    raise SystemExit(_DETACHED)


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


def _flush(**_: object) -> None:
    """A process of the pool ends without Python's exit handlers."""
    flush()


# Celery's own lines for what our events say, by logger: how their messages begin. The lines of `trace` and `strategy`
# are known by their `data`.
_SAID_ANYWAY: dict[str, tuple[str, ...]] = {
    "celery.apps.worker": ("%s ready.",),
    "celery.app.trace": ("Task %(name)s[%(id)s] retry",),
    "celery.worker.strategy": (),
    "celery.worker.request": (
        "Discarding revoked task",
        "Hard time limit",
        "Task handler raised error",
        "Task %s[%s] retry",
    ),
    "celery.worker.consumer.consumer": (
        "Received and deleted unknown message",
        "Received unregistered task",
        "Received invalid task message",
    ),
}


class _Folded(Filter):
    """Drops Celery's own lines for what the canonical line says already."""

    def filter(self, record: LogRecord) -> bool:
        said = _SAID_ANYWAY.get(record.name, ())
        return not (hasattr(record, "data") or str(record.msg).startswith(said))
