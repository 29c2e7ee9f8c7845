"""Loguru's lines for pytest's own log capture: `caplog`, "Captured log" of a failure, `--log-cli-level`.

Standard library records reach pytest by themselves. An event that comes from Loguru is given to it as a record with
its true origin, after redaction, under the levels that `caplog.set_level()` sets.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import FrameType

from logkit.intercept import InterceptHandler
from logkit.parsers import LEVELS
from logkit.pipeline import add_observer, added_sinks, current_settings, remove_sink
from logkit.testing.expectation import Line

_INTERCEPT = InterceptHandler.emit.__code__
_BETWEEN = ("logkit", "loguru")  # rooms that a record passes on its way from there to a sink
_RESERVED = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


Listener = Callable[[Line], object]


class Feed:
    """The one sink of a test process that gives events to pytest, and to those who listen.

    It is attached anew where code under test took it away with the rest of logging.
    """

    def __init__(self) -> None:
        self._sink_id: int | None = None
        self._level = ""
        self._listeners: list[Listener] = []

    def attach(self, listener: Listener, *, everything: bool) -> None:
        """Give events to pytest and `listener`: what is written, or everything, from which `caplog` levels choose.

        A change between the two swaps Loguru's handler, which takes 50 ms where there are other threads, as there are
        in every process of pytest-xdist; to have everything all the time costs less.
        """
        if listener not in self._listeners:
            self._listeners.append(listener)
        settings = current_settings()
        if settings is None:
            return
        written = min([settings.level, *(level for _, level in settings.levels)], key=LEVELS.__getitem__)
        level = "TRACE" if everything else written
        is_attached = self._sink_id in added_sinks()
        if is_attached and level == self._level:
            return
        if self._sink_id is not None and is_attached:
            remove_sink(self._sink_id)
        self._sink_id, self._level = add_observer(self._take, level=level, name="pytest"), level

    def detach(self, listener: Listener) -> None:
        """Forget `listener`; the last one takes the sink with it."""
        self._listeners = [each for each in self._listeners if each != listener]
        if not self._listeners and self._sink_id is not None and self._sink_id in added_sinks():
            remove_sink(self._sink_id)

    def _take(self, line: Line) -> None:
        for listener in self._listeners:
            listener(line)
        handlers = [handler for handler in logging.getLogger().handlers if _is_pytests(handler)]
        if not handlers or _came_from_stdlib(sys._getframe(1)):
            return
        record = log_record(line)
        if logging.getLogger(record.name).isEnabledFor(record.levelno):
            for handler in handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)


feed = Feed()


def log_record(line: Line) -> logging.LogRecord:
    """The `LogRecord` that this line would have been; its fields are attributes, as those of `extra=` are."""
    source, error = line["source"], line.get("exception")
    record = logging.LogRecord(
        line["logger"],
        LEVELS.get(line["level"], logging.INFO),
        _whole_path(source["file"]),
        source["line"],
        line["message"],
        None,
        None,
        source["function"],
    )
    record.levelname = line["level"]
    record.created = datetime.fromisoformat(line["timestamp"]).timestamp()
    record.msecs = record.created % 1 * 1000
    record.process, record.threadName = line["process"]["id"], line["thread"]
    if error:
        record.exc_text = error["stack"]
    for name, value in line["context"].items():
        if name not in _RESERVED:
            setattr(record, name, value)
    return record


def _is_pytests(handler: logging.Handler) -> bool:
    return any(kind.__module__ == "_pytest.logging" for kind in type(handler).__mro__)


def _came_from_stdlib(frame: FrameType | None) -> bool:
    """Is this event on its way from a standard library record? Then its handler is among our callers."""
    while frame is not None:
        if frame.f_code is _INTERCEPT:
            return True
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in _BETWEEN:
            return False
        frame = frame.f_back
    return False


@lru_cache(maxsize=4096)
def _whole_path(short: str) -> str:
    """The file that a line names below the import path, wherever that is."""
    if os.path.isabs(short):  # noqa: PTH117 - a question about text
        return short
    found = (Path(entry) / short for entry in sys.path)
    return str(next((path for path in found if path.is_file()), short))
