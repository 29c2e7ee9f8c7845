"""JSON lines to a file that many processes share: rotation by size or time, retention, gzip.

Every line is one `O_APPEND` write; a lock is taken only to rotate. Before each write the path is looked at: a file that
was renamed from outside is left, because whoever follows it has left it, too. After it, one that was deleted meanwhile
gets the line again. (external logrotate, deleted directory)
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import get_ident

from logkit.parsers import Rotation
from logkit.writers import archive
from logkit.writers.forks import remake_after_fork
from logkit.writers.losses import Losses, Report, is_fault

_RETRY = 1.0  # seconds until a rotation that failed is tried again
_TIDY = 3600.0  # seconds between two looks at what is old
_LEAVE = 5.0  # seconds that `close` waits for a compression


class RotatingFileWriter:
    """Appends lines to `path` and rotates it as `rotation` says.

    A period starts at a multiple of itself since 1970 in UTC: with `1 day`, files change at midnight UTC. Rotated files
    are compressed in a thread and deleted `retention` after their rotation. `report` makes the line that says what was
    lost; it follows the first line that gets through again. Raises `OSError` when the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        *,
        rotation: Rotation,
        retention: timedelta,
        mode: int = 0o640,
        report: Report | None = None,
    ) -> None:
        self._path = Path(path).absolute()
        self._name = str(self._path)
        self._lock_path = self._path.with_name(f".{self._path.name}.lock")
        self._rotation = rotation
        self._retention = retention
        self._mode = mode
        self._make_report = report
        self._closed = False
        self._fd = self._turn_fd = -1
        self._start()
        self._open()
        self._tidy()
        remake_after_fork(self)

    def _start(self) -> None:
        """What this process needs and shares with no other. (decision 10)"""
        self._lock = threading.RLock()
        self._owner = 0  # the thread that is in the middle of a line
        self._nested: deque[tuple[bytes, int]] = deque()  # from signal handlers that came in between (L03)
        self._interrupted: deque[int] = deque()  # levels of lines cut off by an exception outside of the lock
        self._losses = Losses(self._make_report)
        for fd in (self._fd, self._turn_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._turn_fd = -1
        self._identity = (0, 0)
        self._size = 0
        self._expires = 0.0
        self._retry_at = 0.0
        self._next_tidy = 0.0
        self._torn: mmap.mmap | bytearray = bytearray(1)
        self._tidier: threading.Thread | None = None

    @property
    def lost(self) -> int:
        """How many lines this process could not write."""
        return self._losses.total + len(self._interrupted)

    def write(self, line: bytes, level: int) -> None:
        """Append one line, given with its newline. Raises nothing of its own; a signal handler's exception passes."""
        if self._owner == get_ident():
            self._nested.append((line, level))
            return
        settled: list[bool] = []  # has an entry once the line is in the file or counted
        try:
            with self._lock:
                self._owner = get_ident()
                try:
                    self._put_line(line, level, settled)
                finally:
                    self._owner = 0
        except BaseException:
            if not settled:
                self._interrupted.append(level)
            raise
        while self._nested:
            self.write(*self._nested.popleft())

    def count_lost(self, level: int, count: int = 1) -> None:
        """Count lines that were lost on the way here, to be reported with our own. Never waits."""
        self._interrupted.extend([level] * count)

    def flush(self, timeout: float | None = None) -> bool:
        """Whether everything is out, the report of what was lost included; waits at most `timeout` seconds."""
        if not self._lock.acquire(timeout=_LEAVE if timeout is None else timeout):
            return False
        try:
            if not self._owner and (not self._torn[0] or self._append(b"")):  # first end a torn line
                self._put_report()
            return not self._losses.unreported
        finally:
            self._lock.release()

    def close(self) -> None:
        """Report what is unreported, wait a little for a compression and let go. Later lines count as lost."""
        if self._closed:
            return
        if not self.flush(_LEAVE) and self.lost:
            self._losses.tell_stderr(f"{self.lost} lines could not be written to {self._path}")
        with self._lock:
            self._closed = True
            self._let_go()
        if self._tidier is not None:
            self._tidier.join(_LEAVE)

    def _put_line(self, line: bytes, level: int, settled: list[bool]) -> None:
        done = False
        try:
            done = self._append(line)
        finally:
            if not done:
                self._losses.add(level)
            settled.append(True)
        if done and (self._losses.unreported or self._interrupted):
            self._put_report()

    def _put_report(self) -> None:
        self._losses.take(self._interrupted)
        line = self._losses.line()
        if line is not None and self._append(line):
            self._losses.reported()

    def _append(self, line: bytes) -> bool:
        """Whether all of `line` is in a file that has a name."""
        if self._closed:
            return False
        try:
            while True:
                if self._fd < 0:
                    self._open()
                elif not self._is_in_place():  # renamed or deleted
                    self._let_go()
                    self._tidy()
                    continue
                if self._is_full(len(line)):
                    self._rotate(more=len(line))
                if not self._write(line):
                    return False
                if os.fstat(self._fd).st_nlink:
                    return True
                self._let_go()  # deleted, and the line with it
        except OSError as error:
            if not is_fault(error):
                raise
            self._losses.tell_stderr(f"{self._path} cannot be written ({error.strerror}): lines are lost")
            return False

    def _write(self, line: bytes) -> bool:
        """One write; after a short one (the disk is full) the next line of any process starts with a newline."""
        torn = self._torn[0]
        data = b"\n" + line if torn else line
        sent: list[int] = []
        try:
            sent.extend(
                map(os.write, (self._fd,), (data,))
            )  # counted in C, where no handler comes in between
            while sum(sent) < len(data):
                sent.extend(map(os.write, (self._fd,), (memoryview(data)[sum(sent) :],)))
        finally:
            gone = sum(sent)
            if gone == len(data) or (torn and gone == 1):
                self._torn[0] = 0
            elif gone:
                self._torn[0] = 1
        return gone == len(data) or 0 < gone == len(data) - 1  # the newline comes with the next line

    def _is_in_place(self) -> bool:
        try:
            status = os.stat(self._name)  # noqa: PTH116  for every line, at half the cost of Path.stat
        except FileNotFoundError:
            return False
        self._size = status.st_size
        return (status.st_dev, status.st_ino) == self._identity

    def _is_full(self, more: int) -> bool:
        if not self._size:
            return False
        if self._rotation.size is not None and self._size + more > self._rotation.size:
            return time.monotonic() >= self._retry_at
        now = time.time()
        if now >= self._next_tidy:
            self._tidy()
        return now >= self._expires and time.monotonic() >= self._retry_at

    def _open(self) -> None:
        """The file at the path, made when needed, with a shared lock that keeps compression away."""
        while True:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, self._mode)
            except FileNotFoundError:
                continue  # the directory is gone again
            self._fd = fd
            status = os.fstat(fd)
            self._identity = (status.st_dev, status.st_ino)
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if self._is_in_place():
                    break
            except BlockingIOError:
                pass  # rotated, and already being compressed
            except OSError:
                self._let_go()
                raise
            self._let_go()
        if not status.st_size and status.st_uid == os.geteuid():
            os.fchmod(fd, self._mode)  # whatever the umask says
        self._torn = self._shared_byte()
        if self._rotation.seconds is None:
            self._expires = float("inf")
        else:
            since = status.st_mtime if status.st_size else time.time()
            self._expires = (since // self._rotation.seconds + 1) * self._rotation.seconds

    def _let_go(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _rotate(self, more: int) -> None:
        """Rename the file, unless another process has; then open the new one. A kill leaves the one or the other."""
        try:
            with self._turn():
                if self._is_in_place() and self._is_full(more):
                    if self._torn[0]:
                        os.write(self._fd, b"\n")
                        self._torn[0] = 0
                    self._path.rename(archive.next_name(self._path))
        except OSError as error:  # better a file too long than a line lost
            if not is_fault(error):
                raise
            self._retry_at = time.monotonic() + _RETRY
            self._losses.tell_stderr(f"{self._path} cannot be rotated ({error.strerror}): it grows")
            return
        self._let_go()
        self._open()
        self._tidy()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """The lock around a rotation, on a file of its own because the rotated one goes away."""
        fd = self._turn_fd = self._open_lock()
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            self._turn_fd = -1
            os.close(fd)

    def _open_lock(self) -> int:
        return os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, self._mode)

    def _shared_byte(self) -> mmap.mmap | bytearray:
        """A byte that all processes see, in the lock file: whether the last line was cut short."""
        try:
            fd = self._open_lock()
            try:
                os.posix_fallocate(fd, 0, 1)  # so that a full disk is an error here and not a SIGBUS later
                return mmap.mmap(fd, 1)
            finally:
                os.close(fd)
        except (OSError, AttributeError):
            return bytearray(1)

    def _tidy(self) -> None:
        """Compress and delete in a thread, when there is something to do and none is at it."""
        self._next_tidy = time.time() + _TIDY
        if self._tidier is not None and self._tidier.is_alive():
            self._next_tidy = 0.0
            return
        with contextlib.suppress(OSError, RuntimeError):  # the next look will do
            if archive.needs_tidying(self._path, self._retention):
                thread = threading.Thread(
                    target=_tidy, args=(self._path, self._retention), name="logkit-archive", daemon=True
                )
                thread.start()
                self._tidier = thread

    def after_fork(self) -> None:
        """In a forked child: descriptors, locks and counts are the parent's."""
        self._start()


def _tidy(path: Path, retention: timedelta) -> None:
    with contextlib.suppress(OSError):  # left for the next time
        archive.tidy(path, retention)
