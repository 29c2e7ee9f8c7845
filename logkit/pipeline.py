"""`configure()`: from settings to installed sinks. The only room that adds, swaps or removes Loguru handlers."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from logkit import fastlane, parsers
from logkit.audit.trail import install as install_trail
from logkit.delivery import AddedSink, EventSink, Pipeline
from logkit.errors import LogkitError
from logkit.hooks import Hooks
from logkit.intercept import InterceptHandler
from logkit.parsers import LEVELS
from logkit.record import AUDIT, AUDIT_NO, stamp
from logkit.settings import LogSettings

if TYPE_CHECKING:
    from loguru import Message

_SWAP_GRACE = 0.05  # seconds; a thread between Loguru's patcher and its handlers has long passed by then
_DEFAULT_HANDLER = 0  # the one on stderr that Loguru starts with
_PLAIN: dict[str, Any] = {
    "format": "",
    "colorize": False,
    "backtrace": False,
    "diagnose": False,
    "catch": False,  # Loguru's own error printer shows raw records (P06); nothing of ours raises
}


def _declined(message: Message) -> None:
    """The sink of a handler whose filter declines every record."""


class _Installation:
    """The pipeline at work, and what installing it changed outside of us."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.pipeline: Pipeline | None = None
        self._handlers: list[int] = []
        self._hooks: Hooks | None = None
        self._stdlib_levels: list[str] = []
        self._sink_ids = itertools.count(1)

    def install(self, pipeline: Pipeline) -> None:
        """Put `pipeline` in the place of the present one: under load, nothing is lost and nothing doubled. (L16)"""
        before, self.pipeline = self.pipeline, pipeline
        if before is None:
            _remove_handler(_DEFAULT_HANDLER)
            self._hooks = Hooks(self._stdout_losses)
        logger.configure(patcher=stamp)
        if before is not None:
            before.successor = pipeline
        self._handle(pipeline)
        install_trail(pipeline.trail)
        self._intercept(pipeline)
        if before is not None:
            before.close()

    def _handle(self, pipeline: Pipeline) -> None:
        """Bring Loguru's handlers in step with `pipeline`: the new ones first, then away with the old."""
        outgoing = self._handlers
        self._handlers = [logger.add(_declined, level=pipeline.least_level, filter=pipeline.take, **_PLAIN)]
        if (trail := pipeline.trail).enabled:
            self._handlers.append(logger.add(_declined, level=AUDIT, filter=trail.take, **_PLAIN))
        if outgoing and threading.active_count() > 1:
            time.sleep(_SWAP_GRACE)
        for handler in outgoing:
            _remove_handler(handler)
        if pipeline.settings.fast_lane == "auto":
            wants = pipeline.wants if pipeline.levels.named else None
            take_event = trail.take if trail.enabled else None
            fastlane.install(pipeline.deliver, self.handlers, wants=wants, take_event=take_event)
        else:
            fastlane.uninstall("LOG_FAST_LANE is off")

    def _intercept(self, pipeline: Pipeline) -> None:
        """Lead stdlib logging here, with levels in step so that a rejected stdlib call stays cheap."""
        root = logging.getLogger()
        if not any(isinstance(handler, InterceptHandler) for handler in root.handlers):
            root.addHandler(_intercept_handler(pipeline.settings))
        for name in self._stdlib_levels:
            logging.getLogger(name).setLevel(logging.NOTSET)
        root.setLevel(_root_level(pipeline))
        for name, level in pipeline.levels.named.items():
            named = logging.getLogger(name)
            named.setLevel(min([level, *_heard_by_others(named)]))
        self._stdlib_levels = list(pipeline.levels.named)
        for known in list(logging.Logger.manager.loggerDict.values()):
            if isinstance(known, logging.Logger):
                _release_stream(known)

    def add_sink(self, sink: AddedSink) -> int:
        pipeline = self._present()
        sink_id = next(self._sink_ids)
        self._change_sinks(pipeline, {**pipeline.added, sink_id: sink})
        return sink_id

    def remove_sink(self, sink_id: int) -> None:
        pipeline = self._present()
        if sink_id not in pipeline.added:
            known = ", ".join(map(str, pipeline.added)) or "none"
            raise LogkitError(f"no sink has the id {sink_id!r}; the ids that add_sink() returned: {known}")
        self._change_sinks(pipeline, {key: sink for key, sink in pipeline.added.items() if key != sink_id})

    def _change_sinks(self, pipeline: Pipeline, added: dict[int, AddedSink]) -> None:
        least, root_level = pipeline.least_level, _root_level(pipeline)
        pipeline.added = added
        if pipeline.least_level != least:
            self._handle(pipeline)
        if _root_level(pipeline) != root_level:
            self._intercept(pipeline)

    def _stdout_losses(self) -> int | None:
        return self.pipeline.stdout_losses() if self.pipeline else None

    def _present(self) -> Pipeline:
        if self.pipeline is None:
            raise LogkitError("logkit is not configured yet: call logkit.configure() first")
        return self.pipeline

    @property
    def handlers(self) -> frozenset[int]:
        return frozenset(self._handlers)

    def remove(self) -> None:
        """Take everything back: for tests, and for a process that wants Loguru for itself again."""
        pipeline, self.pipeline = self.pipeline, None
        fastlane.uninstall("logkit is not configured")
        for handler in self._handlers:
            _remove_handler(handler)
        self._handlers = []
        install_trail(None)
        logger.configure(patcher=None)
        root = logging.getLogger()
        for known in [handler for handler in root.handlers if isinstance(handler, InterceptHandler)]:
            root.removeHandler(known)
        for name in self._stdlib_levels:
            logging.getLogger(name).setLevel(logging.NOTSET)
        self._stdlib_levels = []
        if self._hooks is not None:
            self._hooks.remove()
            self._hooks = None
        if pipeline is not None:
            pipeline.close()


