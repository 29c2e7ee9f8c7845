"""Turns at a pipe: lines longer than PIPE_BUF, from many processes, without a torn one. (L11)

The kernel keeps writes of up to PIPE_BUF whole; a longer write is interleaved with any other as soon as the pipe is
full. So a long line needs everybody else to hold back, short lines too, and short lines must not pay for it: a pair
of lock calls costs as much as the write itself. Hence a reader-biased lock in memory that the processes share:

- Each thread has a *slot*, one byte. To write a short line it sets its slot, looks at the *gate*, writes when the gate
  is open and clears its slot. No system call, no lock.
- To write a long line, a thread takes the *turn* (a file lock), closes the gate, waits until the store has reached
  every core and every slot is clear, and then has the pipe to itself. While the gate is closed everybody takes the
  turn for every line; one second after the last long line the gate opens again.

The memory is a file in /dev/shm named after the pipe, so that processes that were not forked from one another (server
workers that load the application after the fork, spawned workers) meet there as well. All locks are open file
description locks: the kernel drops them when a process dies, and a forked child makes its own. A block of slots whose
lock nobody holds belonged to a process that was killed. The last one out removes the file.
After: D. Dice and A. Kogan, "BRAVO: Biased Locking for Reader-Writer Locks", 2019.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path

GATE, TORN = 0, 1  # bytes of the shared memory that writers look at
OPEN, CLOSING, CLOSED = 0, 1, 2

_LAST, _FIRST, _BLOCK, _SIZE = 8, 64, 16, 16_384
_ALIVE, _TURN, _OWNED = 0, 1, 2  # lock offsets; _OWNED + n is the n-th block of slots
_SETTLE = (
    0.002  # a store leaves the store buffer within microseconds, or at the latest with the next system call
)
_BIAS = 1.0  # how long the gate stays closed after a long line
_STUCK = 5.0  # how long a thread may sit on its slot while the pipe has room


def _lock(fd: int, kind: int, offset: int, *, wait: bool = False) -> None:
    """An open file description lock on one byte; `OSError` when it is taken and `wait` is false."""
    command = fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK
    fcntl.fcntl(fd, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, offset, 1, 0))


_TAKE_TURN = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, _TURN, 1, 0)
_END_TURN = struct.pack("hhqqi4x", fcntl.F_UNLCK, os.SEEK_SET, _TURN, 1, 0)


class _Slot:
    """A thread's slot, given back when the thread ends."""

    __slots__ = ("_free", "index")

    def __init__(self, index: int, free: deque[int]) -> None:
        self.index = index
        self._free = free

    def __del__(self) -> None:
        self._free.append(self.index)


