"""The ledger of one stream: many processes and threads append chained lines to one directory, without a daemon.

`append` writes a line (or spools it), `sync` makes it durable, `record` does both. Opening is lazy and safe over forks.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Literal

from logkit.audit.files.checkpoints import Checkpoint
from logkit.audit.files.descriptor import Descriptor
from logkit.audit.files.head import Position, read_mark
from logkit.audit.files.segments import check_body, fdatasync, open_segment, parse_segment, split_line
from logkit.audit.ledger.durability import Durability
from logkit.audit.ledger.spool import Spool
from logkit.audit.ledger.writelock import GIVE_UP_AFTER, BusyError
from logkit.audit.ledger.writer import Writer
from logkit.audit.notices import Alert, Emit, Notice, gap, ignore, utc_text
from logkit.audit.seal import Sealing, seal
from logkit.audit.seal.keys import SealError
from logkit.audit.seal.schedule import SealSchedule, notices_of, sealed_detail
from logkit.errors import AuditUnavailable
from logkit.parsers import Rotation

BYPASS_FOR = 1.0  # seconds in which a process goes straight to the spool after it waited in vain
DRAIN_EVERY = 1.0  # seconds between looks into the spool
_SEVERITY, _URGENT = b'"severity":"', (b'high"', b'critical"')  # sealed at once; a false hit only seals early
_SEVERITY_WITHIN = 400  # bytes: the envelope says it before anything of variable length


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a record: `written` as line `seq` of its stream, or `spooled`, to be numbered later."""

    stream: str
    seq: int | None
    state: Literal["written", "spooled"]
    segment: Descriptor | None = field(default=None, repr=False, compare=False)


