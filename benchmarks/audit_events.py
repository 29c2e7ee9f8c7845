"""The emit promises: `python -m benchmarks.audit_events [--peer-python PYTHON]`.

From a stated event to its receipt, without Loguru and as `audit.emit()` does it, beside concurrent-log-handler's plain
line of about the same length. Context, catalog, redaction, encoding and chain are in ours; fsync is in neither.
Interleaved, each repeat in a process of its own. Ratios are of median calls; a seal, with its fsyncs, falls on one call
in a thousand and shows in the means.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
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
PROMISES = {"event to receipt": ("direct", 0.8), "full emit()": ("emit", 1.25)}
USER = "01a2096d-adf4-74dd-bc12-000000000007"
REF = "h1:k1:" + "ab" * 16
CONTEXT = {
    "request_id": "3f1c9a52-22aa-4e0e-93c7-0f3d4b6b1d10",
    "method": "POST",
    "route": "api/circles/{circle_id}/members",
    "user_id": USER,
    "session": REF,
    "client_ip": "203.0.113.7",
    "trace_id": "ab" * 16,
    "span_id": "cd" * 8,
}


def ours(which: str, directory: Path) -> Callable[[], object]:
    """One event with two detail fields, a target and the context of a request."""
    import logkit
    from logkit import audit
    from logkit.audit import AuditEvent, Target
    from logkit.audit.trail import current
    from logkit.context import Context, Scope, set_context

    folders = {
        name: str(directory / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
    }
    logkit.configure({"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT_FSYNC": "never", **folders})
    set_context(Context(CONTEXT, Scope()))
    trail, target = current(), Target("user", USER, circle_id=USER)
    detail = {"role": "member", "via": "invitation"}

    def direct() -> object:
        return trail.write_directly(
            trail.seal_up(AuditEvent("circle.member.added", target=target, detail=detail))
        )

    def emit() -> object:
        return audit.emit("circle.member.added", target=target, detail=detail)

    return {"direct": direct, "emit": emit}[which]


def once(which: str, count: int) -> tuple[float, float]:
    """Microseconds of the median call and of the mean, by the wall clock."""
    sys.path.insert(0, str(PROJECT))  # this file is the program, not a module of the package
    directory = Path(tempfile.mkdtemp(prefix="bench-audit-"))
    try:
        if which == "peer":
            from benchmarks.cases.ledger import plain_line

            os.environ["BENCH_SCRATCH"] = str(directory)
            call = plain_line()
        else:
            call = ours(which, directory)
        for _ in range(200):
            call()
        clock, taken = time.perf_counter, []
        for _ in range(count):
            began = clock()
            call()
            taken.append(clock() - began)
        return statistics.median(taken) * 1e6, statistics.fmean(taken) * 1e6
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def compare(repeats: int, peer_python: str) -> bool:
    times: dict[str, list[list[float]]] = {}
    for _ in range(repeats):
        for which in ("peer", "direct", "emit"):
            python = peer_python if which == "peer" else sys.executable
            command = [python, str(Path(__file__)), "--once", json.dumps([which, 5_000])]
            said = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
            times.setdefault(which, []).append(json.loads(said))
    medians = {which: statistics.median(median for median, _ in runs) for which, runs in times.items()}
    means = {which: statistics.median(mean for _, mean in runs) for which, runs in times.items()}
    plain = medians["peer"]
    held = True
    print("| what | ours us | plain line us | ratio | promise | means us |\n|---|---|---|---|---|---|")
    for name, (which, most) in PROMISES.items():
        ratio = medians[which] / plain
        held = held and ratio <= most
        verdict = "held" if ratio <= most else "MISSED"
        mean = f"{means[which]:.1f}, {means['peer']:.1f}"
        print(f"| {name} | {medians[which]:.1f} | {plain:.1f} | {ratio:.2f} | <= {most} {verdict} | {mean} |")
    return held


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--peer-python", default=sys.executable, metavar="PYTHON", help="has concurrent-log-handler"
    )
    parser.add_argument("--once", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(once(*json.loads(options.once))))
        return 0
    if options.peer_python == sys.executable and not importlib.util.find_spec("concurrent_log_handler"):
        print(
            "concurrent-log-handler is not installed here: --peer-python PYTHON names an environment that has it"
        )
        return 1
    return 0 if compare(options.repeats, options.peer_python) else 1


if __name__ == "__main__":
    raise SystemExit(main())
