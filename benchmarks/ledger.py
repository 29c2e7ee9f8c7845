"""How fast the trail is read: `python -m benchmarks.ledger [--records 1000000]`.

Writes a trail of one stream, sealed as it grows, and verifies it with one process and with two; then compresses the
first half, as retention does, and searches it. What appending costs is in `python -m benchmarks ledger`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cases.ledger import open_ledger, record

VERIFY_PROMISE, SECOND_CORE_AIM = 250_000, 1.7
SEARCHES: dict[str, dict[str, object]] = {
    "one actor, auth.*": {"actor": "user:77", "events": ("auth.*",)},
    "one target, exact": {"target": "keep:424242"},
    "one outcome, glob": {"outcomes": ("failure",), "events": ("keep.*",)},
}


@contextmanager
def trail(records: int) -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="bench-ledger-"))
    os.environ["BENCH_SCRATCH"] = str(root)
    try:
        ledger = open_ledger()
        for number in range(records):
            ledger.append(record(number).encode())
            if number % 1_000 == 0:
                ledger.tend()
        ledger.seal()
        yield root
    finally:
        shutil.rmtree(root)


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the wall clock and of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def verify(root: Path, records: int, repeats: int) -> bool:
    from logkit.audit.verify import Question, verify_stream

    def whole(jobs: int) -> Callable[[], None]:
        def run() -> None:
            report = verify_stream(
                root / "audit/security", Question(jobs=jobs), key_path=root / "keys/security.key"
            )
            assert (report.exit_code, report.records) == (0, records)

        return run

    one, two = zip(*[(timed(whole(1)), timed(whole(2))) for _ in range(repeats)], strict=True)
    rate = records / statistics.median(cpu for _, cpu in one)
    gain = statistics.median(alone[0] / both[0] for alone, both in zip(one, two, strict=True))
    held = rate >= VERIFY_PROMISE
    print(
        f"| verify, one process | {rate:,.0f} records/s of processor time | >= {VERIFY_PROMISE:,} "
        f"| {'held' if held else 'MISSED'} |\n"
        f"| verify, two processes | {gain:.2f} times one, by the wall clock | aim {SECOND_CORE_AIM} "
        f"| {'aim met' if gain >= SECOND_CORE_AIM else 'not met'} |"
    )
    return held


def search(root: Path, repeats: int) -> None:
    from logkit.audit.query import Filter
    from logkit.audit.query import search as records_of

    for name, wanted in SEARCHES.items():
        found: list[int] = []
        asked = Filter(**wanted)  # type: ignore[arg-type]

        def run(asked: Filter = asked, found: list[int] = found) -> None:
            found.append(sum(1 for _ in records_of([root / "audit/security"], asked)))

        walls, cpus = zip(*[timed(run) for _ in range(repeats)], strict=True)
        print(
            f"| search, {name} | {found[0]:,} hits in {statistics.median(walls):.1f} s "
            f"({statistics.median(cpus):.1f} s of processor time) | seconds | |",
            flush=True,
        )


def compress(root: Path) -> None:
    from logkit.audit.files.segments import list_segments
    from logkit.audit.retention.compress import compress as compressed

    segments = list_segments(root / "audit/security")
    for segment in segments[: len(segments) // 2]:
        compressed(segment)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with trail(options.records) as root:
        size = sum(path.stat().st_size for path in (root / "audit/security").glob("*.jsonl"))
        print(f"{options.records:,} records, {size / 1e6:,.0f} MB\n")
        print("| what | | promise | |\n|---|---|---|---|")
        held = verify(root, options.records, options.repeats)
        compress(root)
        search(root, options.repeats)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
