"""The common time axis: where a moment stands on it, what a span covers, how times are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from logkit.terminal import DIM, RESET, paint

OFFSET = 9  # columns of "+999.9 ms"
RUN, WAIT, POINT, AUDIT = "━", "╌", "·", "◆"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the axis in one look; a moment ends where it begins."""

    start: datetime
    end: datetime
    mark: str
    sgr: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From `start` over `total_ms` milliseconds, drawn in `columns`."""

    start: datetime
    total_ms: float
    columns: int
    colour: bool

    def bar(self, pieces: Iterable[Piece]) -> str:
        """The pieces on the axis, later ones over earlier ones."""
        cells = [(" ", "")] * self.columns
        for piece in pieces:
            first = self._column(piece.start)
            for column in range(first, max(self._column(piece.end), first + 1)):
                cells[column] = (piece.mark, piece.sgr or DIM)
        if not self.colour:
            return "".join(mark for mark, _ in cells)
        drawn, before = "", ""
        for mark, sgr in cells:
            if sgr != before:
                drawn += (RESET if before else "") + sgr
            drawn, before = drawn + mark, sgr
        return drawn + (RESET if before else "")

    def scale(self) -> str:
        text = f"0{span_text(self.total_ms).rjust(self.columns - 1)}" if self.columns else ""
        return paint(f"{' ' * OFFSET}  {text}", DIM, self.colour)

    def offset(self, time: datetime) -> str:
        passed = milliseconds(self.start, time)
        return paint((f"+{span_text(passed)}" if passed else "0").rjust(OFFSET), DIM, self.colour)

    def _column(self, time: datetime) -> int:
        share = min(milliseconds(self.start, time) / self.total_ms, 1.0)
        return max(min(int(share * self.columns), self.columns - 1), 0)


def milliseconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() * 1000


def span_text(milliseconds: float) -> str:
    """`0.4 ms`, `71 ms`, `3.21 s`, `4 min 10 s`, `2 h 05 min`."""
    seconds = milliseconds / 1000
    if seconds >= 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02} min"
    if seconds >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60):02} s"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"
