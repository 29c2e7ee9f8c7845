"""What logging adds to a Django request: `python -m benchmarks.request`.

What a stack adds is its request less that of a Django that logs nothing, in the same round. How it is timed is in
`benchmarks.alternate`, what is timed in `benchmarks.cases.request`.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.alternate import Case, Round, alternate, spread
from benchmarks.cases.request import PROTOCOLS, STACKS
from benchmarks.promises import Promise
from benchmarks.report import Bar, chart, progress

BARE, PEER, OURS = "bare", "django_structlog", "logkit"
MOST, AIM = 0.35, 0.2  # of what django-structlog adds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.request", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="slices of a process (default 60)")
    parser.add_argument("--processes", type=int, default=3, help="processes of a stack (default 3)")
    options = parser.parse_args()
    kept = [_table(protocol, options.rounds, options.processes) for protocol in PROTOCOLS]
    return 0 if all(kept) else 1


def _table(protocol: str, rounds: int, processes: int) -> bool:
    cases = {stack: Case("request", f"{stack}_{protocol}") for stack in STACKS}
    measured = alternate(list(cases.values()), rounds=rounds, processes=processes, progress=progress)
    progress("")
    print(f"\n| {protocol.upper()} | request | added | of what django-structlog adds | 8 of 10 rounds |")
    print("|---|---|---|---|---|")
    for stack, case in cases.items():
        ratio = _promise(cases, stack).ratio(measured)
        print(
            f"| {stack.replace('_', '-')} | {_micros(measured, case)} | {_micros(measured, case, cases[BARE])} "
            f"| {ratio.median:.2f} | {ratio.low:.2f} to {ratio.high:.2f} |"
        )
    added = {stack: [one[case] - one[cases[BARE]] for one in measured] for stack, case in cases.items()}
    bars = [
        Bar(stack.replace("_", "-"), spread(times).median / 1000, stack == OURS)
        for stack, times in added.items()
        if stack != BARE
    ]
    title = f"What logging adds to a request under {protocol.upper()}"
    chart(f"request-{protocol}", title, unit="microseconds a request", better="less", bars=bars)
    promise = _promise(cases, OURS)
    ratio = promise.ratio(measured)
    print(
        f"\nPromise <= {MOST}, aim {AIM}: **{ratio.median:.2f}** {promise.verdict(ratio.median)}", flush=True
    )
    return ratio.median <= MOST


def _promise(cases: dict[str, Case], stack: str) -> Promise:
    what = "added to a request"
    return Promise(what, "django-structlog", cases[stack], cases[PEER], MOST, AIM, base=cases[BARE])


def _micros(measured: list[Round], case: Case, base: Case | None = None) -> str:
    times = spread([one[case] - (one[base] if base else 0.0) for one in measured])
    return f"{times.median / 1000:.0f} us"


if __name__ == "__main__":
    sys.exit(main())
