"""The write lock of a stream: `flock` on `.lock`, one holder among all processes of the machine.

Measured against helper threads, signals, OFD locks and semaphores: each was slower or could outlive its holder. A
kill -9 of the holder frees a flock within a millisecond; a stopped holder costs the others a deadline.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import get_ident

from logkit.audit.files.descriptor import Descriptor

LOCK_NAME = ".lock"
STALLED_AFTER = 0.25  # seconds without progress of the stream
GIVE_UP_AFTER = 2.0  # seconds in all
RECHECK_EVERY = 0.05  # seconds between looks at whether `.lock` is still the file at its path
_TRY, _RELEASE = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN
flock = fcntl.flock
_FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
_FIRST_SLEEP, _LONGEST_SLEEP = 50e-6, 1e-3


class BusyError(OSError):
    """Somebody else held the write lock for too long."""


class WriteLock:
    """The lock file of one stream, opened by this process. A descriptor inherited over a fork excludes nobody."""

    def __init__(self, directory: Path, mode: int) -> None:
        self.path = directory / LOCK_NAME
        self._file, self.is_new = _opened(self.path, mode)
        self._identity = _identity(os.fstat(self._file.fd))
        self._checked = 0.0
        self.fd = self._file.fd

    def acquire(self, progress: Callable[[], object]) -> None:
        """Wait for the lock while `progress()` keeps changing; raises `BusyError` when it does not, or after 2 s."""
        try:
            flock(self.fd, _TRY)
            return
        except BlockingIOError:
            pass
        began = moved = time.monotonic()
        seen, sleep = progress(), _FIRST_SLEEP
        while True:
            time.sleep(sleep * random.uniform(0.5, 1.5))
            sleep = min(sleep * 2, _LONGEST_SLEEP)
            try:
                flock(self.fd, _TRY)
                return
            except BlockingIOError:
                now = time.monotonic()
            if (current := progress()) != seen:
                seen, moved = current, now
            if now - moved > STALLED_AFTER or now - began > GIVE_UP_AFTER:
                raise BusyError(
                    f"the write lock {self.path.name} was held by another process for {now - began:.2f} s"
                )

    def release(self) -> None:
        """Give the lock back; without it, nothing happens."""
        if self.fd >= 0:
            flock(self.fd, _RELEASE)

    def is_current(self, now: float) -> bool:
        """Is our file still the one at its path? Looked at no more often than every 50 ms. (A09)"""
        if now - self._checked < RECHECK_EVERY:
            return True
        try:
            current = _identity(self.path.stat(follow_symlinks=False)) == self._identity
        except FileNotFoundError:
            return False
        if current:
            self._checked = now
        return current

    def let_others_notice(self) -> None:
        """Hold a lock file that replaces another until everybody has seen that theirs is gone. (A09)"""
        time.sleep(2 * RECHECK_EVERY)

    def close(self) -> None:
        """Close without unlocking: after a fork the lock may be our parent's."""
        self.fd = -1
        self._file.close()


def _opened(path: Path, mode: int) -> tuple[Descriptor, bool]:
    """The lock file, and whether we made it: then it was ours before anybody could see it.

    Else a second process could be in first, and its head would look like one that outlived its lock file. (A09)
    """
    while True:
        with suppress(FileNotFoundError):
            return Descriptor(os.open(path, _FLAGS)), False
        temporary = path.with_name(f"{path.name}-{os.getpid()}-{get_ident()}")
        temporary.unlink(missing_ok=True)
        file = Descriptor(os.open(temporary, _FLAGS | os.O_CREAT | os.O_EXCL, mode))
        try:
            flock(file.fd, _TRY)
            os.link(temporary, path)
            return file, True
        except FileExistsError:
            continue  # another process made it meanwhile
        finally:
            temporary.unlink()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
