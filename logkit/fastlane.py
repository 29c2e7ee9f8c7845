"""Plain calls past Loguru's record; the only room that knows Loguru's private names. (decision 16)

For every call Loguru builds a record of thirteen objects, of which our sinks need a third. The lane stands in the
place of `Logger._log`, through which all of Loguru's calls go. A plain call goes straight from the caller's frame to
`Pipeline.deliver`; everything else goes to Loguru's own `_log`, as if the lane were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from multiprocessing import current_process
from os import getpid
from sys import _getframe
from threading import current_thread
from time import time_ns
from typing import Any, NamedTuple

import loguru
from loguru import _error_interceptor, _logger, logger

from logkit.context import current_context
from logkit.record import AUDIT_NO, Deliver, Wants, origin_of, stamp, where_of

TakeEvent = Callable[[Any], object]

TESTED = ("0.7.3",)
_INTERCEPT = "logkit.intercept"  # whom `logger.disable()` is asked about when a stdlib record comes

_CORE: Any = logger._core  # type: ignore[attr-defined]
_LOGGER: Any = _logger.Logger
_AMBIENT: Any = _logger.context  # of `logger.contextualize()`
_ordinary = _LOGGER._log
# What prints that a handler failed.
ERROR_PRINTER: Any = getattr(_error_interceptor, "ErrorInterceptor", None)


class Status(NamedTuple):
    """Whether plain calls take the lane, and why."""

    is_open: bool
    reason: str


class Handler(NamedTuple):
    """One of Loguru's handlers, as far as its registry tells."""

    id: int
    sink: str
    shows_variables: bool  # `diagnose`: the values of local variables are in its tracebacks


def foreign_handlers(own: Collection[int]) -> list[Handler]:
    """Every handler of Loguru whose id is not in `own`, oldest first; they get raw records. (P08)"""
    return [
        Handler(
            handler_id,
            str(getattr(handler, "_name", "?")),
            bool(getattr(getattr(handler, "_exception_formatter", None), "_diagnose", False)),
        )
        for handler_id, handler in sorted(_CORE.handlers.items())
        if handler_id not in own
    ]


class _Lane:
    """Who may pass. While nothing changes, all that a call asks are two identities."""

    __slots__ = ("_asked", "deliver", "handlers", "own", "reason", "take_event", "wants")

    def __init__(
        self, reason: str, deliver: Any = None, own: Any = (), wants: Any = None, take_event: Any = None
    ) -> None:
        self.reason, self.own, self.wants, self.take_event = reason, own, wants, take_event
        self.deliver = deliver  # None while the lane is closed, whose `own` no set of handlers equals
        self.handlers: object = None  # the handlers of Loguru's core, seen to be ours and no others
        self._asked: object = None

    def admits(self, core: Any) -> bool:
        """Whether the lane is open; asked again when Loguru's core has other handlers, which is always a new dict."""
        handlers = core.handlers
        if handlers is not self._asked:
            self._asked = handlers
            is_ours = core is _CORE and handlers.keys() == self.own
            self.handlers = handlers if is_ours else None
        return handlers is self.handlers


_lane = _Lane("logkit is not configured")


def install(
    deliver: Deliver, own: frozenset[int], *, wants: Wants | None = None, take_event: TakeEvent | None = None
) -> None:
    """Open the lane to `deliver` for as long as the handlers `own` are all that Loguru has.

    `wants` is asked first, where Loguru's minimum level is not all there is to a threshold. `take_event` is the filter
    of the audit handler, which gets a record of level AUDIT that it does not look at.
    """
    global _lane
    if (version := getattr(loguru, "__version__", "of no version")) not in TESTED:
        _lane = _Lane(f"Loguru is {version}; the lane knows {' and '.join(TESTED)}")
    elif _LOGGER._log is not _log and _LOGGER._log.__module__ != _logger.__name__:
        _lane = _Lane("somebody else has replaced Loguru's Logger._log")
    else:
        _lane = _Lane("every handler is ours", deliver, own, wants, take_event)
        _LOGGER._log = _log