class PipeLock:
    """The shared memory of one pipe or socket, seen from one process.

    `OSError` when there is no place for it. `memory` is what the writers look at. Not thread-safe: the writer calls
    everything but `slot` under its own lock.
    """

    def __init__(self, fd: int, *, directory: Path | None = None) -> None:
        if not hasattr(fcntl, "F_OFD_SETLK"):
            raise OSError("this system has no open file description locks")
        pipe = os.fstat(fd)
        prefix = f"logkit-{os.geteuid()}-"
        self._directory = directory or _shared_directory()
        self._path = self._directory / f"{prefix}{pipe.st_dev:x}-{pipe.st_ino:x}"
        _sweep(self._directory, prefix)
        self._fd = _open(self._path)
        self._release = weakref.finalize(self, os.close, self._fd)
        self._release.atexit = False
        self._map = mmap.mmap(self._fd, _SIZE)
        self.memory = memoryview(self._map)
        self._last_long = self.memory[_LAST : _LAST + 8].cast("d")
        self._blocks: list[int] = []
        self._free: deque[int] = deque()
        self.slots = threading.local()

    def claim(self) -> int | None:
        """A slot for this thread; None when all are taken (the thread then takes turns)."""
        if not self._free:
            self._claim_block()
        if not self._free:
            return None
        holder = _Slot(self._free.popleft(), self._free)
        self.slots.holder = holder
        self.slots.index = holder.index
        return holder.index

    def take_turn(self) -> None:
        """Wait for the turn. The same thread must not take it twice."""
        fcntl.fcntl(self._fd, fcntl.F_OFD_SETLKW, _TAKE_TURN)

    def end_turn(self) -> None:
        memory = self.memory
        if memory[GATE] and not memory[TORN] and not 0 <= time.monotonic() - self._last_long[0] < _BIAS:
            memory[GATE] = OPEN
        fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _END_TURN)

    def close_gate(self, has_room: Callable[[], bool]) -> bool:
        """With the turn taken: whether the pipe is now ours alone.

        False when a thread sits on its slot although the pipe has room, as a signal handler that waits would make it.
        """
        memory = self.memory
        self._last_long[0] = time.monotonic()
        if memory[GATE] == CLOSED:
            return True
        memory[GATE] = CLOSING
        time.sleep(_SETTLE)
        own = getattr(
            self.slots, "index", -1
        )  # a short line of this thread that a signal interrupted: not begun, or done
        stuck_since = time.monotonic()
        pause = 0.0002
        position = self._map.find(b"\1", _FIRST)
        while position >= 0:
            if position == own or self._bury(position):
                position = self._map.find(b"\1", position + 1)
                continue
            now = time.monotonic()
            if not has_room():
                stuck_since = now  # whoever writes is waiting for the reader, as we should
            elif now - stuck_since > _STUCK:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.01)
            position = self._map.find(b"\1", _FIRST)
        memory[GATE] = CLOSED
        self._last_long[0] = time.monotonic()
        return True

    def close(self) -> None:
        """Leave; the last one out removes the file."""
        try:
            _lock(self._fd, fcntl.F_WRLCK, _ALIVE)
            if _is_at(self._path, self._fd):
                self._path.unlink()
        except OSError:
            pass  # somebody else is alive
        self.abandon()

    def abandon(self) -> None:
        """Let go without unlocking: what a forked child does with its parent's descriptor."""
        self._release()

    def _claim_block(self) -> None:
        for block in range((_SIZE - _FIRST) // _BLOCK):
            if block in self._blocks:
                continue  # our own lock would not stop us
            try:
                _lock(self._fd, fcntl.F_WRLCK, _OWNED + block)
            except OSError:
                continue
            start = _FIRST + block * _BLOCK
            self.memory[start : start + _BLOCK] = bytes(_BLOCK)
            self._blocks.append(block)
            self._free.extend(range(start, start + _BLOCK))
            return

    def _bury(self, position: int) -> bool:
        """Whether the owner of the slot is dead; its block is then cleared."""
        block = (position - _FIRST) // _BLOCK
        if block in self._blocks:
            return False
        try:
            _lock(self._fd, fcntl.F_WRLCK, _OWNED + block)
        except OSError:
            return False
        start = _FIRST + block * _BLOCK
        self.memory[start : start + _BLOCK] = bytes(_BLOCK)
        _lock(self._fd, fcntl.F_UNLCK, _OWNED + block)
        return True


def _shared_directory() -> Path:
    for directory in (Path("/dev/shm"), Path(tempfile.gettempdir())):  # noqa: S108  names are checked when opened
        if os.access(directory, os.W_OK | os.X_OK):
            return directory
    raise FileNotFoundError("no writable directory for the lock that processes share")


def _is_at(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _open(path: Path) -> int:
    """The file at `path`, created when needed, held alive by a shared lock."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_uid != os.geteuid():
                raise PermissionError(f"{path} belongs to another user")
            _lock(fd, fcntl.F_RDLCK, _ALIVE, wait=True)
            if _is_at(path, fd):  # else the last one out removed it in the meantime
                os.posix_fallocate(fd, 0, _SIZE)  # never a SIGBUS on a full /dev/shm
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _sweep(directory: Path, prefix: str) -> None:
    """Remove what killed processes left behind."""
    for path in directory.glob(f"{prefix}*"):
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            _lock(fd, fcntl.F_WRLCK, _ALIVE)
            if _is_at(path, fd):
                path.unlink()
        except OSError:
            pass  # in use
        finally:
            os.close(fd)
