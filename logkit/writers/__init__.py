"""Bytes to a file descriptor: standard output, directly or through a queue, and rotating files shared by processes.

A writer takes whole lines. It never raises into the caller and never loses a line silently: what cannot be written is
counted, by level, and the count is reported. (decision 4)
"""

from __future__ import annotations

from typing import Protocol

from logkit.writers.buffered import BufferedWriter
from logkit.writers.losses import Report
from logkit.writers.rotating import RotatingFileWriter
from logkit.writers.stdout import StdoutWriter

__all__ = ["BufferedWriter", "Report", "RotatingFileWriter", "StdoutWriter", "Writer"]


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
