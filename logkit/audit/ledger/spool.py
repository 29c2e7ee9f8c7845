"""Where records wait when the ledger cannot be written: files of bodies, drained exactly once.

A process appends to a file of its own under that file's `flock`; a drainer renames the file under the same lock, so a
writer notices. A journal, durable before the first record is drained, says from which sequence number on to look for
records that a drainer killed half-way had moved already.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from logkit.audit.files.descriptor import Descriptor
from logkit.audit.files.head import read_head
from logkit.audit.files.locks import alone
from logkit.audit.files.segments import fdatasync, list_segments, read_lines, split_line, sync_directory
from logkit.audit.ledger.writer import give_away, make_directory

_WAITING, _DRAINING, _JOURNAL, _LOCK = ".jsonl", ".draining", ".journal", ".drain.lock"
_TRIES = 100
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Spool:
    """The waiting room of one stream."""

    def __init__(self, directory: Path, *, file_mode: int, group: str | None) -> None:
        self.directory = directory
        self._mode = file_mode
        self._group = group
        self._lock = threading.Lock()
        self._file: Descriptor | None = None
        self._path: Path | None = None

    def put(self, body: bytes) -> None:
        """Keep `body` durably; raises `OSError`. Never waits: a busy file means another one. (L03)"""
        if not self._lock.acquire(blocking=False):
            self._put_into_new(body)
            return
        try:
            if not self._put_into_old(body):
                self._file = None
                self._file, self._path = self._put_into_new(body)
        finally:
            self._lock.release()

    def _put_into_old(self, body: bytes) -> bool:
        """Does the file that has the last one take this one, too? It may be at a limit, or on a bad block."""
        try:
            return (
                self._file is not None and self._path is not None and self._put(body, self._file, self._path)
            )
        except OSError:
            return False

    def _put_into_new(self, body: bytes) -> tuple[Descriptor, Path]:
        """Put `body` into a file of its own, which a drainer may claim before the first byte is in it."""
        for _ in range(_TRIES):
            file, path = self._create()
            try:
                if self._put(body, file, path):
                    return file, path
            except OSError:
                # Else a full disk gets an empty file for every record that it refuses.
                path.unlink(missing_ok=True)
                raise
        raise OSError(errno.EBUSY, "drainers took every new file of the spool before it could be written")

    def is_waiting(self) -> bool:
        """Does any record wait here?"""
        try:
            return any(path.suffix in (_WAITING, _DRAINING) for path in self.directory.iterdir())
        except OSError:
            return False

    def count(self) -> int:
        """How many records wait."""
        return sum(path.read_bytes().count(b"\n") for path in self._files(_DRAINING, _WAITING))

    def drain(self, ledger: Path, append: Callable[[bytes], Callable[[], None]]) -> int:
        """Move every waiting record into the ledger with `append`, which returns how to make it durable.

        How many were moved; 0 when another process is draining. Raises what `append` raises, nothing lost.
        """
        with alone(self.directory / _LOCK, mode=self._mode) as is_alone:
            if not is_alone:
                return 0
            self._claim()
            files = list(self._files(_DRAINING))
            if not files:
                (self.directory / _JOURNAL).unlink(missing_ok=True)
                return 0
            moved_before = self._moved_before(ledger)
            moved = 0
            for path in files:
                finish: Callable[[], None] | None = None
                for line in path.read_bytes().splitlines(keepends=True):
                    body = line[:-1]
                    if line.endswith(b"}\n") and sha256(body).digest() not in moved_before:
                        finish = append(body)
                        moved += 1
                if finish is not None:
                    finish()
                path.unlink()
            sync_directory(self.directory)
            (self.directory / _JOURNAL).unlink(missing_ok=True)
            return moved

    def forget(self) -> None:
        """After a fork: the parent's file and lock are not ours."""
        self._lock = threading.Lock()
        if self._file is not None:
            self._file.close()
        self._file = None

    def _put(self, body: bytes, file: Descriptor, path: Path) -> bool:
        fcntl.flock(file.fd, fcntl.LOCK_EX)
        try:
            if not path.exists():
                return False  # a drainer has it
            size = os.lseek(file.fd, 0, os.SEEK_END)
            line = body + b"\n"
            try:
                if os.write(file.fd, line) != len(line):
                    raise OSError(errno.ENOSPC, "the spool is full")
                fdatasync(file.fd)
            except OSError:
                os.ftruncate(file.fd, size)
                raise
            return True
        finally:
            fcntl.flock(file.fd, fcntl.LOCK_UN)

    def _create(self) -> tuple[Descriptor, Path]:
        make_directory(self.directory, self._mode, self._group)
        path = self.directory / f"{time.time_ns()}-{os.getpid()}-{os.urandom(4).hex()}{_WAITING}"
        file = Descriptor(os.open(path, _FLAGS, self._mode))
        give_away(file.fd, self._mode, self._group)
        sync_directory(self.directory)
        return file, path

    def _files(self, *suffixes: str) -> Iterator[Path]:
        try:
            paths = sorted(self.directory.iterdir())
        except FileNotFoundError:
            return
        for suffix in suffixes:
            yield from (path for path in paths if path.suffix == suffix)

    def _claim(self) -> None:
        """Take the waiting files away from their writers; one that is being written now waits for the next time."""
        for path in self._files(_WAITING):
            file = Descriptor(os.open(path, os.O_RDWR | os.O_CLOEXEC))
            try:
                fcntl.flock(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            path.rename(path.with_suffix(_DRAINING))

    def _moved_before(self, ledger: Path) -> set[bytes]:
        """Digests of what a drainer that did not finish had moved; also makes the journal."""
        journal = self.directory / _JOURNAL
        try:
            since = int(journal.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            head, _ = read_head(ledger)
            temporary = journal.with_suffix(".tmp")
            with temporary.open("w", encoding="ascii") as file:
                file.write(str(head.next_seq if head else 1))
                file.flush()
                fdatasync(file.fileno())
            temporary.rename(journal)
            sync_directory(self.directory)
            return set()
        return {sha256(body).digest() for body in _bodies_since(ledger, since)}


def _bodies_since(ledger: Path, since: int) -> Iterator[bytes]:
    segments = list_segments(ledger)
    begin = max((index for index, segment in enumerate(segments) if segment.first <= since), default=0)
    for segment in segments[begin:]:
        for line in read_lines(segment):
            try:
                seq, _, body = split_line(line)
            except ValueError:
                continue
            if seq >= since:
                yield body