def uninstall(reason: str) -> None:
    """Close the lane and give Loguru its own method back."""
    global _lane
    _lane = _Lane(reason)
    if _LOGGER._log is _log:
        _LOGGER._log = _ordinary


def status() -> Status:
    """Which lane plain calls take now, and why; for `doctor` and the system check."""
    is_open: bool = _lane.deliver is not None
    if is_open and not _lane.admits(_CORE):
        foreign = len(_CORE.handlers.keys() - _lane.own)
        gone = "a handler of ours is gone"
        return Status(False, f"{foreign} of Loguru's handlers are not ours" if foreign else gone)
    if is_open and _CORE.patcher is not stamp:
        return Status(False, "the core patcher is not ours")
    return Status(is_open, _lane.reason)


def _log(
    self: Any, level: Any, from_decorator: bool, options: Any, message: Any, args: Any, kwargs: Any
) -> None:
    """In the place of `Logger._log`: its own first questions in its own order, then one of the two lanes."""
    core = self._core
    try:
        _, level_name, level_no, _ = core.levels_lookup[level]
    except (KeyError, TypeError):
        taken = False  # a level that Loguru does not know, or not yet
    else:
        if level_no < core.min_level:
            return
        taken = _take(core, level_name, level_no, options, message, args, kwargs)
    if not taken:
        exception, depth, *others = options
        _ordinary(self, level, from_decorator, (exception, depth + 1, *others), message, args, kwargs)


def _take(core: Any, level: str, level_no: int, options: Any, message: Any, args: Any, kwargs: Any) -> bool:
    """Bring a plain call to the destination; False where the call is not plain or the lane not open."""
    exception, depth, record, lazy, colors, _raw, capture, patchers, extra = options
    lane = _lane
    if (
        (core.handlers is not lane.handlers and not lane.admits(core))  # somebody else wants the record
        or core.patcher is not stamp  # somebody's patcher changes it first
        or patchers
        or exception  # True stands for the one being handled, which Loguru looks up
        or lazy  # arguments are to be called, colours parsed, the record shown to the message (raw changes nothing
        or colors  # here: no text of Loguru's is written)
        or record
        or type(message) is not str
    ):
        return False
    try:
        frame = _getframe(depth + 3)
    except ValueError:  # opt(depth=) beyond the stack
        return False
    name = frame.f_globals.get("__name__")
    is_enabled = core.enabled.get(name)
    if not is_enabled:  # None: Loguru finds out about a module when it first logs
        return is_enabled is False
    if level_no == AUDIT_NO:  # a record would carry nothing; our other handler declines it (decision 11)
        if lane.take_event is not None:
            lane.take_event(None)
        return True
    if (wants := lane.wants) is not None and not wants(level_no, name or ""):
        return True
    ambient = _AMBIENT.get()
    fields = {**core.extra, **ambient, **extra} if ambient or core.extra else extra
    if kwargs and capture:
        fields = {**fields, **kwargs}
    if args or kwargs:
        message = message.format(*args, **kwargs)
    origin = origin_of(frame, name or "")
    where = where_of(getpid(), current_process().name, current_thread().name)
    lane.deliver(time_ns(), level, level_no, origin, message, current_context(), fields, where, None)
    return True


def way_past() -> tuple[Deliver, Mapping[str, object]] | None:
    """While the lane is open: where a record that was never Loguru's may go, and the fields Loguru would have added."""
    core, lane = _CORE, _lane
    if (
        (core.handlers is not lane.handlers and not lane.admits(core))
        or core.patcher is not stamp
        or not core.enabled.get(_INTERCEPT)
    ):
        return None
    ambient = _AMBIENT.get()
    return lane.deliver, {**core.extra, **ambient} if ambient or core.extra else {}
