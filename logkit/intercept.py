"""What stdlib logging says becomes ours; what Python itself says is `logkit.hooks`.

The origin is the LogRecord's own, not a frame of ours, so `stacklevel`, queue listeners and C callers stay true.
(L06) No lock is taken here: stdlib's handler lock and a sink that logs would deadlock across threads. (L01)
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from itertools import islice
from multiprocessing import current_process
from typing import TYPE_CHECKING, Any

from loguru import logger

from logkit.access import TELLERS, path_matcher, request_context, retold
from logkit.audit.emit import event_of
from logkit.audit.emit import record as state
from logkit.context import CONTEXT_ATTRIBUTE, Context, current_context
from logkit.errors import raise_if_asynchronous
from logkit.event import ExcInfo, Where
from logkit.fastlane import way_past
from logkit.record import AUDIT_NO, STAMP, Deliver, origin_at, origins, where_of, wheres

if TYPE_CHECKING:
    from loguru import Record

_STANDARD = len(
    vars(logging.makeLogRecord({}))
)  # so many attributes come first on every record, then the extra ones
_OURS = frozenset({"message", "asctime", "taskName", CONTEXT_ATTRIBUTE})  # are none, though they come later
_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_KEPT = 4096  # names of loggers
_adopting = threading.local()


class InterceptHandler(logging.Handler):
    """A stdlib handler that hands every record to Loguru.

    A record of the logger `audit_logger`, or of one below it, that carries an `AuditEvent` becomes an audit event.
    What a server says of a request to one of `quiet_paths` is DEBUG while it goes well, and names its peer unless
    `hides_peers`.
    """

    def __init__(
        self, audit_logger: str | None = None, quiet_paths: tuple[str, ...] = (), *, hides_peers: bool = False
    ) -> None:
        super().__init__()
        self._audit_logger = audit_logger
        self._special: dict[str, bool] = {}
        self._is_quiet = path_matcher(quiet_paths)
        self._hides_peers = hides_peers

    def createLock(self) -> None:  # noqa: N802 - stdlib's name
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and emit. From Python 3.13 on stdlib's own takes the lock without asking whether there is one."""
        if not self.filters:
            self.emit(record)
            return True
        passed: object = self.filter(record)
        if isinstance(passed, logging.LogRecord):  # a filter may answer with another record, from 3.12 on
            record = passed
        if passed:
            self.emit(record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        is_special = self._special.get(record.name)
        if is_special is None:
            is_special = self._is_special(record.name)
        try:
            if is_special:
                if self._is_audit_event(record):
                    return
                if record.name.startswith(TELLERS):
                    record = retold(record, self._is_quiet, hides_peers=self._hides_peers)
            message, problem = record.msg, None
            if record.args:
                message, problem = _message(record)
            elif type(message) is not str:
                message = str(message)
            exception = _exception(record) if record.exc_info else None
            if (way := way_past()) is None:
                _through_loguru(record, message, problem, exception)
            else:
                deliver, ambient = way
                _past_loguru(deliver, ambient, record, message, problem, exception)
        except Exception as error:  # noqa: BLE001 - a logging call never raises into the application
            raise_if_asynchronous(error)
            self.handleError(record)

    def _is_special(self, name: str) -> bool:
        """Whether records of the logger `name` are more than lines: told by servers, or carriers of audit events."""
        is_special = name.startswith((*TELLERS, self._audit_logger or TELLERS[0]))
        if len(self._special) >= _KEPT:
            self._special.clear()
        self._special[name] = is_special
        return is_special

    def _is_audit_event(self, record: logging.LogRecord) -> bool:
        event = event_of(record, logger_name=self._audit_logger) if self._audit_logger else None
        if event is not None:
            state(event)
        return event is not None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - stdlib's name
        """Say that a record failed, without printing it: stdlib's own printer shows raw arguments. (P06)"""
        logger.bind(failed_logger=record.name).error("logkit.record_failed")


def _past_loguru(
    deliver: Deliver,
    ambient: Mapping[str, object],
    record: logging.LogRecord,
    message: str,
    problem: str | None,
    exception: ExcInfo | None,
) -> None:
    """From a LogRecord to the sinks without a Loguru record in between.

    What it asks `_fields`, `_context_of`, `origin_at` and `where_of` for is at hand for most records, and is taken
    here: the calls would cost a tenth of the line.
    """
    values = record.__dict__
    fields: dict[str, object] = {}
    if len(values) > _STANDARD:
        for name in islice(values, _STANDARD, None):  # names alone: half the cost of pairs
            if name not in _OURS:
                fields[name] = values[name]
    if problem or record.stack_info or record.exc_text:
        fields.update(_oddities(record, problem))
    if record.exc_info or CONTEXT_ATTRIBUTE in values or "request" in fields:
        context = _context(values)
    else:
        context = current_context()
    level_no = record.levelno
    place = (record.name, record.pathname, record.lineno, record.funcName or "")
    thread = (record.process, record.processName, record.threadName)
    deliver(
        int(record.created * 1_000_000_000),
        record.levelname,
        level_no if level_no in _LEVELS else _level(level_no),
        origins.get(place) or origin_at(*place),
        message,
        context,
        {**ambient, **fields} if ambient else fields,
        wheres.get(thread) or _where(record),
        exception,
    )


def _where(record: logging.LogRecord) -> Where:
    """The process and thread of a record; stdlib can be told to leave them out."""
    return where_of(
        record.process or os.getpid(),
        record.processName or current_process().name,
        record.threadName or threading.current_thread().name,
    )


def _through_loguru(
    record: logging.LogRecord, message: str, problem: str | None, exception: ExcInfo | None
) -> None:
    """A Loguru record that stands for a LogRecord."""
    outer = getattr(_adopting, "record", None)
    _adopting.record = (record, problem)
    try:
        adopted = _adopted if exception is None else _adopted.opt(exception=exception)
        # logkit: ignore[LK101] somebody else's words
        adopted.log(_LEVELS.get(record.levelno) or _level(record.levelno), message)
    finally:
        _adopting.record = outer


def _adopt(target: Record) -> None:
    """Give a Loguru record the origin, level, time and fields of the LogRecord that it stands for."""
    record, problem = _adopting.record
    target["name"] = record.name
    target["function"] = record.funcName or ""
    target["line"] = record.lineno
    file, process, thread = target["file"], target["process"], target["thread"]
    file.path, file.name = record.pathname, record.filename
    target["level"].name = record.levelname
    if record.process != process.id or record.threadName != thread.name:  # from a queue, or named anew since
        process.id = record.process or process.id
        process.name = record.processName or process.name
        thread.name = record.threadName or thread.name
    extra = target["extra"]
    stamped = (
        extra[STAMP][0] if STAMP in extra else current_context()
    )  # somebody may replace the core patcher
    extra.update(_fields(record, problem))
    extra[STAMP] = (_context_of(record) or stamped, int(record.created * 1_000_000_000))


def _context_of(record: logging.LogRecord) -> Context | None:
    """The context of the request or the error that a record names; None where the current one is meant."""
    values = record.__dict__
    if record.exc_info or CONTEXT_ATTRIBUTE in values or "request" in values:
        return _context(values)
    return None


def _fields(record: logging.LogRecord, problem: str | None) -> dict[str, object]:
    """What a record brings beside the standard attributes: its `extra=`, and what is odd about it."""
    values = record.__dict__
    fields: dict[str, object] = {n: values[n] for n in islice(values, _STANDARD, None) if n not in _OURS}
    if problem or record.stack_info or record.exc_text:
        fields.update(_oddities(record, problem))
    return fields


_adopted = logger.patch(_adopt)


def _message(record: logging.LogRecord) -> tuple[str, str | None]:
    """The message, and what was wrong with its arguments: then the raw message is kept. (L04)"""
    try:
        return record.getMessage(), None
    except Exception as error:  # noqa: BLE001 - arguments are anything, and so are their faults
        return str(record.msg), type(error).__name__


def _exception(record: logging.LogRecord) -> ExcInfo | None:
    exc_info = record.exc_info
    return (
        exc_info if exc_info and exc_info[0] is not None else None
    )  # L08: exc_info=True without an exception


def _level(number: int) -> int:
    """What Loguru takes: no negative number, and not the number of the audit trail."""
    return AUDIT_NO - 1 if number == AUDIT_NO else max(number, 0)


def _oddities(record: logging.LogRecord, problem: str | None) -> Iterator[tuple[str, str]]:
    if record.stack_info:
        yield "stack_info", record.stack_info
    if record.exc_text and not record.exc_info:
        yield "traceback", record.exc_text
    if problem:
        yield "format_error", problem


def _context(values: Mapping[str, Any]) -> Context:
    """What `retold` found out, else the context of the request that a record names, else the current one."""
    return values.get(CONTEXT_ATTRIBUTE) or request_context(values)


class RequestContextFilter(logging.Filter):
    """Puts `request_id`, `trace_id`, `task_id` and `user_id` on LogRecords, for handlers that a project keeps."""

    def filter(self, record: logging.LogRecord) -> bool:
        context = _context(record.__dict__)
        for name in ("request_id", "trace_id", "task_id", "user_id"):
            if not hasattr(record, name):
                setattr(record, name, context.get(name))
        return True
