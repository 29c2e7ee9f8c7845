"""A bounded queue and one writer thread in front of another writer, so that no caller waits for a slow reader. (L02)

When the queue is full the lowest level goes first, oldest first; a line as low as anything in the queue goes itself.
ERROR and above wait for room, up to a deadline, unless somebody has just waited in vain.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
import weakref
from collections import deque
from threading import get_ident

from logkit.writers.forks import remake_after_fork
from logkit.writers.writer import BatchWriter, Writer

ERROR = 40
_COST = 120  # bytes a queued line takes beside its own
_BATCH_BYTES = 32_768  # at most what the thread takes at once


class BufferedWriter:
    """Queues at most about `max_bytes` of lines for `inner`.

    `patience` is how long, in seconds, ERROR and above wait for room; `exit_timeout` how long the exit of the process
    waits for the reader. What is dropped is counted by level and reported by `inner`.

    Where `inner` writes batches, a batch has about `batch_bytes` of lines, whose first waits up to `linger` seconds for
    the others. Such a writer may be slow: it is only ever called from the thread, and lines after the exit are lost.
    """

    def __init__(
        self,
        inner: Writer,
        *,
        max_bytes: int = 8_388_608,
        patience: float = 1.0,
        exit_timeout: float = 5.0,
        batch_bytes: int = _BATCH_BYTES,
        linger: float = 0.0,
    ) -> None:
        self._inner = inner
        self._batches = inner if isinstance(inner, BatchWriter) else None
        self._max_bytes = max_bytes
        self._batch_bytes = min(batch_bytes, max_bytes // 8)
        self._linger = linger
        self._patience = patience
        self._exit_timeout = exit_timeout
        self._closed = False
        self._start()
        remake_after_fork(self)
        atexit.register(_at_exit, weakref.ref(self))

    def _start(self) -> None:
        """What this process needs and shares with no other. (decision 10)"""
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._owner = 0  # the thread that is changing the queue
        self._nested: deque[tuple[bytes, int]] = deque()  # from signal handlers that came in between (L03)
        self._queues: dict[int, deque[tuple[int, bytes]]] = {}  # by level: (position, line)
        self._position = 0
        self._size = 0
        self._batch: deque[tuple[int, bytes]] = deque()  # (level, line), taken by the thread
        self._writing: tuple[int, bytes] | None = None
        self._dropped: dict[int, int] = {}
        self._stalled = False
        self._direct = False  # no thread to be had, or no longer
        self._thread: threading.Thread | None = None
        self._idle = False
        self._gathers = False  # the thread waits for more lines
        self._wake = threading.Lock()
        self._wake.acquire()

    @property
    def lost(self) -> int:
        """How many lines this process dropped or could not write."""
        with self._lock:
            return sum(self._dropped.values()) + self._inner.lost

    def write(self, line: bytes, level: int) -> None:
        """Queue one line, given with its newline."""
        if self._owner == get_ident():
            self._nested.append((line, level))
            return
        settled = False
        try:
            with self._lock:
                self._owner = get_ident()
                try:
                    kept = not self._closed and self._admit(line, level)
                    settled = kept
                    if not kept and level >= ERROR and not self._closed:
                        settled = kept = self._wait_for_room(line, level)
                    if not kept:
                        self._drop(level)
                        settled = True
                    if self._idle and not self._direct:
                        self._idle = False
                        self._wake.release()
                    elif self._gathers and self._size >= self._batch_bytes:
                        self._stop_gathering()
                finally:
                    self._owner = 0
        except BaseException:
            if not settled:
                self._inner.count_lost(level)
            raise
        if self._thread is None and not self._direct:
            self._start_thread()
        while self._direct and self._drain():
            pass
        while self._nested:
            self.write(*self._nested.popleft())

    def count_lost(self, level: int, count: int = 1) -> None:
        self._inner.count_lost(level, count)

    def flush(self, timeout: float | None = None) -> bool:
        """Whether everything is out, after at most `timeout` (or `exit_timeout`) seconds."""
        deadline = time.monotonic() + (self._exit_timeout if timeout is None else timeout)
        with self._lock:
            self._stop_gathering()
            while self._size:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            self._hand_over_counts()
        return self._inner.flush(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Write what is queued within `exit_timeout`, count the rest, close `inner`. Later lines count as lost."""
        self.flush(self._exit_timeout)
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for level, queue in self._queues.items():
                self._drop(level, len(queue))
                queue.clear()
            while self._batch:
                self._drop(self._batch.popleft()[0])
            if self._writing:  # stuck in the reader's full pipe
                self._drop(self._writing[0])
            self._size = 0
            self._hand_over_counts()
            self._stop_gathering()
            if self._idle:
                self._idle = False
                self._wake.release()
        self._inner.close()

    def _admit(self, line: bytes, level: int) -> bool:
        """Queue the line, at the expense of lower levels if need be; whether it was possible."""
        cost = len(line) + _COST
        room = self._max_bytes - self._size
        if cost > room:
            if cost > self._max_bytes:
                return False
            for lower in sorted(self._queues):
                queue = self._queues[lower]
                while lower < level and queue and cost > room:
                    room += self._forget(lower, queue)
            if cost > room:
                return False
        queue = self._queues.get(level) or self._queues.setdefault(level, deque())
        self._position += 1
        self._size += cost
        queue.append((self._position, line))
        return True

    def _forget(self, level: int, queue: deque[tuple[int, bytes]]) -> int:
        """Drop the oldest line of a level; the bytes that makes free."""
        freed = len(queue.popleft()[1]) + _COST
        self._size -= freed
        self._drop(level)
        return freed

    def _drop(self, level: int, count: int = 1) -> None:
        self._dropped[level] = self._dropped.get(level, 0) + count

    def _wait_for_room(self, line: bytes, level: int) -> bool:
        if self._stalled or len(line) + _COST > self._max_bytes:
            return False
        deadline = time.monotonic() + self._patience
        while (left := deadline - time.monotonic()) > 0:
            self._owner = 0
            self._changed.wait(left)
            self._owner = get_ident()
            if self._admit(line, level):
                return True
        self._stalled = True  # nobody waits again before the reader has taken something
        return False

    def _start_thread(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="logkit-writer", daemon=True)
                try:
                    thread.start()
                    self._thread = thread
                    self._register_with_pools()
                except RuntimeError:  # too many threads, or the interpreter is shutting down
                    self._direct = self._batches is None  # else the next line tries again

    def _register_with_pools(self) -> None:
        """Children of multiprocessing and billiard end without atexit; they run finalizers of their own."""
        for name in ("multiprocessing.util", "billiard.util"):
            if name in sys.modules:
                sys.modules[name].Finalize(None, _at_exit, args=(weakref.ref(self),), exitpriority=-100)

    def _run(self) -> None:
        while not (self._closed or self._direct):
            if not self._drain():
                self._wake.acquire()
                if self._linger:
                    self._gather()

    def _gather(self) -> None:
        """Leave the lines alone until there are enough for a batch, the first has waited long enough, or somebody is
        waiting for them.
        """
        deadline = time.monotonic() + self._linger
        with self._lock:
            self._gathers = self._size < self._batch_bytes and not self._closed
            while self._gathers and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            self._gathers = False

    def _stop_gathering(self) -> None:
        if self._gathers:
            self._gathers = False
            self._changed.notify_all()

    def _drain(self) -> bool:
        """Write one batch; False when nothing was queued."""
        if not self._take_batch():
            if self._batches is not None:
                self._batches.write_batch(())  # what it has to report
            return False
        freed = self._write_lines() if self._batches is None else self._write_batch(self._batches)
        with self._lock:
            self._size -= freed
            self._stalled = False
            self._changed.notify_all()
        return True

    def _write_lines(self) -> int:
        """Write the batch line by line; the bytes that makes free."""
        freed = 0
        while self._batch:
            try:
                self._writing = level, line = self._batch.popleft()
            except IndexError:  # `close` has counted the rest
                break
            self._inner.write(line, level)
            self._writing = None
            freed += len(line) + _COST
        return freed

    def _write_batch(self, to: BatchWriter) -> int:
        batch = [*self._batch]
        to.write_batch(batch)
        with self._lock:
            if self._closed:  # `close` has counted the lines
                return 0
            self._batch.clear()
        return sum(len(line) + _COST for _, line in batch)

    def _take_batch(self) -> bool:
        """Move the oldest lines of the queue to the batch."""
        with self._lock:
            self._owner = get_ident()
            try:
                self._hand_over_counts()
                size = 0
                while size < self._batch_bytes and not self._closed:
                    heads = [(queue[0][0], level) for level, queue in self._queues.items() if queue]
                    if not heads:
                        break
                    _, level = min(heads)
                    line = self._queues[level].popleft()[1]
                    self._batch.append((level, line))
                    size += len(line) + _COST
                self._idle = not self._batch
                return not self._idle
            finally:
                self._owner = 0

    def _hand_over_counts(self) -> None:
        for level in list(self._dropped):
            self._inner.count_lost(level, self._dropped.pop(level))

    def _leave(self) -> None:
        """At exit: everything out, and from now on lines go straight through, because threads end without a word."""
        if self._closed or not self.flush(self._exit_timeout) or self._batches is not None:
            self.close()
            return
        with self._lock:
            self._direct = True
            if self._idle:
                self._idle = False
                self._wake.release()
            thread = self._thread
        if thread is not None:
            thread.join(self._exit_timeout)

    def after_fork(self) -> None:
        """In a forked child: the parent's queue and counts stay the parent's. (L02)"""
        if not self._closed:
            self._start()


def _at_exit(reference: weakref.ref[BufferedWriter]) -> None:
    writer = reference()
    if writer is not None:
        writer._leave()
