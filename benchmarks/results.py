"""`make bench`: run every benchmark, write down what they print with where and how, and draw it.

`benchmarks/RESULTS.md` and `docs/pictures/bench-*.svg` are made anew. The exit code is 1 when a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.report import CHARTS, Bar, Chart, charts

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "benchmarks" / "RESULTS.md"
PICTURES = PROJECT / "docs" / "pictures"
BENCHES = {
    "benchmarks": "Lines, tasks and the trail",
    "benchmarks.request": "What is added to a request",
    "benchmarks.request_load": "Requests a second",
    "benchmarks.ledger": "Reading the trail",
    "benchmarks.tail": "Reading logs",
    "benchmarks.redaction": "What is hidden, what is damaged, what it costs",
}
PEERS = [
    "loguru",
    "structlog",
    "django-structlog",
    "python-json-logger",
    "concurrent-log-handler",
    "django-guid",
    "orjson",
    "django",
    "celery",
    "gunicorn",
    "locust",
    "sentry-sdk",
    "logfire",
]
METHOD = """\
Cases that are compared run side by side: each is set up in a process of its own, all of them are alive at once and
run short slices in turn, in a new order every round. A ratio is the median, over all rounds, of the ratio of two
neighbours in time; the range is what eight of ten rounds lie in. Microseconds depend on the machine and on its
neighbours, ratios much less. A promise that is missed says MISSED."""
ROW, NAMES, WIDTH, NUMBERS = 26, 250, 720, 90  # pixels: a bar, its name, the whole, what stands behind a bar
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:15px}.note{fill:#57606a}"
    ".ours{fill:#0969da}.theirs{fill:#afb8c1}@media(prefers-color-scheme:dark){text{fill:#d3dae3}"
    ".note{fill:#8b949e}.ours{fill:#58a6ff}.theirs{fill:#484f58}}"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=__doc__)
    parser.add_argument("benches", nargs="*", help=f"which benchmarks: {', '.join(BENCHES)} (default: all)")
    options = parser.parse_args()
    if unknown := set(options.benches) - set(BENCHES):
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    sections, codes = [where()], []
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "charts")
        place.touch()
        for module in options.benches or BENCHES:
            print(f"\n## {BENCHES[module]}\n", flush=True)
            code, printed = run(module, place)
            codes.append(code)
            pictures = [drawn for drawn in charts(place) if f"{drawn.name}.svg" not in "".join(sections)]
            sections.append(section(module, printed, pictures))
            for picture in pictures:
                (PICTURES / f"bench-{picture.name}.svg").write_text(draw(picture), encoding="utf-8")
    RESULTS.write_text("\n\n".join([*sections, load("at the end")]) + "\n", encoding="utf-8")
    return 1 if any(codes) else 0


def run(module: str, place: Path) -> tuple[int, str]:
    """The exit code of a benchmark, and what it printed, which is shown as it comes."""
    command = [sys.executable, "-m", module]
    printed = []
    with subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, CHARTS: str(place)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            printed.append(line)
    return process.returncode, "".join(printed)


def section(module: str, printed: str, pictures: Sequence[Chart]) -> str:
    """A chapter; the headings of what was printed are below its own."""
    shown = [f"![{picture.title}](../docs/pictures/bench-{picture.name}.svg)" for picture in pictures]
    text = re.sub("^## ", "### ", printed.strip(), flags=re.MULTILINE)
    return "\n\n".join([f"## {BENCHES[module]}", f"`python -m {module}`", *shown, text])


def where() -> str:
    """On what was measured, when, and how."""
    versions = [f"{peer} {found}" for peer in PEERS if (found := version_of(peer))]
    tools = [f"{tool} {found}" for tool in ("jq", "pino-pretty") if (found := tool_version(tool))]
    day = datetime.now(UTC).date()
    return "\n\n".join(
        [
            "# Results",
            f"Written by `make bench` on {day}.",
            f"CPython {platform.python_version()}, {platform.system()}, {processor()}, "
            f"{os.cpu_count()} cores; {', '.join([*versions, *tools])}.",
            load("at the start"),
            METHOD,
        ]
    )


def load(moment: str) -> str:
    """What else the machine had to do."""
    return f"Load average {moment}: {os.getloadavg()[0]:.1f}."


def version_of(peer: str) -> str | None:
    try:
        return version(peer)
    except PackageNotFoundError:
        return None


def tool_version(tool: str) -> str | None:
    """What a program of the machine says of itself; None where it is not there."""
    if (found := shutil.which(tool)) is None:
        return None
    for folder in Path(found).resolve().parents[:2]:
        if (package := folder / "package.json").exists():  # pino-pretty has no --version
            return str(json.loads(package.read_text(encoding="utf-8"))["version"])
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.strip().removeprefix(f"{tool}-")


def processor() -> str:
    """The name that the kernel has for it."""
    file = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", file.read_text(), re.MULTILINE) if file.exists() else None
    return found[1] if found else platform.machine()


def draw(chart: Chart) -> str:
    """Bars from the top, the best one first; ours are coloured."""
    up = chart.better == "more"
    bars = sorted(chart.bars, key=lambda bar: -bar.value if up else bar.value)
    height = 62 + ROW * len(bars)
    most = max(bar.value for bar in bars)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{escape(chart.title)}</title><style>{STYLE}</style>",
            f'<text class="title" x="8" y="22">{escape(chart.title)}</text>',
            f'<text class="note" x="8" y="42">{escape(chart.unit)}; {chart.better} is better</text>',
            *(_bar(bar, 56 + ROW * row, bar.value / most) for row, bar in enumerate(bars)),
            "</svg>\n",
        ]
    )


def _bar(bar: Bar, top: int, share: float) -> str:
    length = max(1.0, share * (WIDTH - NAMES - NUMBERS))
    kind = "ours" if bar.is_ours else "theirs"
    return (
        f'<text x="{NAMES - 8}" y="{top + 14}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect class="{kind}" x="{NAMES}" y="{top}" width="{length:.0f}" height="{ROW - 8}" rx="2"/>'
        f'<text x="{NAMES + length + 8:.0f}" y="{top + 14}">{_figure(bar.value)}</text>'
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
