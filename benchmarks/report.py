"""What every benchmark does while it runs, and what it hands on to be drawn: `progress`, `chart`, `Bar`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

CHARTS = "BENCH_CHARTS"  # the file that `benchmarks.results` reads charts from, one a line


@dataclass(frozen=True, slots=True)
class Bar:
    """One measured quantity."""

    label: str
    value: float
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Quantities of one unit; `better` says which way is good."""

    name: str
    title: str
    unit: str
    better: str
    bars: tuple[Bar, ...]


def chart(name: str, title: str, *, unit: str, better: str, bars: Sequence[Bar]) -> None:
    """Hand a chart on to whoever asked for it; nobody has where a benchmark runs by itself."""
    if place := os.environ.get(CHARTS):
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(Chart(name, title, unit, better, tuple(bars)))) + "\n")


def charts(place: Path) -> list[Chart]:
    """What the benchmarks handed on, oldest first."""
    found = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
    return [Chart(**{**one, "bars": tuple(Bar(**bar) for bar in one["bars"])}) for one in found]


def progress(text: str) -> None:
    """Show `text` in the place of what was shown before; only on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
