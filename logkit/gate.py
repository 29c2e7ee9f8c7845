"""What goes out: levels of single modules. Thresholds of the whole live in Loguru's handler levels, which cost less."""

from __future__ import annotations

from collections.abc import Iterable

from logkit.parsers import LEVELS

_KEPT = 4096


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
