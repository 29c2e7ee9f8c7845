"""`make bench`: every promise side by side, interleaved, each repeat in a process of its own; medians and ratios.

Ratios, because machines differ and neighbours are noisy; of processor time, so that waiting for one's turn does not
count. A promise that is missed is printed as missed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks.promises import PROMISES, Case, Promise

PROJECT = Path(__file__).resolve().parent.parent
PEERS = ("loguru", "structlog", "django-structlog", "python-json-logger", "orjson")

Times = dict[Case, list[float]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="processes per case (default 9)")
    parser.add_argument("--only", default="", help="promises whose text contains this")
    options = parser.parse_args()
    chosen = [promise for promise in PROMISES if options.only in f"{promise.what} {promise.against}"]
    times = _measure(chosen, options.repeats)
    print(_report(chosen, times))
    return 0 if all(_ratio(promise, times) <= promise.most for promise in chosen) else 1


def _measure(promises: Iterable[Promise], repeats: int) -> Times:
    """Interleaved: every case once, then again, so that a busy minute is everybody's."""
    cases = list(dict.fromkeys(case for promise in promises for case in (promise.ours, promise.theirs)))
    times: Times = {case: [] for case in cases}
    for repeat in range(repeats):
        for case in cases:
            if sys.stderr.isatty():
                print(f"\r\033[K{repeat + 1}/{repeats} {case}", end="", file=sys.stderr, flush=True)
            times[case].append(_once(case))
    return times


def _once(case: Case) -> float:
    """Nanoseconds a call, in a fresh process whose stdout is /dev/null."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.once", case.module, case.function],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise SystemExit(f"{case} failed: {done.stderr.decode(errors='replace')}")
    return float(done.stderr.split()[-1])


def _ratio(promise: Promise, times: Times) -> float:
    """The median of the ratios of neighbours in time: a machine that slows down for seconds slows down both."""
    return statistics.median(
        ours / theirs for ours, theirs in zip(times[promise.ours], times[promise.theirs], strict=True)
    )


def _report(promises: list[Promise], times: Times) -> str:
    lines = [
        f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}; "
        + ", ".join(f"{peer} {version(peer)}" for peer in PEERS),
        "",
        "| what | against | ours | theirs | ratio | promise | aim | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for promise in promises:
        ratio = _ratio(promise, times)
        verdict = "MISSED" if ratio > promise.most else "aim met" if ratio <= promise.aim else "held"
        ours, theirs = (_micros(times[case]) for case in (promise.ours, promise.theirs))
        lines.append(
            f"| {promise.what} | {promise.against} | {ours} | {theirs} | **{ratio:.2f}** "
            f"| <= {promise.most} | {promise.aim} | {verdict} |"
        )
    return "\n".join(lines)


def _micros(times: list[float]) -> str:
    return f"{statistics.median(times) / 1000:.2f} us ({min(times) / 1000:.2f}-{max(times) / 1000:.2f})"


if __name__ == "__main__":
    sys.exit(main())
