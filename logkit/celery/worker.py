"""The worker as a program: its logging is ours from its first line to its last. (C12, C19)"""

from __future__ import annotations

import sys
from logging import NOTSET, WARNING, getLogger
from typing import Any, NoReturn

import celery
from billiard.util import get_logger
from celery import signals
from loguru import logger

from logkit.context import new_scope
from logkit.pipeline import configure, current_settings, end

_DETACHED = (
    "celery {program} --detach is not supported with logkit: it gives the program's standard output away, and with it "
    "the log. Start it in the foreground, under systemd, supervisord or as a container."
)


def connect() -> None:
    signals.setup_logging.connect(_keep_logging_ours, weak=False, dispatch_uid="logkit.setup_logging")
    signals.celeryd_init.connect(_take_over, weak=False, dispatch_uid="logkit.take_over")
    signals.celeryd_after_setup.connect(_redirect_prints, weak=False, dispatch_uid="logkit.redirect_prints")
    signals.worker_ready.connect(_started, weak=False, dispatch_uid="logkit.started")
    signals.worker_shutting_down.connect(_stopping, weak=False, dispatch_uid="logkit.stopping")
    signals.worker_process_shutdown.connect(_flush, weak=False, dispatch_uid="logkit.flush")
    for name, how in (("worker", "detach"), ("beat", "detached")):
        program: Any = sys.modules.get(f"celery.bin.{name}")
        if program is not None:
            setattr(program, how, _refusal(name))


def _refusal(program: str) -> Any:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise SystemExit(_DETACHED.format(program=program))

    return refuse


def _keep_logging_ours(logfile: object = None, **_: object) -> None:
    """That somebody answers this signal is what keeps Celery from replacing the root handlers. (C12)"""
    if current_settings() is None:
        configure()
    if logfile:
        logger.bind(option="--logfile", value=str(logfile), use="LOG_FILE").warning("worker.option_ignored")


def _take_over(instance: Any, **_: object) -> None:
    """No banner, which `worker.started` says as a line; what Celery writes past every logger becomes lines. (C19)"""
    from celery.apps import worker as program

    if current_settings() is None:
        configure()  # now, because the next thing that Celery does is to warn of running as root
    instance.quiet = True
    program.safe_say = _say  # type: ignore[attr-defined]  # writes to descriptor 1 by itself, from signal handlers
    end = instance.on_stopped

    def on_stopped() -> None:  # a signal tells of a warm end only
        end()
        logger.bind(worker=instance.hostname).info("worker.stopped")

    instance.on_stopped = on_stopped


def _say(message: str, file: object = None) -> None:
    with new_scope({}):  # a signal handler runs inside of whatever the process is doing, a task perhaps
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


def _started(sender: Any, **_: object) -> None:
    """All of the banner that is worth a field."""
    worker = sender.controller
    pool = type(sender.pool).__module__.rpartition(".")[2]
    logger.bind(
        worker=worker.hostname,
        app=worker.app.main,
        celery=celery.__version__,
        broker=sender.connection.as_uri(),
        pool=pool.strip("_"),
        concurrency=worker.concurrency,
        queues=sorted(queue.name for queue in sender.task_consumer.queues),
    ).info("worker.started")


def _stopping(sender: str, sig: str, how: str, **_: object) -> None:
    with new_scope({}):
        logger.bind(worker=sender, signal=sig, how=how.lower()).info("worker.stopping")


def _flush(**_: object) -> None:
    """A process of the pool ends without Python's exit handlers."""
    end()
