"""Bytes to a descriptor, with a count that is exact whatever happens: short writes, a full pipe, a signal handler."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable

from logkit.writers.losses import is_fault

_GRACE = 2.0  # seconds to finish a line after a signal handler's exception


class Descriptor:
    """`fd`, and whether its reader has stalled.

    `patience` is how long, in seconds, bytes wait for a non-blocking descriptor; `on_fault` is told what the system
    says when it refuses them.
    """

    __slots__ = ("_fd", "_on_fault", "_patience", "_stalled")

    def __init__(self, fd: int, patience: float, on_fault: Callable[[str], None]) -> None:
        self._fd = fd
        self._patience = patience
        self._on_fault = on_fault
        self._stalled = False

    def push(self, data: memoryview, sent: list[int]) -> None:
        """Write `data`; the sum of `sent` is how much of it is out, also when an exception leaves through here.

        A handler's exception leaves when the line is finished, or after a moment of grace. A reader that has stalled is
        not waited for again until it takes something. (L12)
        """
        deadline: float | None = None
        interrupt: BaseException | None = None
        while (gone := sum(sent)) < len(data):
            try:
                chunk = data[gone:]
                if interrupt is not None and deadline is not None:
                    if not self.writable(deadline - time.monotonic()):
                        break
                    chunk = chunk[: select.PIPE_BUF]  # what fits without blocking
                # In C up to the stored count: a handler may raise between the call and the binding of its result.
                sent.extend(map(os.write, (self._fd,), (chunk,)))
                self._stalled = False
                if interrupt is None:
                    deadline = None
            except BaseException as error:
                if not is_fault(error):
                    if interrupt is not None or not sum(sent):
                        raise
                    interrupt = error  # a torn line is worse than a short delay
                    deadline = time.monotonic() + _GRACE
                elif not isinstance(error, BlockingIOError):
                    self._on_fault(getattr(error, "strerror", None) or repr(error))
                    break
                elif self._stalled and not gone:
                    break
                else:
                    deadline = time.monotonic() + self._patience if deadline is None else deadline
                    self._stalled = not self.writable(deadline - time.monotonic())
                    if self._stalled:
                        break
        if interrupt is not None:
            raise interrupt

    def writable(self, seconds: float) -> bool:
        """Whether a write of up to PIPE_BUF would not block, waiting at most `seconds` for it."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return bool(poll.poll(max(0, seconds) * 1000))