def _root_level(pipeline: Pipeline) -> int:
    """The level of the standard library's root logger."""
    wanted = (sink.level_no for sink in pipeline.added.values() if not sink.is_observer)
    return min([pipeline.levels.default, *wanted])


def _remove_handler(handler: int) -> None:
    with contextlib.suppress(ValueError):  # somebody's logger.remove() was faster
        logger.remove(handler)


def _heard_by_others(target: logging.Logger | None) -> Iterator[int]:
    """The levels that handlers below the root want of a logger: LOG_LEVELS is for lines, not for the trail. (A05)"""
    while target is not None and target.parent is not None:
        yield from (handler.level for handler in target.handlers if handler.level)
        target = target.parent if target.propagate else None


def _release_stream(target: logging.Logger) -> None:
    """Take the terminal away from a logger that a framework set up, so that its lines come here, once. (L14)"""
    streams = [handler for handler in target.handlers if _writes_to_terminal(handler)]
    for handler in streams:
        target.removeHandler(handler)
    if streams:
        target.propagate = True


def _writes_to_terminal(handler: logging.Handler) -> bool:
    terminal = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    return isinstance(handler, logging.StreamHandler) and any(handler.stream is stream for stream in terminal)


def _ensure_level() -> None:
    try:
        logger.level(AUDIT)
    except ValueError:
        logger.level(AUDIT, no=AUDIT_NO)


_ensure_level()
_installed = _Installation()


def configure(
    settings: LogSettings | Mapping[str, str] | None = None, *, base_dir: Path | None = None
) -> LogSettings:
    """Install logging as `settings` say, or as a mapping of variables or the environment does.

    Equal settings change nothing; others are swapped in cleanly. Returns the settings in force.
    Raises `ConfigError` naming every fault.
    """
    if not isinstance(settings, LogSettings):
        settings = LogSettings.from_env(os.environ if settings is None else settings, base_dir=base_dir)
    with _installed.lock:
        present = _installed.pipeline
        if present is None or present.settings != settings:
            _installed.install(Pipeline(settings, present.added if present else None))
            if settings.unknown:
                logger.bind(variables=list(settings.unknown)).warning("logkit.unknown_variables")
    return settings


