"""What goes out: levels of single modules, sampling, rate limits.

The threshold of the whole lives in Loguru's handler level, which costs less than any filter; this room is asked only
where LOG_LEVELS, LOG_SAMPLE or LOG_RATE_LIMIT say so.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

from logkit.parsers import LEVELS, Rate
from logkit.writers.forks import remake_after_fork

WARNING, ERROR = LEVELS["WARNING"], LEVELS["ERROR"]

_KEPT = 4096
_OTHERS = "(others)"  # where events are counted together when there are more different ones than we keep


class Levels:
    """The threshold of a logger: its own, or that of the nearest named parent, or the default."""

    def __init__(self, default: str, levels: Iterable[tuple[str, str]]) -> None:
        self.default = LEVELS[default]
        self.named = {name: LEVELS[level] for name, level in levels}
        self._known: dict[str, int] = {}

    @property
    def least(self) -> int:
        """The lowest threshold of all; what Loguru's handler must let through."""
        return min(self.default, *self.named.values()) if self.named else self.default

    def of(self, logger: str) -> int:
        threshold = self._known.get(logger)
        if threshold is None:
            threshold = self._nearest(logger)
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[logger] = threshold
        return threshold

    def _nearest(self, logger: str) -> int:
        name = logger
        while name:
            if name in self.named:
                return self.named[name]
            name = name.rpartition(".")[0]
        return self.default


class Sampling:
    """The share of an event's lines that is kept. A trace is in or out as a whole, in every process alike."""

    def __init__(self, shares: Iterable[tuple[str, float]]) -> None:
        self._shares = dict(shares)

    def share(self, event: str, context: Mapping[str, object]) -> float:
        """1.0 for an event that is not sampled, its share for a line that is kept, 0.0 for one that is not."""
        share = self._shares.get(event)
        if share is None or share >= 1.0:
            return 1.0
        unit = context.get("trace_id") or context.get("root_id") or context.get("request_id")
        position = crc32(str(unit).encode()) / 2**32 if unit else random.random()
        return share if position < share else 0.0


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Lines of one event that a rate limit kept back, in a window that is over."""

    level: str
    event: str
    count: int


class RateLimit:
    """At most so many lines of one level and event in a window; the rest is counted and handed to `report`.

    `report` is called outside of the lock, when the next line of any kind comes after the window, or on `flush()`.
    """

    def __init__(self, rate: Rate, report: Callable[[Suppressed], None]) -> None:
        self._rate = rate
        self._report = report
        self._lock = threading.Lock()
        self._window = 0
        self._counts: dict[tuple[str, str], int] = {}
        remake_after_fork(self)

    def admits(self, level: str, event: str) -> bool:
        window = int(time.monotonic() / self._rate.seconds)
        if window != self._window:
            self.flush(window)
        key = (level, event)
        with self._lock:
            if key not in self._counts and len(self._counts) >= _KEPT:
                key = (level, _OTHERS)
            count = self._counts[key] = self._counts.get(key, 0) + 1
        return count <= self._rate.count

    def flush(self, window: int | None = None) -> None:
        """Report what was kept back so far and start a new window."""
        with self._lock:
            if window is not None and window == self._window:
                return  # another thread was faster
            counts, self._counts = self._counts, {}
            self._window = self._window if window is None else window
        for (level, event), count in counts.items():
            if count > self._rate.count:
                self._report(Suppressed(level, event, count - self._rate.count))

    def after_fork(self) -> None:
        """In a child: what the parent counted stays the parent's."""
        self._lock = threading.Lock()
        self._counts = {}
