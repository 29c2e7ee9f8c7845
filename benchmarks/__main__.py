"""`python -m benchmarks`: lines, tasks and the trail, each promise side by side with its peer; medians and ratios.

How it is timed is in `benchmarks.alternate`. A promise that is missed is printed as missed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import platform
import sys
from importlib.metadata import version

from benchmarks.alternate import Case, Round, alternate, spread
from benchmarks.promises import TABLES, Promise
from benchmarks.report import Bar, chart, progress

PEERS = ("loguru", "structlog", "django-structlog", "python-json-logger", "orjson")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", help=f"which tables: {', '.join(TABLES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=60, help="slices of a process (default 60)")
    parser.add_argument("--processes", type=int, default=3, help="processes of a case (default 3)")
    options = parser.parse_args()
    if unknown := [name for name in options.tables if name not in TABLES]:
        parser.error(f"no such table: {', '.join(unknown)}; there are {', '.join(TABLES)}")
    print(
        f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}; "
        + ", ".join(f"{peer} {version(peer)}" for peer in PEERS)
        + f"; {options.processes} processes a case, {options.rounds} rounds each"
    )
    kept = [_run(name, options.rounds, options.processes) for name in options.tables or TABLES]
    return 0 if all(kept) else 1


def _run(name: str, rounds: int, processes: int) -> bool:
    promises = TABLES[name]
    cases = list(dict.fromkeys(case for promise in promises for case in promise.cases))
    measured = alternate(cases, rounds=rounds, processes=processes, progress=progress)
    progress("")
    print(f"\n## {name}\n\n{_table(promises, measured)}", flush=True)
    if name == "lines":
        _draw(promises, measured)
    return all(promise.ratio(measured).median <= promise.most for promise in promises)


def _table(promises: list[Promise], measured: list[Round]) -> str:
    lines = [
        "| what | against | ours | theirs | ratio | 8 of 10 rounds | promise | aim | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for promise in promises:
        ratio = promise.ratio(measured)
        ours, theirs = (_micros(measured, case) for case in (promise.ours, promise.theirs))
        lines.append(
            f"| {promise.what} | {promise.against} | {ours} | {theirs} | **{ratio.median:.2f}** "
            f"| {ratio.low:.2f} to {ratio.high:.2f} | <= {promise.most} | {promise.aim} "
            f"| {promise.verdict(ratio.median)} |"
        )
    return "\n".join(lines)


def _draw(promises: list[Promise], measured: list[Round]) -> None:
    """The cases of whole lines; a rejected call is too small to be seen beside them."""
    names: dict[Case, tuple[str, bool]] = {}
    for promise in promises:
        names[promise.ours] = (f"logkit: {promise.what}", True)
        names[promise.theirs] = (promise.against, False)
    bars = [
        Bar(label, spread([one[case] for one in measured]).median / 1000, is_ours)
        for case, (label, is_ours) in names.items()
        if not case.function.endswith("rejected")
    ]
    title = "One JSON line, six context and three call fields"
    chart("lines", title, unit="microseconds a line", better="less", bars=bars)


def _micros(measured: list[Round], case: Case) -> str:
    return f"{spread([one[case] for one in measured]).median / 1000:.2f} us"


if __name__ == "__main__":
    sys.exit(main())
