"""Beat: what it sends starts a new root, which names the entry of the schedule. (C15)"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from celery import signals
from loguru import logger

from logkit.context import new_scope
from logkit.pipeline import stdout_descriptor
from logkit.trace import new_request_id

_MARK = "_logkit_keeps"


def connect() -> None:
    signals.celeryd_init.connect(_keep_stdout, weak=False, dispatch_uid="logkit.keep_stdout")
    signals.beat_init.connect(_wrap, weak=False, dispatch_uid="logkit.beat")
    signals.beat_embedded_init.connect(_wrap, weak=False, dispatch_uid="logkit.beat_embedded")
    if (
        "celery.bin.beat" in sys.modules
    ):  # the command line: it may be `celery beat`, which prints a banner (C19)
        from celery.apps import beat as program

        program.print = _nothing  # type: ignore[attr-defined]


def _keep_stdout(**_: object) -> None:
    """A beat that is embedded in a worker closes what it has inherited, but for what loggers write to."""
    module: Any = import_module("celery.beat")
    theirs = module.iter_open_logger_fds
    if hasattr(theirs, _MARK):
        return

    def keep() -> list[object]:
        ours = stdout_descriptor()
        return [*theirs(), *([] if ours is None else [ours])]

    setattr(keep, _MARK, True)
    module.iter_open_logger_fds = keep


def _nothing(*_: object, **__: object) -> None:
    """In the place of the banner, which `beat.started` says as a line."""


def _wrap(sender: Any, **_: object) -> None:
    scheduler = sender.scheduler
    apply_entry = scheduler.apply_entry

    def apply_in_context(entry: Any, producer: Any = None) -> Any:
        with new_scope({"request_id": new_request_id(), "schedule": str(entry.name)}):
            return apply_entry(entry, producer=producer)

    if not getattr(scheduler, "_logkit_wrapped", False):
        scheduler.apply_entry, scheduler._logkit_wrapped = apply_in_context, True
        logger.bind(scheduler=type(scheduler).__qualname__).info("beat.started")