def reopen() -> None:
    """Open every sink anew: for whoever put something else in the place of stdout, or of a directory."""
    with _installed.lock:
        present = _installed.pipeline
        if present is not None:
            _installed.install(Pipeline(present.settings, present.added))


def current_settings() -> LogSettings | None:
    """The settings in force, or None before `configure()`."""
    return _installed.pipeline.settings if _installed.pipeline else None


def own_handlers() -> frozenset[int]:
    """The ids of the handlers that we added to Loguru; all others are foreign. (P08)"""
    return _installed.handlers


def current_sinks() -> tuple[AddedSink, ...]:
    """The sinks that `add_sink()` added."""
    pipeline = _installed.pipeline
    return tuple(sink for sink in pipeline.added.values() if not sink.is_observer) if pipeline else ()


def add_sink(sink: EventSink, *, level: str = "INFO", name: str | None = None) -> int:
    """Give every event of `level` and above to `sink`, as data of schema v1, redacted; returns the sink's id.

    What the sink raises is counted and reported; it reaches neither the caller nor the other sinks.
    """
    added = AddedSink(name or str(getattr(sink, "__name__", "sink")), LEVELS[parsers.level(level)], sink)
    with _installed.lock:
        return _installed.add_sink(added)


def add_observer(sink: EventSink, *, level: str, name: str) -> int:
    """`add_sink()` for whoever must not change what is logged: the standard library's levels stay as they are."""
    with _installed.lock:
        return _installed.add_sink(AddedSink(name, LEVELS[parsers.level(level)], sink, is_observer=True))


def remove_sink(sink_id: int) -> None:
    """Stop giving events to a sink that `add_sink()` added. Raises `LogkitError` for an id that it never gave."""
    with _installed.lock:
        _installed.remove_sink(sink_id)


def added_sinks() -> dict[int, str]:
    """The sinks that `add_sink()` added and nobody removed: ids and names."""
    return {} if (pipeline := _installed.pipeline) is None else {k: v.name for k, v in pipeline.added.items()}


def takes(level: str) -> bool:
    """Whether a line of `level` may reach a sink; for callers whose line costs more to prepare than to say."""
    pipeline = _installed.pipeline
    return pipeline is not None and pipeline.least_level <= LEVELS[level]


def stdout_descriptor() -> int | None:
    """The descriptor that lines are written to, for a program that closes every one it does not know."""
    pipeline = _installed.pipeline
    return pipeline.stdout_descriptor() if pipeline is not None else None


def flush() -> None:
    """See out what is still to be written."""
    if _installed.pipeline is not None:
        _installed.pipeline.flush()


def end() -> None:
    """The process ends: leave the trail, and see out what is still to be written. For those without exit handlers."""
    if _installed.pipeline is not None:
        _installed.pipeline.trail.leave()
        _installed.pipeline.flush()


atexit.register(end)


def shutdown() -> None:
    """Flush and close every sink and take back all that `configure()` changed."""
    with _installed.lock:
        _installed.remove()


def _intercept_handler(settings: LogSettings) -> InterceptHandler:
    return InterceptHandler(
        audit_logger(settings), settings.quiet_paths, hides_peers=settings.client_ip != "full"
    )


def install_handler(settings: LogSettings) -> logging.Handler:
    """The handler factory of a `LOGGING` dict: to call it is to install logging. (decision 17)"""
    configure(settings)
    return _intercept_handler(settings)


def audit_logger(settings: LogSettings) -> str:
    """The stdlib logger whose records may be audit events."""
    return f"{settings.service}.audit"
