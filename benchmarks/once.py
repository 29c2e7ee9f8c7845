"""Time one case in this process: `python -m benchmarks.once MODULE FUNCTION`; prints ns per call on stderr."""

from __future__ import annotations

import gc
import os
import sys
import time
from importlib import import_module

_WARM = 2_000
_BATCH = 2_000
_SECONDS = 0.6


def main(module: str, function: str) -> None:
    """The median over batches, so that a neighbour's burst does not count."""
    call = getattr(import_module(f"benchmarks.cases.{module}"), function)()
    for _ in range(_WARM):
        call()
    gc.collect()
    batches: list[float] = []
    until = time.perf_counter() + _SECONDS
    while time.perf_counter() < until:
        start = time.process_time_ns()
        for _ in range(_BATCH):
            call()
        batches.append((time.process_time_ns() - start) / _BATCH)
    batches.sort()
    print(batches[len(batches) // 2], file=sys.stderr)
    sys.stdout.flush()
    os._exit(0)  # what a stack does at exit is not measured


if __name__ == "__main__":
    main(*sys.argv[1:])
