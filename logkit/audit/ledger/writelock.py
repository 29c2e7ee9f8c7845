"""The write lock of a stream: `flock` on its directory, one holder among all processes of the machine.

Measured against helper threads, signals, OFD locks and semaphores: each was slower or could outlive its holder. A
kill -9 of the holder frees a flock within a millisecond; a stopped holder costs the others a deadline.

The directory, not a file in it: a lock file that is deleted under its holder lets a second one in, and no check can
tell the first before it writes. The directory goes only with everything that it protects. (A09)
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from logkit.audit.files.descriptor import Descriptor

STALLED_AFTER = 0.25  # seconds without progress of the stream
GIVE_UP_AFTER = 2.0  # seconds in all
_TRY, _RELEASE = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN
flock = fcntl.flock
_FIRST_SLEEP, _LONGEST_SLEEP = 50e-6, 1e-3


class BusyError(OSError):
    """Somebody else held the write lock for too long."""


class WriteLock:
    """The directory of one stream, opened by this process. A descriptor inherited over a fork excludes nobody."""

    def __init__(self, directory: Path) -> None:
        self._path = directory
        self._directory = Descriptor(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        self._identity = _identity(os.fstat(self._directory.fd))
        self.fd = self._directory.fd

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
                waited = f"{now - began:.2f} s"
                raise BusyError(
                    f"the write lock of {self._path.name} was held by another process for {waited}"
                )

    def release(self) -> None:
        """Give the lock back; without it, nothing happens."""
        if self.fd >= 0:
            flock(self.fd, _RELEASE)

    def is_current(self) -> bool:
        """Is our directory still the one at its path? (A09)"""
        try:
            return _identity(self._path.stat()) == self._identity
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Close without unlocking: after a fork the lock may be our parent's."""
        self.fd = -1
        self._directory.close()


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
