"""The ledger's promises: `python -m benchmarks.ledger [--peer-python PYTHON]`.

Append and throughput are taken side by side with concurrent-log-handler's plain line (no JSON, no chain, no seals),
interleaved, each repeat in a process of its own; medians and ratios. The peer may live in another virtual environment,
which `--peer-python` names. Verify and search are rates of one process on a trail that is written first.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PROCESSES = 8
SEGMENT = 50_000_000

# 721 bytes as a ledger line.
RECORD = (
    '{"id":"01a2096d-adf4-74dd-bc12-%012x","time":"2026-11-23T17:%02d:%02d.628601Z","stream":"security",'
    '"event":"%s","severity":"warning","stage":"single","outcome":"failure","reason":"bad_password","tx":"none",'
    '"actor":{"type":"user","id":"%d","auth_method":"password","mfa":false,"client_ip":"203.0.113.7"},'
    '"target":[{"type":"keep","id":"%d","owner":"9","circle_id":"3"}],'
    '"request":{"id":"3f1c9a52-22aa-4e0e-93c7-0f3d4b6b1d10","method":"POST","route":"api/circles/{circle_id}/keeps"},'
    '"service":{"name":"mysite","environment":"dev"},"v":1}'
)


def record(number: int) -> str:
    event = "auth.login.failed" if number % 3 else "keep.viewed"
    return RECORD % (number, number // 60 % 60, number % 60, event, number % 5000, number)


def ours(directory: Path) -> Callable[[str], object]:
    """The ledger without fsync, as it is used: chained, locked, recovered."""
    from logkit.audit.ledger import Ledger
    from logkit.parsers import Rotation

    ledger = Ledger(
        directory,
        stream="security",
        rotation=Rotation(size=SEGMENT, seconds=86_400),
        fsync="never",
        file_mode=0o640,
        group=None,
        key_directory=directory / "keys",
        spool_directory=directory / "spool",
    )
    return lambda text: ledger.append(text.encode())


def peer(directory: Path) -> Callable[[str], object]:
    """concurrent-log-handler as its documentation configures it."""
    from concurrent_log_handler import ConcurrentRotatingFileHandler  # type: ignore[import-not-found, unused-ignore]

    handler = ConcurrentRotatingFileHandler(str(directory / "plain.log"), "a", SEGMENT, 5)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.Logger("plain", logging.INFO)  # noqa: LOG001 - one of its own, in a process of its own
    logger.addHandler(handler)
    return logger.info


def once(which: str, count: int, processes: int) -> float:
    """Microseconds a record, by the wall clock, over all processes together."""
    directory = Path(tempfile.mkdtemp(prefix="bench-ledger-"))
    (directory / "imported").mkdir()
    try:
        make = {"ours": ours, "peer": peer}[which]
        if processes == 1:
            return timed(make(directory), count)
        make(directory / "imported")  # by the parent, so that no child pays for it
        began = time.perf_counter()
        children = []
        for _ in range(processes):
            pid = os.fork()
            if pid == 0:
                timed(make(directory), count, warm=1)
                os._exit(0)
            children.append(pid)
        for child in children:
            os.waitpid(child, 0)
        return (time.perf_counter() - began) / (count * processes) * 1e6
    finally:
        shutil.rmtree(directory)


def timed(write: Callable[[str], object], count: int, warm: int = 200) -> float:
    texts = [record(number) for number in range(200)]
    for text in texts[:warm]:
        write(text)
    began = time.perf_counter()
    for number in range(count):
        write(texts[number % 200])
    return (time.perf_counter() - began) / count * 1e6


def compare(repeats: int, peer_python: str) -> None:
    cases = {
        "append": (("ours", 20_000, 1), ("peer", 5_000, 1)),
        f"{PROCESSES} processes": (("ours", 2_500, PROCESSES), ("peer", 1_000, PROCESSES)),
    }
    times: dict[tuple[str, int, int], list[float]] = {}
    for _ in range(repeats):
        for pair in cases.values():
            for case in pair:
                python = peer_python if case[0] == "peer" else sys.executable
                command = [python, str(Path(__file__)), "--once", json.dumps(case)]
                said = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
                times.setdefault(case, []).append(float(said))
    promises = {"append": 0.5, f"{PROCESSES} processes": 0.5}
    print("| what | ours us | plain line us | ratio | promise |\n|---|---|---|---|---|")
    for name, (mine, theirs) in cases.items():
        one, other = statistics.median(times[mine]), statistics.median(times[theirs])
        verdict = "held" if one / other <= promises[name] else "MISSED"
        print(f"| {name} | {one:.1f} | {other:.1f} | {one / other:.2f} | <= {promises[name]} {verdict} |")


def read(records: int) -> None:
    from logkit.audit.query import Filter, search
    from logkit.audit.verify import Question, verify_stream

    root = Path(tempfile.mkdtemp(prefix="bench-ledger-"))
    try:
        write = ours(root)
        for number in range(records):
            write(record(number))
        directory = root / "security"
        for jobs in (1, 2):
            began, cpu = time.perf_counter(), time.process_time()
            report = verify_stream(directory, Question(jobs=jobs), key_path=root / "keys/security.key")
            assert (report.exit_code, report.records) == (0, records)
            wall, used = time.perf_counter() - began, time.process_time() - cpu
            on = f", {records / used:,.0f}/s of processor time" if jobs == 1 else ""
            print(f"verify, {jobs} process: {records / wall:,.0f} records/s{on}")
        began, cpu = time.perf_counter(), time.process_time()
        hits = sum(1 for _ in search([directory], Filter(actor="user:77", events=("auth.*",))))
        wall, used = time.perf_counter() - began, time.process_time() - cpu
        spent = f"{wall:.1f} s ({used:.1f} s of processor time)"
        print(f"search with a filter over {records:,} records: {hits} hits in {spent}")
    finally:
        shutil.rmtree(root)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--records", type=int, default=300_000, help="for verify and search")
    parser.add_argument(
        "--peer-python", default=sys.executable, metavar="PYTHON", help="has concurrent-log-handler"
    )
    parser.add_argument("--once", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        which, count, processes = json.loads(options.once)
        print(once(which, count, processes))
        return 0
    if options.peer_python != sys.executable or importlib.util.find_spec("concurrent_log_handler"):
        compare(options.repeats, options.peer_python)
    else:
        print(
            "concurrent-log-handler is not installed here: --peer-python PYTHON names an environment that has it"
        )
    read(options.records)
    return 0


if __name__ == "__main__":
    sys.exit(main())
