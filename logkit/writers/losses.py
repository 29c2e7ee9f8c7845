"""Lines that could not be written: counted exactly, reported once.

Not thread-safe by itself: a writer calls it under its own lock.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Mapping

from logkit.parsers import LEVELS

Report = Callable[[Mapping[str, int]], bytes]
"""Makes the line (with its newline) that says how many lines of which level were lost."""

_NAMES = {number: name for name, number in LEVELS.items()}


class Losses:
    """How many lines were lost, in all and since the last report, by level."""

    __slots__ = ("_is_taking", "_report", "_told", "total", "unreported")

    def __init__(self, report: Report | None) -> None:
        self._report = report
        self._told = False
        self._is_taking = False
        self.total = 0
        self.unreported: dict[str, int] = {}

    def add(self, level: int, count: int = 1) -> None:
        name = _NAMES.get(level, f"LEVEL {level}")
        self.unreported[name] = self.unreported.get(name, 0) + count
        self.total += count

    def take(self, levels: deque[int]) -> None:
        """Count what waits in `levels`. An exception at any moment counts one twice at worst, and never loses it.

        A signal handler that flushes in between leaves them to whoever is at it already.
        """
        if self._is_taking:
            return
        try:
            self._is_taking = True
            while levels:
                self.add(levels[0])
                levels.popleft()
        finally:
            self._is_taking = False

    def line(self) -> bytes | None:
        """The line that reports what is unreported; None when there is nothing to say or no way to say it."""
        if self._report is None or not self.unreported:
            return None
        try:
            return self._report(dict(self.unreported))
        except Exception:  # noqa: BLE001  a report that cannot be made must not cost a line (decision 4)
            return None

    def reported(self) -> None:
        self.unreported.clear()

    def told(self, counts: Mapping[str, int]) -> None:
        """Take back what a report said, where more may have been lost since it was made."""
        for name, count in counts.items():
            if left := self.unreported.pop(name, 0) - count:
                self.unreported[name] = left

    def tell_stderr(self, what: str) -> None:
        """One notice for people, at most once; it must not fail and must not raise. (L13)"""
        if not self._told:
            self._told = True
            with contextlib.suppress(OSError):
                os.write(2, f"logkit: {what}\n".encode(errors="replace"))


def is_fault(error: BaseException) -> bool:
    """Whether the system refused a write, and not a signal handler threw `error` into the middle of it.

    What the system refuses has an errno; a handler's `TimeoutError()` is an `OSError` too, and has none. A missing slot
    (`AttributeError` without a frame below ours) is a thread's first line.
    """
    if isinstance(error, AttributeError):
        return error.__traceback__ is not None and error.__traceback__.tb_next is None
    return isinstance(error, OSError) and error.errno is not None
