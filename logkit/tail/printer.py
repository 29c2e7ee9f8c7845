"""Matching lines to the screen, and the count of them by level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from logkit.console import Style, renderer
from logkit.tail.lines import Parsed
from logkit.tail.times import local_day
from logkit.terminal import DIM, paint, safe

Write = Callable[[bytes], object]

_ORDER = ("CRITICAL", "ERROR", "WARNING", "SUCCESS", "INFO", "DEBUG", "TRACE")


class Printer:
    """Writes lines in batches: as text, or as the raw JSON they came as."""

    def __init__(self, write: Write, style: Style, *, as_json: bool, today: str) -> None:
        self._write = write
        self._style = style
        self._as_json = as_json
        self._hour, self._day = "", today
        self._render = renderer(style)
        self.counts: Counter[str] = Counter()

    def show(self, lines: Iterable[Parsed]) -> None:
        if self._as_json:
            self._echo(lines)
            return
        render, style, hour = self._render, self._style, self._hour
        levels: list[str] = []
        text: list[str] = []
        for raw, event, prefix in lines:
            if event is None:
                levels.append("other")
                text.append(raw.decode("utf-8", "surrogateescape") + "\n")
                continue
            level, timestamp = event.get("level"), event.get("timestamp")
            levels.append(level if type(level) is str and level else str(level or "other"))
            if type(timestamp) is str and timestamp[:13] != hour:
                text.append(self._day_rule(timestamp))
                hour = self._hour
            if prefix:
                text.append(paint(safe(prefix) + " │ ", DIM, style.colour))
            text.append(render(event))
        self.counts.update(levels)
        # Values never hold surrogates here, so the only ones are bytes of lines that are shown as they are.
        self._write("".join(text).encode("utf-8", "surrogateescape"))

    def _echo(self, lines: Iterable[Parsed]) -> None:
        counts = self.counts
        found = []
        for raw, event, _ in lines:
            if event is not None:
                counts[str(event.get("level") or "other")] += 1
                found.append(raw[raw.index(b"{") :])
        if found:
            self._write(b"\n".join(found) + b"\n")

    def _day_rule(self, timestamp: str) -> str:
        """A rule where the date changes, because lines say only the time."""
        before, self._day = self._day, local_day(timestamp, local=self._style.local_time)
        self._hour = timestamp[:13]
        return "" if before == self._day else paint(f"── {self._day} ──", DIM, self._style.colour) + "\n"


def summary(counts: Mapping[str, int]) -> str:
    """`214 lines: 2 error, 5 warning, 207 info`."""
    total = sum(counts.values())
    levels = sorted(
        counts, key=lambda level: (_ORDER.index(level) if level in _ORDER else len(_ORDER), level)
    )
    parts = ", ".join(f"{counts[level]} {safe(level).lower()}" for level in levels if counts[level])
    return f"{total} {'line' if total == 1 else 'lines'}" + (f": {parts}" if parts else "")
