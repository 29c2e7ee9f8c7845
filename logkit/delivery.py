"""From one of Loguru's records to every sink: the gate, the safe event, the encodings and the writers.

Loguru asks a handler's filter before it copies the record, renders the exception and takes its lock. `Pipeline.take`
is such a filter: it does all the work there and then declines the record, so none of the three happens. Nothing of
ours runs under Loguru's lock, and a raw exception is never rendered.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from loguru import logger

from logkit import console, otlp
from logkit.audit.trail import AuditTrail
from logkit.captured import path_to_write as captured_path
from logkit.context import EMPTY, Context
from logkit.ecs import EcsEncoder
from logkit.encode import Encoder, LogkitEncoder, service_block
from logkit.errors import ConfigError, raise_if_asynchronous
from logkit.event import Event, EventBuilder, ExcInfo, Origin, Where
from logkit.gate import ERROR, WARNING, Levels, RateLimit, Sampling, Suppressed
from logkit.parsers import Rotation
from logkit.record import AUDIT_NO, STAMP, origin, take_stamp, where, where_now
from logkit.redact import Redactor, django_cookie_names
from logkit.settings import RELAXED_ENVIRONMENTS, LogSettings
from logkit.writers import BufferedWriter, RotatingFileWriter, StdoutWriter, Writer

if TYPE_CHECKING:
    from loguru import Record

_DEEPEST = 3  # a record made while a record is delivered, and so on
_HUSHED = 1000  # deeper than that: nothing that the thread logs is meant to go anywhere
_CLOSE_WITHIN = 2.0  # seconds
_FOR_EVER = timedelta(days=36500)
_REPORT_EVERY = 60.0  # seconds between reports of one sink's failures

_WRITERS = Origin("logkit.writers", __file__, 0, "")

EventSink = Callable[[Mapping[str, Any]], object]


class Output(NamedTuple):
    """One encoding and where its lines go."""

    encode: Encoder
    writers: tuple[Writer, ...]


class _Depth(threading.local):
    """How many records this thread is delivering, one inside the other."""

    depth = 0


_local = _Depth()


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """A block in which nothing that this thread logs goes anywhere, and nothing of it is counted."""
    before, _local.depth = _local.depth, _HUSHED
    try:
        yield
    finally:
        _local.depth = before


@dataclass(slots=True)
class AddedSink:
    """A callable that somebody added: it is given safe events, as data."""

    name: str
    level_no: int
    sink: EventSink
    is_observer: bool = (
        False  # it changes no levels of the standard library, and is nobody's business: a test's
    )
    failures: int = 0
    reported_at: float = -math.inf  # monotonic seconds


class Pipeline:
    """One configuration at work: what takes a record from Loguru and brings it to every sink."""

    def __init__(self, settings: LogSettings, added: Mapping[int, AddedSink] | None = None) -> None:
        self.settings = settings
        self.levels = Levels(settings.level, settings.levels)
        self.redactor = Redactor(
            extra_keys=settings.redact_keys,
            allow_keys=settings.redact_allow,
            hidden_names=django_cookie_names(),
        )
        self.added = dict(added or {})
        self.lost = 0  # records that failed on their way; every one is a bug, ours or a sink's
        self._build = EventBuilder(self.redactor).build
        self._direct: StdoutWriter | None = None
        self._stdout: Writer | None = None
        self._service = service = service_block(settings.service, settings.environment, settings.release)
        self._encoder = LogkitEncoder(service, limit=self._longest_line, scrub=self.redactor.text)
        self._json: Encoder = self._encoder
        if settings.schema == "ecs":
            self._json = EcsEncoder(service, limit=self._longest_line, scrub=self.redactor.text)
        self._outputs = self._open_outputs()
        self._sampling = Sampling(settings.sample)
        self._rate_limit = RateLimit(settings.rate_limit, self._suppressed) if settings.rate_limit else None
        self._thins = bool(settings.sample or settings.rate_limit)
        self._threshold = 0 if self.levels.named else self.levels.default  # 0: it depends on the module
        self.successor: Pipeline | None = None  # who takes what still arrives here after a swap
        self.trail = AuditTrail(settings, redactor=self.redactor)

    def _open_outputs(self) -> list[Output]:
        settings = self.settings
        writers: dict[Encoder, tuple[Writer, ...]] = {}
        if settings.stdout:
            self._direct = StdoutWriter(report=self._dropped_line)
            is_buffered = settings.stdout_mode == "buffered"
            self._stdout = BufferedWriter(self._direct) if is_buffered else self._direct
            writers[self._stdout_encoder()] = (self._stdout,)
        if settings.file is not None:
            file = self._open_file(settings.file)
            writers[self._json] = (*writers.get(self._json, ()), file)
        if settings.otlp:
            collector = otlp.open_writer(self._service, report=self._dropped_record, hush=_hushed)
            writers[self._encoder] = (*writers.get(self._encoder, ()), collector)
        if settings.environment in RELAXED_ENVIRONMENTS and (captured := captured_path()) is not None:
            with contextlib.suppress(OSError):  # the test is over that wanted to read it
                test = RotatingFileWriter(captured, rotation=Rotation(), retention=_FOR_EVER, mode=0o600)
                writers[self._encoder] = (*writers.get(self._encoder, ()), test)
        return [Output(encode, to) for encode, to in writers.items()]

    def stdout_descriptor(self) -> int | None:
        """What lines to stdout are written to; None without such a sink."""
        return self._direct.fileno() if self._direct else None

    def _longest_line(self) -> int:
        """LOG_MAX_LINE_BYTES, or less where stdout is a pipe that cannot keep longer lines whole. (decision 9)"""
        narrow = self._direct.max_line if self._direct else None
        return min(self.settings.max_line_bytes, narrow or sys.maxsize)

    def _dropped_line(self, lost: Mapping[str, int]) -> bytes:
        """What a writer says as soon as lines get through again."""
        return self._json(self._dropped(lost))

    def _dropped_record(self, lost: Mapping[str, int]) -> bytes:
        """The same for a writer that reads schema v1."""
        return self._encoder(self._dropped(lost))

    def _dropped(self, lost: Mapping[str, int]) -> Event:
        fields = {"lost": sum(lost.values()), "lost_by_level": dict(lost)}
        here = where_now()
        return self._build(
            time.time_ns(), "WARNING", WARNING, _WRITERS, "logkit.dropped", EMPTY, fields, here, None
        )

    def _suppressed(self, suppressed: Suppressed) -> None:
        logger.bind(
            event=suppressed.event, event_level=suppressed.level, suppressed=suppressed.count
        ).warning("logkit.suppressed")

    def _open_file(self, path: Path) -> RotatingFileWriter:
        rotation, retention = self.settings.file_rotation, self.settings.file_retention
        try:
            return RotatingFileWriter(path, rotation=rotation, retention=retention, report=self._dropped_line)
        except OSError as error:
            fault = (
                f"LOG_FILE is {str(path)!r}, which cannot be written ({error.strerror}): give another path"
            )
            raise ConfigError([fault]) from error

    def _stdout_encoder(self) -> Encoder:
        if self.settings.format == "json" or (self.settings.format == "auto" and not os.isatty(1)):
            return self._json
        style = console.Style(
            colour=console.wants_colour(sys.stdout, os.environ),
            width=shutil.get_terminal_size().columns if os.isatty(1) else None,
            root=str(Path.cwd()),
        )
        render, as_dict = console.renderer(style), self._encoder.as_dict
        return lambda event: render(as_dict(event)).encode("utf-8", "replace")

    @property
    def least_level(self) -> int:
        return min([self.levels.least, *(sink.level_no for sink in self.added.values())])

    def take(self, record: Record) -> bool:
        """Loguru's filter: deliver the record here, then decline it. Never raises into the application."""
        level = record["level"]
        if level.no == AUDIT_NO:
            return False
        if self.successor is not None:
            return self.successor.take(record)
        try:
            if not self.wants(level.no, record["name"] or ""):
                return False
            extra = record["extra"]
            if (stamp := take_stamp(extra)) is None:
                return False
            context, time_ns = stamp
            self.deliver(
                time_ns,
                level.name,
                level.no,
                origin(record),
                record["message"],
                context,
                extra,
                where(record),
                record["exception"],
            )
            extra[STAMP] = None  # taken
        except Exception as error:  # noqa: BLE001 - a logging call never raises into the application
            self.lost += 1
            raise_if_asynchronous(error)
        return False

    def wants(self, level_no: int, name: str) -> bool:
        """Whether a line of this level and logger reaches a sink, in the first place."""
        return level_no >= (self._threshold or self.levels.of(name)) or bool(self.added)

    def deliver(
        self,
        time_ns: int,
        level: str,
        level_no: int,
        origin: Origin,
        message: str,
        context: Context,
        fields: Mapping[str, object],
        where: Where,
        exception: ExcInfo | None,
    ) -> None:
        """Bring these parts of a record to every sink. Never raises into the application.

        Positional, because every line of the process passes here.
        """
        if self.successor is not None:
            return self.successor.deliver(
                time_ns, level, level_no, origin, message, context, fields, where, exception
            )
        threshold = self._threshold or self.levels.of(origin.logger)
        if level_no < threshold and not self.added:
            return None
        local = _local
        depth = local.depth
        if depth >= _DEEPEST:  # a sink or a value that logs about itself for ever
            self.lost += depth < _HUSHED
            return None
        local.depth = depth + 1
        try:
            if self._thins and level_no < ERROR:
                share = self._share(level, level_no, message, context)
                if not share:
                    return None
                if share < 1.0:
                    fields = {**fields, "sample_rate": share}
            event = self._build(time_ns, level, level_no, origin, message, context, fields, where, exception)
            if level_no >= threshold:
                for encode, writers in self._outputs:
                    line = encode(event)
                    for writer in writers:
                        writer.write(line, level_no)
                if exception is not None and context.scope is not None:
                    context.scope.traced = exception[1]  # R14
            if self.added:
                for added in self.added.values():
                    if level_no >= added.level_no:
                        self._hand_over(added, event)
        except Exception as error:  # noqa: BLE001 - a logging call never raises into the application
            self.lost += 1
            raise_if_asynchronous(error)
        finally:
            local.depth = depth
        return None

    def _share(self, level: str, level_no: int, message: str, context: Context) -> float:
        """The share of such lines that sampling and rate limit let through, 0.0 if this is not one of them."""
        share = 1.0 if level_no >= WARNING else self._sampling.share(message, context)
        limit = self._rate_limit
        if (
            share
            and limit is not None
            and message != "logkit.suppressed"
            and not limit.admits(level, message)
        ):
            return 0.0
        return share

    def _hand_over(self, added: AddedSink, event: Event) -> None:
        try:
            added.sink(self._encoder.as_dict(event))
        except Exception as error:  # noqa: BLE001 - one sink's fault is not the others'
            raise_if_asynchronous(error)
            added.failures += 1
            now = time.monotonic()
            if now - added.reported_at >= _REPORT_EVERY:
                added.reported_at = now
                logger.bind(sink=added.name, error=type(error).__name__, failures=added.failures).error(
                    "logkit.sink_failed"
                )

    def stdout_losses(self) -> int | None:
        """How many lines stdout could not take; None where there is no stdout sink."""
        return None if self._stdout is None else self._stdout.lost

    def flush(self) -> None:
        """Say what is still to be said, and see the lines out."""
        if self._rate_limit is not None:
            self._rate_limit.flush()
        for output in self._outputs:
            for writer in output.writers:
                writer.flush(timeout=_CLOSE_WITHIN)

    def close(self) -> None:
        self.flush()
        for output in self._outputs:
            for writer in output.writers:
                writer.close()
        self.trail.close()
