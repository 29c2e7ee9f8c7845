"""Lock files: work that one process does for all, such as sealing, draining and expiring."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from logkit.audit.files.descriptor import Descriptor

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_LOOK_EVERY = 0.01  # seconds


@contextmanager
def alone(path: Path, *, mode: int = 0o600, patience: float = 0.0) -> Iterator[bool]:
    """Hold the lock file `path` for the block, and tell whether we do: False means that somebody else holds it.

    Waits for it for up to `patience` seconds. Raises `OSError` when the file cannot be opened.
    """
    lock = Descriptor(os.open(path, _FLAGS, mode))
    if not _taken(lock.fd, patience):
        yield False
        return
    try:
        yield True
    finally:
        fcntl.flock(lock.fd, fcntl.LOCK_UN)  # for the copies that a fork made, too


def _taken(descriptor: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(_LOOK_EVERY)