class Ledger:
    """One stream. Nothing touches the disk before the first append.

    `stream` names the directory below `directory`, `key_directory` and `spool_directory`. `alert` speaks to the
    operational log, `emit` to the trail; both are called by `sync`, `record` and `tend` only, with no lock held.
    """

    def __init__(
        self,
        directory: Path,
        *,
        stream: str,
        rotation: Rotation,
        fsync: str,
        file_mode: int,
        group: str | None,
        key_directory: Path,
        spool_directory: Path,
        alert: Alert = ignore,
        emit: Emit | None = None,
    ) -> None:
        self.stream = stream
        self.directory = directory / stream
        self.key_path = key_directory / f"{stream}.key"
        self._durability = Durability(self.directory, fsync)
        self._alert = alert
        self._emit = emit
        self._new_writer: Callable[[], Writer] = lambda: Writer(
            self.directory, rotation=rotation, file_mode=file_mode, group=group
        )
        self._writer = self._new_writer()
        self._spool = Spool(spool_directory / stream, file_mode=file_mode, group=group)
        self._notices: list[Notice] = []
        self._unsaid: list[tuple[str, Mapping[str, object]]] = []  # what the trail could not take yet
        self._bypass_until = self._drained_at = 0.0
        self._is_spooling = False
        self._is_tending = False
        self._closed: list[Checkpoint] = []
        self._seals = SealSchedule(self.directory)
        self._file_mode, self._group = file_mode, group
        self._refused, self._refused_since = 0, ""
        os.register_at_fork(after_in_child=_forgetter(weakref.ref(self)))

    def record(self, body: bytes) -> Appended:
        """Append and make durable. Raises `AuditUnavailable` when neither ledger nor spool can take it."""
        try:
            appended = self.append(body)
        except AuditUnavailable:
            self.tend()
            raise
        self.sync(appended)
        return appended

    def append(self, body: bytes) -> Appended:
        """Write `body`, one JSON object in UTF-8 on one line, as the next line; not durable yet.

        Raises `ValueError` for a body that cannot be a line, `AuditUnavailable` when neither ledger nor spool can take
        it. Reports nothing itself: call `sync` or `tend` afterwards, outside of the caller's own locks.
        """
        check_body(body)
        if self._bypass_until and time.monotonic() < self._bypass_until:
            return self._spooled(body, "the write lock was busy a moment ago", last_resort=self._written)
        try:
            return self._written(body)
        except OSError as error:
            if isinstance(error, BusyError):
                self._bypass_until = time.monotonic() + BYPASS_FOR
            return self._spooled(body, str(error))

    def sync(self, appended: Appended) -> None:
        """Make `appended` durable as AUDIT_FSYNC says, then tend the stream.

        Raises `AuditUnavailable` when the disk does not take it and neither a new segment nor the spool does.
        A disk that hangs cannot be interrupted: then this hangs too.
        """
        try:
            if appended.segment is not None and appended.seq is not None:
                try:
                    self._durability.sync(appended.segment, appended.seq, self._writer.head_fd)
                except OSError as error:
                    self._after_failed_sync(appended.segment, appended.seq, error)
        finally:
            self.tend()

    def tend(self) -> None:
        """Drain the spool and seal when it is time, then deliver what there is to report. Never raises."""
        if self._is_tending:  # an emitted record of our own
            return
        self._is_tending = True
        try:
            self._drain_if_due()
            self._seal_if_due()
            self._report()
        finally:
            self._is_tending = False

    def drain(self) -> int:
        """Move what waits in the spool into the ledger; how many records. Raises `OSError`."""
        if not self._spool.is_waiting():
            return 0
        moved = self._spool.drain(self.directory, self._drained)
        if moved:
            self._is_spooling = False
            self._notices.append(Notice("audit.drained", {"stream": self.stream, "records": moved}))
        return moved

    def seal(self) -> Sealing:
        """Seal everything up to now; what was done. Raises `SealError`, `OSError`, `AuditUnavailable`."""
        sealing = seal(self.directory, self.key_path, self._position, file_mode=self._file_mode)
        self._notices += notices_of(self.stream, sealing)
        self._closed += sealing.closed
        self._seals.done(sealing)
        return sealing

    def rotate(self) -> None:
        """Begin a new segment now, so that the open one can be sealed, kept and expired as a whole."""
        self._rotate()

    def close(self) -> None:
        """Close the files; the next append opens them again."""
        writer = self._writer
        with writer.thread_lock:
            writer.drop()

    def forget(self) -> None:
        """Let go of what belongs to the parent process. Called in the child of every fork."""
        self._writer.close()
        self._writer = self._new_writer()
        self._spool.forget()
        self._is_tending = False

    def _written(self, body: bytes) -> Appended:
        writer = self._entered()
        try:
            seq, segment = writer.append(body)
        finally:
            writer.owner = None
            writer.thread_lock.release()
        at = body.find(_SEVERITY, 0, _SEVERITY_WITHIN)
        self._seals.note(seq, segment.name, at > 0 and body.startswith(_URGENT, at + len(_SEVERITY)))
        return Appended(self.stream, seq, "written", segment)

    def _position(self) -> Position:
        writer = self._entered()
        try:
            return writer.position()
        finally:
            writer.owner = None
            writer.thread_lock.release()

    def _rotate(self, broken: Descriptor | None = None) -> None:
        writer = self._entered()
        try:
            writer.rotate(broken)
        finally:
            writer.owner = None
            writer.thread_lock.release()

    def _entered(self) -> Writer:
        """This process's writer, with its thread lock held by this thread. Raises `BusyError`."""
        writer, thread = self._writer, get_ident()
        if writer.owner == thread:
            raise BusyError("this thread was interrupted in the middle of another append")
        if not writer.thread_lock.acquire(blocking=False) and not writer.thread_lock.acquire(
            timeout=GIVE_UP_AFTER
        ):
            # Its holder hangs on the disk or was stopped: its flock excludes us as well, so a new writer is safe.
            self._writer = self._new_writer()
            raise BusyError(f"another thread of this process was busy for {GIVE_UP_AFTER} s")
        writer.owner = thread
        return writer

    def _spooled(
        self, body: bytes, reason: str, last_resort: Callable[[bytes], Appended] | None = None
    ) -> Appended:
        try:
            self._spool.put(body)
        except OSError as error:
            if last_resort is not None:
                try:
                    return last_resort(body)
                except OSError as again:
                    reason = str(again)
            self._refused += 1
            self._refused_since = self._refused_since or utc_text(datetime.now(UTC))
            detail = {"stream": self.stream, "ledger": reason, "spool": str(error), "refused": self._refused}
            self._notices.append(Notice("audit.unavailable", detail))
            raise AuditUnavailable(
                f"the audit stream {self.stream!r} can be written neither to its ledger ({reason})"
                f" nor to its spool ({error})"
            ) from error
        if not self._is_spooling:
            self._is_spooling = True
            self._notices.append(Notice("audit.spooled", {"stream": self.stream, "reason": reason}))
        self._drained_at = time.monotonic()
        return Appended(self.stream, None, "spooled")

    def _after_failed_sync(self, segment: Descriptor, seq: int, error: OSError) -> None:
        """The segment is finished: what may not be on the disk is appended again to a new one."""
        detail = {"stream": self.stream, "segment": segment.name, "seq": seq, "error": str(error)}
        report = gap(lost=0, since=None, cause="sync_failed", stream=self.stream)
        self._notices.append(Notice("audit.sync_failed", detail, gap=report))
        try:
            mark = read_mark(self._writer.head_fd)
            self._rotate(segment)
            last: Appended | None = None
            for body in _bodies_from(self.directory / segment.name, min(mark, seq)):
                last = self._written(body)
            if last is not None and last.segment is not None:
                fdatasync(last.segment.fd)
        except (OSError, ValueError) as again:
            raise AuditUnavailable(
                f"line {seq} of the audit stream {self.stream!r} could not be made durable: {error}; then {again}"
            ) from again

    def _drained(self, body: bytes) -> Callable[[], None]:
        appended = self._written(body)
        return lambda: fdatasync(appended.segment.fd) if appended.segment is not None else None

    def _drain_if_due(self) -> None:
        now = time.monotonic()
        if now - self._drained_at < DRAIN_EVERY or now < self._bypass_until:
            return
        self._drained_at = now
        try:
            self.drain()
        except (OSError, AuditUnavailable):
            return  # it waits where it is

    def _seal_if_due(self) -> None:
        try:
            if not self._seals.is_due():
                return
            self.seal()
        except SealError as alarm:
            self._seals.failed()
            self._notices.append(Notice("audit.seal_alarm", {"stream": self.stream, "alarm": str(alarm)}))
        except (OSError, ValueError, AuditUnavailable) as error:
            self._seals.failed()
            self._notices.append(Notice("audit.seal_failed", {"stream": self.stream, "error": str(error)}))

    def _report(self) -> None:
        """Hand over the notices; a receiver that fails stops nothing."""
        writer = self._writer
        if not (self._notices or writer.notices or self._closed or self._unsaid or self._refused):
            return
        notices, self._notices = self._notices, []
        found, writer.notices = writer.notices, []
        is_refusing = any(notice.name == "audit.unavailable" for notice in notices)
        if self._refused and not is_refusing:
            refused, since = self._refused, self._refused_since
            self._refused, self._refused_since = 0, ""
            detail = gap(lost=refused, since=since, cause="unavailable", stream=self.stream)
            notices.append(Notice("audit.gap", detail, gap=detail))
        for notice in (*found, *notices):
            with suppress(Exception):
                self._alert(notice.name, notice.detail)
            if notice.gap is not None:
                self._unsaid.append(("audit.gap", notice.gap))
        self._unsaid += [("audit.segment.sealed", sealed_detail(checkpoint)) for checkpoint in self._closed]
        self._closed = []
        while self._unsaid and self._emit is not None and not is_refusing:
            try:
                self._emit(*self._unsaid[0])
            except Exception:  # noqa: BLE001
                return  # the trail hears of it later
            del self._unsaid[0]


def _bodies_from(path: Path, since: int) -> list[bytes]:
    segment = parse_segment(path)
    if segment is None:
        return []
    with open_segment(segment) as file:
        found = [split_line(line) for line in file if line.endswith(b"\n")]
    return [body for seq, _, body in found if seq >= since]


def _forgetter(reference: weakref.ref[Ledger]) -> Callable[[], None]:
    def forget() -> None:
        if (ledger := reference()) is not None:
            ledger.forget()

    return forget
