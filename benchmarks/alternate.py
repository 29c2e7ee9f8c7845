"""Time several cases side by side: a live process for each, in turn, a slice of some milliseconds at a time.

Machines change their speed within seconds, and neighbours come and go; a slice and the next one see the same machine.
So what is compared are slices of one round, and the median over all rounds is what is told. Fresh processes are
started several times, because a process may be lucky with its memory for as long as it lives.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

Round = dict["Case", float]  # nanoseconds a call
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to time: a function of a module of `benchmarks.cases` that sets a stack up and returns the call."""

    module: str
    function: str
    clock: str = "cpu"  # of the process: waiting for one's turn does not count; or "thread", or "wall"

    def __str__(self) -> str:
        return f"{self.module}.{self.function}"


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the range that eight of ten rounds lie in."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    ordered = sorted(values)
    tenth = len(ordered) // 10
    return Spread(statistics.median(ordered), ordered[tenth], ordered[-1 - tenth])


def alternate(cases: Sequence[Case], *, rounds: int, processes: int, progress: Progress) -> list[Round]:
    """`rounds` rounds with one set of processes, and that `processes` times; each round in an order of its own."""
    measured: list[Round] = []
    for generation in range(1, processes + 1):
        with contextlib.ExitStack() as stack:
            runners = {}
            for case in cases:
                progress(f"{generation}/{processes} starting {case}")
                runners[case] = stack.enter_context(_runner(case))
            for number in range(1, rounds + 1):
                progress(f"{generation}/{processes} round {number}/{rounds}")
                order = random.sample(list(cases), len(cases))
                times = {case: runners[case]() for case in order}
                measured.append({case: times[case] for case in cases})
    return measured


@contextlib.contextmanager
def _runner(case: Case) -> Iterator[Callable[[], float]]:
    """A process that has set `case` up; calling it runs one slice. Its stdout is /dev/null."""
    scratch = tempfile.mkdtemp(prefix="bench-")
    answers, theirs = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.slice", case.module, case.function, case.clock, str(theirs)],
        cwd=PROJECT,
        env={**os.environ, "BENCH_SCRATCH": scratch},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[theirs],
    )
    os.close(theirs)
    assert child.stdin is not None
    assert child.stderr is not None
    try:
        with os.fdopen(answers, encoding="ascii") as lines:

            def answer() -> str:
                line = lines.readline()
                if not line:
                    raise SystemExit(f"{case} failed: {child.stderr.read().decode(errors='replace')}")
                return line

            def one_slice() -> float:
                os.write(child.stdin.fileno(), b"\n")
                return float(answer())

            answer()  # it is set up and warm
            yield one_slice
    finally:
        child.stdin.close()
        child.wait(timeout=30)
        child.stderr.close()
        shutil.rmtree(scratch, ignore_errors=True)
