"""Lines to standard output: one `os.write` on our own duplicate of the descriptor, never `sys.stdout`. (decision 9)

`StdoutWriter(fd)` writes in the caller's thread. A line arrives whole, or it is counted as lost; a line that had to be
left half-way is ended with a newline before the next one.
"""

from __future__ import annotations

import itertools
import os
import select
import stat
import sys
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from threading import get_ident

from logkit.writers.descriptor import Descriptor
from logkit.writers.forks import remake_after_fork
from logkit.writers.losses import Losses, Report, is_fault
from logkit.writers.pipelock import GATE, TORN, PipeLock

_LEAVE = 2.0  # seconds that `close` waits for another thread's line
_NESTED = 1000  # most lines that signal handlers may leave behind while one line is written
_write = os.write


class StdoutWriter:
    """Writes each line to `fd` at once.

    `report` makes the line that says what was lost; it follows the first line that gets through again. `patience` is
    how long, in seconds, a line waits for a non-blocking descriptor; after a wait in vain lines no longer wait until
    one gets through. `lock_directory` is where processes meet that share a pipe (default: /dev/shm).

    `max_line` is the longest line, in bytes, that can be written: PIPE_BUF to a pipe without a shared lock, else None.
    """

    def __init__(
        self,
        fd: int = 1,
        *,
        report: Report | None = None,
        patience: float = 1.0,
        lock_directory: Path | None = None,
    ) -> None:
        self._fd = os.dup(fd)  # not inheritable: PEP 446
        weakref.finalize(self, os.close, self._fd).atexit = False
        kind = os.fstat(self._fd).st_mode
        self._is_pipe = stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)
        # Up to here the kernel keeps a line whole.
        self._atomic = select.PIPE_BUF if self._is_pipe else sys.maxsize
        self._patience = patience
        self._lock_directory = lock_directory
        self._make_report = report
        self._closed = False
        self._start()
        self._attach()
        remake_after_fork(self)

    def _start(self) -> None:
        """What this process needs and shares with no other. (decision 10)"""
        self._lock = threading.RLock()
        self._owner = 0  # the thread that is in the middle of a line
        self._arrived = False  # how its line ended
        self._nested: deque[tuple[bytes, int]] = deque()
        self._interrupted: deque[int] = deque()  # levels of lines cut off by an exception outside of the lock
        self._losses = Losses(self._make_report)
        self._sink = Descriptor(self._fd, self._patience, self._tell_fault)
        self._whole = -1  # longest line of the ordinary path; -1 sends every line the careful way
        self._pipe: PipeLock | None = None
        self._attached = False
        self._memory = memoryview(bytearray(2))
        self.max_line: int | None = None

    def _attach(self) -> None:
        self._attached = True
        self._whole = self._atomic
        if self._is_pipe:
            try:
                self._pipe = PipeLock(self._fd, directory=self._lock_directory)
            except OSError:
                self._do_without_lock()
            else:
                self._memory = self._pipe.memory

    def _do_without_lock(self) -> None:
        self._pipe = None
        self._memory = memoryview(bytearray(2))
        self.max_line = select.PIPE_BUF

    @property
    def lost(self) -> int:
        """How many lines this process could not write."""
        return self._losses.total + len(self._interrupted)

    def fileno(self) -> int:
        """The descriptor it writes to, for programs that close all others."""
        return self._fd

    def write(self, line: bytes, level: int) -> None:
        """Write one line, given with its newline. Raises nothing of its own; a signal handler's exception passes."""
        written = 0
        settled: list[bool] | None = None  # has an entry once the line has arrived or is counted
        try:
            try:
                size = len(line)
                if size <= self._whole:
                    pipe = self._pipe
                    if pipe is None:
                        written = _write(self._fd, line)
                        if written == size:
                            return
                    else:
                        memory = pipe.memory
                        slot = pipe.slots.index  # a thread's first line ends here
                        before = memory[slot]  # not 0 when a signal handler is inside this thread's own write
                        try:
                            memory[slot] = 1
                            if not memory[GATE]:
                                written = _write(self._fd, line)
                                if written == size:
                                    return
                        finally:
                            memory[slot] = before
            except BaseException as error:
                if not is_fault(error):
                    raise
            settled = []
            self._write_carefully(line, level, written, settled)
        except BaseException:
            if not settled:
                self._interrupted.append(level)  # at worst it arrived: an over-count, never a silent loss
            self._whole = -1
            raise

    def count_lost(self, level: int, count: int = 1) -> None:
        """Count lines that were lost on the way here, to be reported with our own. Never waits."""
        self._interrupted.extend(itertools.repeat(level, count))
        self._whole = -1

    def flush(self, timeout: float | None = None) -> bool:
        """Whether everything is out, the report of what was lost included; waits at most `timeout` (or `patience`)."""
        deadline = time.monotonic() + (self._patience if timeout is None else timeout)
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            self._losses.take(self._interrupted)
            unfinished = self._losses.unreported or self._memory[TORN]
            if unfinished and not self._owner and self._sink.writable(deadline - time.monotonic()):
                self._take_turn()
                try:
                    if not self._memory[TORN] or self._put(b"", 0):
                        self._put_report()
                finally:
                    self._end_turn()
            return not self._losses.unreported
        finally:
            self._lock.release()

    def close(self) -> None:
        """Report what is unreported, on stderr if need be, and let go of the descriptor. Later lines count as lost."""
        if self._closed:
            return
        if not self.flush(_LEAVE) and self.lost:
            self._losses.tell_stderr(f"{self.lost} lines could not be written to standard output")
        self._closed = True
        self._whole = -1
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(
            null, self._fd, inheritable=False
        )  # not closed: another thread may be about to write to the number
        os.close(null)
        if self._pipe:
            pipe = self._pipe
            self._do_without_lock()
            pipe.close()

    def _write_carefully(self, line: bytes, level: int, written: int, settled: list[bool]) -> None:
        """Write under the lock, in turn with other processes where that is needed; what fails is counted."""
        if self._owner == get_ident():  # a signal handler or __del__ in the middle of our own line (L03)
            if len(self._nested) < _NESTED:
                self._nested.append((line, level))
            else:
                self._interrupted.append(level)
            return
        with self._lock:
            self._owner = get_ident()
            try:
                if not self._attached:
                    self._attach()
                if self._pipe and not hasattr(self._pipe.slots, "index"):  # this thread's first line
                    self._pipe.claim()
                self._take_turn()
                try:
                    if self._put_line(line, level, written, settled):
                        self._put_report()
                finally:
                    self._end_turn()
            finally:
                self._owner = 0
        while self._nested:
            self.write(*self._nested.popleft())

    def _take_turn(self) -> None:
        if self._pipe:
            try:
                self._pipe.take_turn()
            except OSError:  # somebody closed our descriptors, as a daemon does
                self._do_without_lock()

    def _end_turn(self) -> None:
        if self._pipe:
            self._pipe.end_turn()

    def _put_line(self, line: bytes, level: int, written: int, settled: list[bool]) -> bool:
        self._arrived = False
        try:
            self._put(line, written)
        finally:
            if not self._arrived:
                self._losses.add(level)
                self._whole = -1  # every line comes this way until the report is out
            settled.append(True)
            self._losses.take(self._interrupted)
        return self._arrived

    def _put_report(self) -> None:
        """Say what was lost, now that a line got through."""
        line = self._losses.line()
        if line is not None and self._put(line, 0):
            self._losses.reported()
        waiting = self._closed or self._memory[TORN] or (self._make_report and self._losses.unreported)
        self._whole = -1 if waiting else self._atomic

    def _put(self, line: bytes, written: int) -> bool:
        """Whether all of `line` is out, of which `written` bytes are already."""
        memory = self._memory
        was_torn = bool(memory[TORN])
        ending = was_torn and not written
        data = memoryview(b"\n" + line if ending else line)[written:]
        alone = written > 0 or len(data) > self._atomic
        if alone and not self._have_alone(written):
            memory[TORN] |= written > 0
            return False
        sent: list[int] = []

        def conclude() -> None:
            gone = sum(sent)
            if gone == len(data) or (ending and gone == 1):
                memory[TORN] = 0
            elif gone or written:
                memory[TORN] = memory[GATE] = 1
            else:
                memory[TORN] = was_torn
            missing = len(data) - gone
            self._arrived = missing == 0 or (
                missing == 1 and len(line) > 1
            )  # its newline comes with the next line

        try:
            if alone:
                memory[TORN] = 1  # before the first byte: we may be killed
            self._sink.push(data, sent)
        finally:
            try:
                conclude()
            except BaseException:  # a signal handler's, in the middle of it
                conclude()
                raise
        return self._arrived

    def _have_alone(self, written: int) -> bool:
        """Whether nobody else writes until the turn ends."""
        self._whole = -1
        if self._pipe:
            return self._pipe.close_gate(lambda: self._sink.writable(0))
        return not self._is_pipe or written > 0

    def _tell_fault(self, fault: str) -> None:
        self._losses.tell_stderr(f"standard output cannot be written ({fault}): lines are lost")

    def after_fork(self) -> None:
        """In a forked child: the parent's lines and losses stay the parent's. (L02)"""
        if self._pipe:
            self._pipe.abandon()
        if not self._closed:
            self._start()
