"""One process's hand on a stream: open files, the write lock, one line at a time, rotation.

The order of operations is the design: lock, compare the head with the file, one `write`, one `pwrite` of the head,
unlock. Nothing slow happens under the lock but the fdatasync of a segment that is being closed.
"""

from __future__ import annotations

import errno
import grp
import os
import stat
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from logkit.audit.files.descriptor import Descriptor
from logkit.audit.files.head import (
    HEAD_NAME,
    HEAD_SIZE,
    Position,
    boot_id,
    decode_head,
    encode_head,
    read_mark,
)
from logkit.audit.files.segments import (
    fdatasync,
    leaf_hash,
    line_of,
    parse_segment,
    segment_name,
    sync_directory,
)
from logkit.audit.ledger.filesystem import refuse_network
from logkit.audit.ledger.recovery import recover
from logkit.audit.ledger.writelock import WriteLock
from logkit.audit.notices import Notice
from logkit.parsers import Rotation

RECHECK_EVERY = 0.05  # seconds between looks at whether the open files are still the ones at their paths
_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


class Writer:
    """The open files of one stream. Belongs to one process; a fork or a stuck thread gets a new one."""

    def __init__(self, directory: Path, *, rotation: Rotation, file_mode: int, group: str | None) -> None:
        self.directory = directory
        self.thread_lock = threading.Lock()
        self.owner: int | None = (
            None  # the thread inside, so that a signal handler's append does not wait for itself
        )
        self.notices: list[Notice] = []
        self._size_limit = rotation.size or (1 << 62)
        self._age_limit = rotation.seconds or (1 << 62)
        self._mode = file_mode
        self._group = group
        self._boot = boot_id()
        self._lock: WriteLock | None = None
        self._head: Descriptor | None = None
        self._segment: Descriptor | None = None
        self._raw = b""
        self._position: Position | None = None  # what was last known, also when the files are gone
        self._next, self._hash, self._size = 1, bytes(32), 0
        self._name, self._begun, self._checked = b"", 0.0, 0.0

    def append(self, body: bytes) -> tuple[int, Descriptor]:
        """Write `body` as the next line; its sequence number and the segment it is in. The caller holds `thread_lock`.

        Raises `OSError` (`BusyError` among them) when it cannot; then nothing of it is in the stream.
        """
        lock = self._acquired()
        try:
            segment = self._segment
            if segment is None or self._is_full(len(body) + 96):
                segment = self._begin_segment()
            seq, size = self._next, self._size
            line = line_of(seq, self._hash, body)
            self._write(segment.fd, line, size)
            self._next, self._hash, self._size = seq + 1, leaf_hash(line), size + len(line)
            try:
                self._write_head()
            except OSError:
                os.ftruncate(segment.fd, size)
                raise
            return seq, segment
        except BaseException:
            self.drop()  # after any error nothing that is open is believed
            raise
        finally:
            lock.release()

    def position(self) -> Position:
        """The end of the stream, recovered when it has to be; raises `OSError`."""
        lock = self._acquired()
        try:
            return Position(self._next, self._hash, self._name.decode(), self._size)
        finally:
            lock.release()

    def rotate(self, broken: Descriptor | None = None) -> None:
        """Begin a new segment. When `broken` is given (its fdatasync failed), only if it is still the open one."""
        lock = self._acquired()
        try:
            if broken is None or (self._segment is not None and self._segment.name == broken.name):
                self._begin_segment(sync_old=broken is None)
        except OSError:
            self.drop()
            raise
        finally:
            lock.release()

    @property
    def head_fd(self) -> int:
        return self._head.fd if self._head is not None else -1

    def drop(self) -> None:
        """Forget the open files, not the position. The next call opens and recovers."""
        if self._segment is not None or self._raw:
            self._position = Position(self._next, self._hash)
        self._lock = self._head = self._segment = None
        self._raw, self._checked = b"", 0.0

    def close(self) -> None:
        """Close the files now, without unlocking: after a fork they are our parent's too."""
        for file in (self._lock, self._head, self._segment):
            if file is not None:
                file.close()
        self.drop()

    def _acquired(self) -> WriteLock:
        """The held write lock, with head and segment checked against each other."""
        while True:
            lock = self._lock
            if lock is None:
                refuse_network(self.directory)
                make_directory(self.directory, self._mode, self._group)
                lock = self._lock = WriteLock(self.directory)
            try:
                lock.acquire(self._read_head)
                now = time.monotonic()
                if now - self._checked < RECHECK_EVERY:
                    is_open = True
                elif lock.is_current():
                    is_open = self._still_there()
                else:
                    self.drop()
                    lock.release()
                    continue
                self._checked = now
                self._enter(is_open=is_open)
                return lock
            except BaseException:
                lock.release()
                self.drop()
                raise

    def _enter(self, *, is_open: bool) -> None:
        """Go to the end of the stream, which may not be where this process left it."""
        head, segment = self._head, self._segment
        if head is None or not is_open:
            self._open()
            return
        raw = os.pread(head.fd, HEAD_SIZE, 0)
        if raw != self._raw:
            if not self._adopt(raw):
                self._recover()
                return
            segment = self._segment
        if segment is None or os.lseek(segment.fd, 0, os.SEEK_END) != self._size:
            self._recover()

    def _still_there(self) -> bool:
        """Are head and segment the files at their paths? Looked at every 50 ms, with the lock. (A09)"""
        return all(
            file is not None and _is_at(file.fd, self.directory / file.name)
            for file in (self._head, self._segment)
        )

    def _open(self) -> None:
        if self._raw:
            self._position = Position(self._next, self._hash)
        self._segment = None
        path = self.directory / HEAD_NAME
        self._head = Descriptor(os.open(path, _FLAGS | os.O_CREAT, self._mode), HEAD_NAME)
        self._own(self._head.fd)
        self._recover()

    def _adopt(self, raw: bytes) -> bool:
        """Take over what another process wrote; False when the files do not match it."""
        head = decode_head(raw)
        if head is None or head.next_seq < self._next:
            return False
        name = head.segment.encode()
        if self._segment is None or name != self._name:
            try:
                self._use_segment(head.segment)
            except FileNotFoundError:
                return False
        self._next, self._hash, self._size = head.next_seq, head.last_hash, head.size
        self._raw = raw
        return True

    def _recover(self) -> None:
        assert self._head is not None
        if self._raw:
            self._position = Position(self._next, self._hash)
        head = decode_head(self._read_head())
        found = recover(self.directory, head, read_mark(self._head.fd), self._position)
        self.notices += found.notices
        position = found.position
        self._next, self._hash, self._size = position.next_seq, position.last_hash, position.size
        if position.segment is None:
            self._segment = None
            self._begin_segment()
        else:
            self._use_segment(position.segment)
            self._write_head()

    def _use_segment(self, name: str) -> None:
        path = self.directory / name
        self._segment = Descriptor(os.open(path, _FLAGS | os.O_APPEND), name)
        self._name = name.encode()
        segment = parse_segment(path)
        self._begun = segment.started.timestamp() if segment else time.time()

    def _is_full(self, more: int) -> bool:
        if not self._size:
            return False
        return self._size + more > self._size_limit or time.time() - self._begun >= self._age_limit

    def _begin_segment(self, *, sync_old: bool = True) -> Descriptor:
        """Make a new segment: durable old one, temporary name, link without replacing, durable name, head."""
        if sync_old and self._segment is not None:
            fdatasync(self._segment.fd)
        started = datetime.now(UTC)
        temporary = self.directory / f".new-{os.getpid()}-{threading.get_ident()}"
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, _FLAGS | os.O_CREAT | os.O_EXCL | os.O_APPEND, self._mode)
        try:
            self._own(descriptor)
            while True:
                path = self.directory / segment_name(started, self._next)
                try:
                    os.link(temporary, path)
                    break
                except FileExistsError:
                    started += timedelta(seconds=1)
        except BaseException:
            os.close(descriptor)
            raise
        finally:
            temporary.unlink()
        sync_directory(self.directory)
        self._segment = Descriptor(descriptor, path.name)
        self._name, self._size, self._begun = path.name.encode(), 0, started.timestamp()
        self._write_head()
        if self._head is not None:
            fdatasync(
                self._head.fd
            )  # else a power cut could leave an empty head, which looks like a removed one
        return self._segment

    def _write(self, descriptor: int, line: bytes, size: int) -> None:
        written = os.write(descriptor, line)
        if written != len(line):
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written")

    def _write_head(self) -> None:
        assert self._head is not None
        raw = encode_head(self._next, self._name, self._size, self._hash, self._boot)
        if os.pwrite(self._head.fd, raw, 0) != HEAD_SIZE:
            raise OSError(errno.ENOSPC, "the head could not be written whole")
        self._raw = raw

    def _read_head(self) -> bytes:
        return os.pread(self._head.fd, HEAD_SIZE, 0) if self._head is not None else b""

    def _own(self, descriptor: int) -> None:
        give_away(descriptor, self._mode, self._group)


def give_away(descriptor: int, mode: int, group: str | None) -> None:
    """The mode whatever the umask says, and the group that may read."""
    status = os.fstat(descriptor)
    if stat.S_IMODE(status.st_mode) != mode and status.st_uid == os.geteuid():
        os.fchmod(descriptor, mode)
    if group is not None and status.st_gid != (wanted := _group_id(group)):
        os.fchown(descriptor, -1, wanted)


def make_directory(directory: Path, file_mode: int, group: str | None) -> None:
    """Make `directory` for files of `file_mode`: who may read them may enter."""
    if directory.is_dir():
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    try:
        directory.mkdir()
    except FileExistsError:
        return
    directory.chmod(file_mode | (file_mode & 0o444) >> 2)
    if group is not None:
        os.chown(directory, -1, _group_id(group))
    sync_directory(directory.parent)


def _group_id(group: str) -> int:
    try:
        return int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise OSError(
            errno.EINVAL, f"AUDIT_GROUP names {group!r}, which this machine does not know"
        ) from None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        here, there = os.fstat(descriptor), path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
