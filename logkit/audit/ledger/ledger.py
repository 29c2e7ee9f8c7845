"""The ledger of one stream: many processes and threads append chained lines to one directory, without a daemon.

`append` writes a line (or spools it), `sync` makes it durable, `record` does both. Opening is lazy and safe over forks.
"""

from __future__ import annotations

import os
import re
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, get_ident
from typing import Literal

from logkit.audit.files.descriptor import Descriptor
from logkit.audit.files.head import Position, read_mark
from logkit.audit.files.segments import check_body, fdatasync, open_segment, parse_segment, split_line
from logkit.audit.ledger.durability import Durability
from logkit.audit.ledger.reports import Reports
from logkit.audit.ledger.spool import Spool
from logkit.audit.ledger.writelock import GIVE_UP_AFTER, BusyError
from logkit.audit.ledger.writer import Writer
from logkit.audit.notices import Alert, Aside, Emit, Notice, at_once, gap, ignore
from logkit.audit.seal import Sealing, seal
from logkit.audit.seal.keys import SealError
from logkit.audit.seal.schedule import SealSchedule, notices_of
from logkit.errors import AuditUnavailable
from logkit.parsers import Rotation

BYPASS_FOR = 1.0  # seconds in which a process goes straight to the spool after it waited in vain
LOOK_EVERY = 1.0  # seconds between looks at what is not pressing: the spool, the age of the last seal
_urgent = re.compile(
    rb'"severity":"(?:high|critical)"'
).search  # sealed at once; a false hit only seals early
_SEVERITY_WITHIN = 400  # bytes: the envelope says it before anything of variable length


@dataclass(slots=True)  # not frozen: that would be a twentieth of an append
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
    `aside` runs upkeep that takes its time (sealing, draining): in the caller, or somewhere else.
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
        aside: Aside = at_once,
    ) -> None:
        self.stream = stream
        self.directory = directory / stream
        self.key_path = key_directory / f"{stream}.key"
        self._durability = Durability(self.directory, fsync)
        self._reports = Reports(stream, alert, emit)
        self._new_writer: Callable[[], Writer] = lambda: Writer(
            self.directory, rotation=rotation, file_mode=file_mode, group=group
        )
        self._writer = self._new_writer()
        self._spool = Spool(spool_directory / stream, file_mode=file_mode, group=group)
        self._bypass_until = self._look_at = 0.0
        self._is_spooling = False
        self._tending = Lock()  # whoever has it tends for all, emitted records of our own among them
        self._aside = aside
        self._seals = SealSchedule(self.directory)
        self._file_mode, self._group = file_mode, group
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
        now = time.monotonic()
        if now >= self._look_at or self._seals.is_pressing:
            self._look_at = now + LOOK_EVERY
            if (self._is_drain_due(now) or self._is_seal_due()) and self._tending.acquire(blocking=False):
                self._aside(self._upkeep)
                return
        has_news = self._reports.is_waiting or self._writer.notices
        if has_news and self._tending.acquire(blocking=False):
            try:
                self._report()
            finally:
                self._tending.release()

    def drain(self) -> int:
        """Move what waits in the spool into the ledger; how many records. Raises `OSError`."""
        if not self._spool.is_waiting():
            return 0
        moved = self._spool.drain(self.directory, self._drained)
        if moved:
            self._is_spooling = False
            self._reports.add(Notice("audit.drained", {"stream": self.stream, "records": moved}))
        return moved

    def seal(self) -> Sealing:
        """Seal everything up to now; what was done. Raises `SealError`, `OSError`, `AuditUnavailable`."""
        sealing = seal(self.directory, self.key_path, self._position, file_mode=self._file_mode)
        self._reports.add(*notices_of(self.stream, sealing))
        self._reports.closed(sealing.closed)
        self._seals.done(sealing)
        return sealing

    def segment(self) -> str:
        """The name of the open segment, which is made when there is none. Raises `OSError`."""
        return self._position().segment or ""

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
        self._tending = Lock()

    def _written(self, body: bytes) -> Appended:
        writer = self._entered()
        try:
            seq, segment = writer.append(body)
        finally:
            writer.owner = None
            writer.thread_lock.release()
        self._seals.note(seq, segment.name, _urgent(body, 0, _SEVERITY_WITHIN) is not None)
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
            self._reports.refused(reason, str(error))
            raise AuditUnavailable(
                f"the audit stream {self.stream!r} can be written neither to its ledger ({reason})"
                f" nor to its spool ({error})"
            ) from error
        if not self._is_spooling:
            self._is_spooling = True
            self._reports.add(Notice("audit.spooled", {"stream": self.stream, "reason": reason}))
        self._look_at = time.monotonic() + LOOK_EVERY
        return Appended(self.stream, None, "spooled")

    def _after_failed_sync(self, segment: Descriptor, seq: int, error: OSError) -> None:
        """The segment is finished: what may not be on the disk is appended again to a new one."""
        detail = {"stream": self.stream, "segment": segment.name, "seq": seq, "error": str(error)}
        report = gap(lost=0, since=None, cause="sync_failed", stream=self.stream)
        self._reports.add(Notice("audit.sync_failed", detail, gap=report))
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

    def _is_drain_due(self, now: float) -> bool:
        return now >= self._bypass_until and self._spool.is_waiting()

    def _upkeep(self) -> None:
        """What is due, by whoever `aside` has do it. The lock is held."""
        try:
            if self._is_drain_due(time.monotonic()):
                with suppress(OSError, AuditUnavailable):  # else it waits where it is
                    self.drain()
            if self._is_seal_due():
                try:
                    self.seal()
                except (SealError, OSError, ValueError, AuditUnavailable) as error:
                    self._seal_failed(error)
            self._report()
        finally:
            self._tending.release()
        if self._seals.is_pressing and self._is_seal_due():  # by what was written meanwhile
            self.tend()

    def _is_seal_due(self) -> bool:
        try:
            return self._seals.is_due()
        except (OSError, ValueError) as error:
            self._seal_failed(error)
            return False

    def _seal_failed(self, error: Exception) -> None:
        """What keeps the stream from being sealed is reported; it stops nothing."""
        self._seals.failed()
        what = {"alarm": str(error)} if isinstance(error, SealError) else {"error": str(error)}
        name = "audit.seal_alarm" if isinstance(error, SealError) else "audit.seal_failed"
        self._reports.add(Notice(name, {"stream": self.stream, **what}))

    def _report(self) -> None:
        writer = self._writer
        found, writer.notices = writer.notices, []
        self._reports.deliver(found)


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
