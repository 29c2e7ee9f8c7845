"""What Python itself says becomes a line: warnings, and exceptions that nobody caught. (L06)"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from loguru import logger

from logkit.event import ExcInfo
from logkit.printers import ErrorPrinters

if TYPE_CHECKING:
    from loguru import Record


class Hooks:
    """Python's last words (uncaught, unraisable, warnings) as lines, and printers of errors that print no record.

    `remove()` puts back what was there.

    `losses` counts what stdout could not take, None where there is no such sink: then Python's own hook speaks too.
    """

    def __init__(self, losses: Callable[[], int | None]) -> None:
        self._losses = losses
        self._before = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
        self._printers = ErrorPrinters()
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread
        sys.unraisablehook = self._unraisable
        warnings.showwarning = _show_warning

    def remove(self) -> None:
        """Put the earlier hooks back, where nobody has put theirs on top since."""
        self._printers.remove()
        mine = (self._uncaught, self._uncaught_in_thread, self._unraisable, _show_warning)
        main, thread, unraisable, warning = self._before
        if sys.excepthook == mine[0]:
            sys.excepthook = main
        if threading.excepthook == mine[1]:
            threading.excepthook = thread
        if sys.unraisablehook == mine[2]:
            sys.unraisablehook = unraisable
        if warnings.showwarning is mine[3]:
            warnings.showwarning = warning

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        is_crash = issubclass(kind, Exception)  # Ctrl-C and its like are none
        if not (is_crash and self._said("CRITICAL", "process.crashed", (kind, error, trace))):
            self._before[0](kind, error, trace)

    def _uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or issubclass(args.exc_type, SystemExit):
            return
        name = args.thread.name if args.thread else None
        exception = (args.exc_type, args.exc_value, args.exc_traceback)
        if not self._said("CRITICAL", "thread.crashed", exception, failed_thread=name):
            self._before[1](args)

    def _unraisable(self, args: sys.UnraisableHookArgs) -> None:
        exception = (args.exc_type, args.exc_value, args.exc_traceback)
        kind = type(args.object).__qualname__
        if not self._said("ERROR", "exception.unraisable", exception, during=args.err_msg, object_type=kind):
            self._before[2](args)

    def _said(self, level: str, event: str, exception: ExcInfo, **fields: object) -> bool:
        """Log the exception; whether somebody can read it."""
        before = self._losses()
        said = logger.opt(exception=exception).bind(**fields).patch(_raised_in(exception[2]))
        said.log(level, event)  # logkit: ignore[LK101] a literal of our callers
        return before is not None and self._losses() == before


def _raised_in(trace: TracebackType | None) -> Callable[[Record], None]:
    """A patcher that gives a record the place where the exception was raised; ours says nothing."""

    def patch(record: Record) -> None:
        for frame, line in traceback.walk_tb(trace):  # the last one is where it was raised
            code = frame.f_code
            record["name"] = frame.f_globals.get("__name__")
            record["file"].path, record["line"], record["function"] = code.co_filename, line, code.co_name

    return patch


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as a record of `py.warnings` whose origin is the code that is warned. (L06)"""
    target = logging.getLogger("py.warnings")
    if target.isEnabledFor(logging.WARNING):
        record = target.makeRecord(target.name, logging.WARNING, filename, lineno, str(message), (), None, "")
        record.category = category.__name__
        target.handle(record)
