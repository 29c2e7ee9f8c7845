"""The process behind one case: `python -m benchmarks.slice MODULE FUNCTION CLOCK FD`.

For every line on stdin it runs one slice of calls and writes nanoseconds a call to the descriptor FD.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from importlib import import_module
from pathlib import Path

_WARM = 0.3  # seconds
_SLICE = 0.02  # seconds; shorter than the machine's moods, longer than a clock's grain
_CLOCKS = {"cpu": time.process_time_ns, "thread": time.thread_time_ns, "wall": time.perf_counter_ns}


def scratch() -> Path:
    """A directory of this process's own; it goes when the process has gone."""
    return Path(os.environ["BENCH_SCRATCH"])


def main(module: str, function: str, clock: str, answers: int) -> None:
    call = getattr(import_module(f"benchmarks.cases.{module}"), function)()
    now = _CLOCKS[clock]
    count = 0
    began = time.perf_counter()
    while (spent := time.perf_counter() - began) < _WARM:
        call()
        count += 1
    calls = max(1, round(count / spent * _SLICE))
    gc.collect()
    os.write(answers, b"warm\n")
    while os.read(0, 1):
        start = now()
        for _ in range(calls):
            call()
        os.write(answers, b"%d\n" % ((now() - start) / calls))
    os._exit(0)  # what a stack does at exit is not measured


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
