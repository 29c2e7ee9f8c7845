"""What Loguru and stdlib print when a handler of somebody's fails: the fault and the places, never the record. (P06)

Both print the whole record to stderr, arguments and bound fields included. Ours say which handler failed, on what.
"""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Any

from logkit.fastlane import ERROR_PRINTER


class ErrorPrinters:
    """Puts safe printers in the place of both; `remove()` puts back what was there."""

    def __init__(self) -> None:
        self._loguru = ERROR_PRINTER
        self._before = (getattr(self._loguru, "print", None), logging.Handler.handleError)
        if self._loguru is not None:
            self._loguru.print = _print_loguru
        logging.Handler.handleError = _print_stdlib  # type: ignore[method-assign]

    def remove(self) -> None:
        """Put the earlier printers back, where nobody has put theirs on top since."""
        if self._loguru is not None and self._loguru.print is _print_loguru:
            self._loguru.print = self._before[0]
        if logging.Handler.handleError is _print_stdlib:
            logging.Handler.handleError = self._before[1]  # type: ignore[method-assign]


def _print_loguru(self: Any, record: Any = None, *, exception: BaseException | None = None) -> None:
    """In the place of `ErrorInterceptor.print`."""
    error = exception if exception is not None else sys.exc_info()[1]
    place = f"{record['name']}:{record['line']}" if isinstance(record, dict) else "an unknown place"
    _say(f"Loguru's handler #{getattr(self, '_handler_id', '?')}", place, error)


def _print_stdlib(self: logging.Handler, record: logging.LogRecord) -> None:
    """In the place of `logging.Handler.handleError`."""
    if logging.raiseExceptions:
        _say(f"stdlib's {type(self).__qualname__}", f"{record.name}:{record.lineno}", sys.exc_info()[1])


def _say(handler: str, place: str, error: BaseException | None) -> None:
    # The message of the exception stays out too: it often quotes the record.
    kind = type(error).__qualname__ if error is not None else "an error"
    where = _last_place(error.__traceback__) if error is not None else ""
    try:
        sys.stderr.write(f"logkit: {handler} failed with {kind}{where} on a record of {place}\n")
    except (OSError, ValueError, AttributeError):  # closed, or there is none
        return


def _last_place(trace: TracebackType | None) -> str:
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f" at {code.co_filename}:{trace.tb_lineno} in {code.co_name}"
