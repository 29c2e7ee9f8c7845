"""Who has the trail open: the first process that opens it says so in the trail, and the last one that leaves it.

Every process holds a shared `flock` on the trail's directory, from its first event on. The kernel drops it with the
process, however that ends; so a `kill -9` leaves no lock, but a file that says "open", and the next start tells of it.
Arriving and leaving are done by one process at a time, under a lock file, because turning a shared lock into an
exclusive one is not atomic (flock(2)).
"""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from logkit.audit.files.descriptor import Descriptor
from logkit.audit.notices import utc_text
from logkit.audit.trail.upkeep import if_alive

NAME = ".open"
_NOBODY_ELSE = fcntl.LOCK_EX | fcntl.LOCK_NB
_AMONG_OTHERS = fcntl.LOCK_SH | fcntl.LOCK_NB


class Presence:
    """This process, among those that have the trail in `directory` open. Trails of one process share it."""

    def __init__(self, directory: Path, *, file_mode: int) -> None:
        self.directory = directory
        self._mode = file_mode
        self._lock: Descriptor | None = None
        self._for_child: Descriptor | None = None
        os.register_at_fork(
            before=if_alive(weakref.WeakMethod(self._before_fork)),
            after_in_parent=if_alive(weakref.WeakMethod(self._in_parent)),
            after_in_child=if_alive(weakref.WeakMethod(self._in_child)),
        )

    @property
    def is_held(self) -> bool:
        return self._lock is not None

    @contextmanager
    def arriving(self, *, is_new: bool) -> Iterator[str | None]:
        """Hold the trail open. Gives how it ended before when nobody else has it open: `none`, `stopped`, `unknown`.

        None when this process or another has it open. What the block raises undoes it. Raises `OSError`.
        """
        if self._lock is not None:
            yield None
            return
        lock = self._opened()
        if not _locked(lock, _NOBODY_ELSE):
            self._lock = lock if _locked(lock, _AMONG_OTHERS) else None
            yield None
            return
        marker = self.directory / NAME
        was_open = marker.exists()
        self._mark(marker)
        try:
            yield "unknown" if was_open else "none" if is_new else "stopped"
        except BaseException:
            if not was_open:
                marker.unlink(missing_ok=True)
            raise
        fcntl.flock(lock.fd, fcntl.LOCK_SH)
        self._lock = lock

    @contextmanager
    def leaving(self) -> Iterator[bool]:
        """Let go of the trail. Is this the last process that had it open? Then the block says so, which is history."""
        lock, self._lock = self._lock, None
        if lock is None or not self._is_at_its_place(lock) or not _locked(lock, _NOBODY_ELSE):
            yield False
            return
        yield True
        (self.directory / NAME).unlink(missing_ok=True)

    def _before_fork(self) -> None:
        """Hold the trail once more, for the child: a lock that it shared with its parent would be one for both."""
        if self._lock is not None:
            with suppress(OSError):
                self._for_child = self._opened()
                fcntl.flock(self._for_child.fd, _AMONG_OTHERS)

    def _in_parent(self) -> None:
        self._for_child = None

    def _in_child(self) -> None:
        inherited, self._lock, self._for_child = self._lock, self._for_child, None
        if inherited is not None:
            inherited.close()

    def _opened(self) -> Descriptor:
        return Descriptor(os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def _mark(self, marker: Path) -> None:
        marker.unlink(missing_ok=True)  # it may be another user's
        descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(f"open since {utc_text(datetime.now(UTC))}\n".encode())

    def _is_at_its_place(self, lock: Descriptor) -> bool:
        """Was the directory replaced meanwhile? Then others may have the new one open. (A09)"""
        try:
            return os.path.samestat(os.fstat(lock.fd), self.directory.stat())
        except OSError:
            return False


def _locked(lock: Descriptor, how: int) -> bool:
    try:
        fcntl.flock(lock.fd, how)
        return True
    except BlockingIOError:
        return False
