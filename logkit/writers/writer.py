"""What every writer promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class Writer(Protocol):
    """Where encoded lines go."""

    @property
    def lost(self) -> int:
        """How many lines this process could not write."""

    def write(self, line: bytes, level: int) -> None:
        """Write one line, given with its newline; `level` is its number, 20 for INFO."""

    def count_lost(self, level: int, count: int = 1) -> None:
        """Count lines that were lost on the way here, to be reported with the rest. Never waits."""

    def flush(self, timeout: float | None = None) -> bool:
        """Whether everything is out, after at most `timeout` seconds."""

    def close(self) -> None:
        """Flush and let go. Later lines count as lost."""


@runtime_checkable
class BatchWriter(Writer, Protocol):
    """A writer that would rather have many lines at once, and that may take its time over them."""

    def write_batch(self, batch: Sequence[tuple[int, bytes]]) -> None:
        """Write these lines, (level, line) each; an empty batch when there is nothing else to do."""
