"""`python -m benchmarks.tail`: `logkit tail` beside jq and pino-pretty on the same file; interleaved, medians, ratios.

jq and pino-pretty come from the machine (`apt install jq`, `npm install -g pino-pretty`); what is missing is left out.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson

from benchmarks.report import Bar, chart

PROJECT = Path(__file__).resolve().parent.parent
TAIL = [sys.executable, "-m", "logkit", "tail"]
Cost = tuple[float, float]  # seconds: on the clock, of the processors
AT_LEAST = 2.0  # times the peer's speed

_STACK = (
    'Traceback (most recent call last):\n  File "/srv/app/keeps/tasks.py", line 61, in process\n'
    '    image = Image.open(stream)\n  File "/srv/venv/lib/python3.11/site-packages/PIL/Image.py", line 3498, in open\n'
    "    raise UnidentifiedImageError(msg)\nPIL.UnidentifiedImageError: cannot identify image file"
)
_EVENTS = (
    (40, "INFO", "messaging.services", "message.sent", {"circle_id": 1, "message_id": 1, "recipients": 4}),
    (25, "INFO", "messaging.tasks", "push.delivered", {"message_id": 3, "device": "ios", "attempt": 1}),
    (5, "WARNING", "messaging.push", "push.retried", {"status": 503, "attempt": 2, "wait_ms": 250.0}),
    (
        20,
        "INFO",
        "logkit.exchange",
        "request.finished",
        {"status": 201, "duration_ms": 34.215, "db_queries": 6},
    ),
    (8, "DEBUG", "django.db.backends", "query.ran", {"sql": "SELECT id, name FROM circles WHERE id = %s"}),
    (2, "ERROR", "keeps.tasks", "keep.processing_failed", {"keep_id": 88, "reason": "unreadable image"}),
)


@dataclass(frozen=True, slots=True)
class Contest:
    """The same work by both; `theirs` reads standard input."""

    what: str
    ours: list[str]
    theirs: list[str]


CONTESTS = (
    Contest("pretty text", [*TAIL], ["pino-pretty"]),
    Contest("pretty text in colour", [*TAIL, "--colour", "always"], ["pino-pretty", "--colorize"]),
    Contest(
        "pretty text without fields",
        [*TAIL, "-S", "-I", "none"],
        ["pino-pretty", "-m", "message", "-S", "-i", "context,source,process,service,thread"],
    ),
    Contest(
        "JSON of one event",
        [*TAIL, "--json", "--event", "keep.processing_failed"],
        ["jq", "-c", 'select(.message == "keep.processing_failed")'],
    ),
    Contest(
        "JSON from a level up",
        [*TAIL, "--json", "-l", "warn"],
        ["jq", "-c", 'select(.level == "WARNING" or .level == "ERROR" or .level == "CRITICAL")'],
    ),
    Contest(
        "JSON by a number",
        [*TAIL, "--json", "-f", "status>=200"],
        ["jq", "-c", "select(.context.status >= 200)"],
    ),
    Contest(
        "JSON by a value that most lines have",
        [*TAIL, "--json", "-f", "user_id!=5"],
        ["jq", "-c", "select(.context.user_id != 5)"],
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tail", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=100)
    options = parser.parse_args()
    chosen = [contest for contest in CONTESTS if shutil.which(contest.theirs[0])]
    for missing in sorted({contest.theirs[0] for contest in CONTESTS if contest not in chosen}):
        print(f"{missing} is not on this machine: left out", file=sys.stderr)
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory, "app.log")
        lines = write(log, options.megabytes * 1_000_000)
        rounds: dict[str, list[tuple[Cost, Cost]]] = {contest.what: [] for contest in chosen}
        for _ in range(options.repeats):
            for contest in chosen:
                ours = cost([*contest.ours, str(log)], log)
                rounds[contest.what].append((ours, cost(contest.theirs, log)))
    size = f"{lines} lines, {options.megabytes} MB"
    print(f"{size}; medians of {options.repeats} ratios of neighbours in time, least to most\n")
    print(f"| what | against | ours | times as fast | by processor time | promise: {AT_LEAST:g} |")
    print("|---|---|---|---|---|---|")
    held = True
    for contest in chosen:
        found = rounds[contest.what]
        wall, cpu = (sorted(theirs[clock] / ours[clock] for ours, theirs in found) for clock in (0, 1))
        is_held = statistics.median(wall) >= AT_LEAST
        held = held and is_held
        cells = [contest.what, contest.theirs[0], f"{statistics.median(ours[0] for ours, _ in found):.2f} s"]
        cells += [
            f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})" for ratios in (wall, cpu)
        ]
        print(f"| {' | '.join(cells)} | {'held' if is_held else 'MISSED'} |")
        drawn(contest, found)
    return 0 if held else 1


def drawn(contest: Contest, found: list[tuple[Cost, Cost]]) -> None:
    """Seconds on the clock of both, for the first contest of each kind."""
    name = {"pretty text": "pretty", "JSON from a level up": "filter"}.get(contest.what)
    if name is not None:
        ours, theirs = (statistics.median(pair[side][0] for pair in found) for side in (0, 1))
        bars = [Bar("logkit tail", ours, True), Bar(contest.theirs[0], theirs, False)]
        title = f"The same log file read: {contest.what}"
        chart(f"tail-{name}", title, unit="seconds", better="less", bars=bars)


def cost(command: list[str], log: Path) -> Cost:
    """Seconds on the clock and of the processors, with the log on standard input and the output thrown away."""
    with log.open("rb") as given:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, stdin=given, stdout=subprocess.DEVNULL, cwd=PROJECT, check=True)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write(log: Path, size: int) -> int:
    """Fill `log` with lines of schema v1 as a busy service writes them; how many there are."""
    chance = random.Random(7)
    clock = datetime(2026, 1, 5, 14, 2, 11, 123456, tzinfo=UTC)
    written = lines = 0
    with log.open("wb") as file:
        while written < size:
            clock += timedelta(milliseconds=20)
            for event in request(chance, clock):
                written += file.write(orjson.dumps(event) + b"\n")
                lines += 1
    return lines


def request(chance: random.Random, began: datetime) -> Iterator[dict[str, object]]:
    """The lines of one request."""
    ids = [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(2)]
    trace = f"{chance.getrandbits(128):032x}"
    user = chance.randint(1, 500)
    around = {"request_id": ids[0], "trace_id": trace, "span_id": trace[:16], "user_id": user}
    around |= {"session": f"h1:k1:{trace[:24]}", "client_ip": f"203.0.113.{user % 250}", "method": "POST"}
    around |= {"route": "api/circles/{circle_id}/messages"}
    for _ in range(chance.randint(3, 9)):
        began += timedelta(microseconds=chance.randint(200, 9000))
        _, level, logger, message, fields = chance.choices(_EVENTS, [event[0] for event in _EVENTS])[0]
        task = {"task_id": ids[1], "task": "messaging.tasks.fan_out", "root_id": ids[1], "retries": 0}
        event: dict[str, object] = {
            "timestamp": began.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": level,
            "logger": logger,
            "message": message,
            "context": around | (task if "tasks" in logger else {}) | fields,
            "source": {"file": logger.replace(".", "/") + ".py", "line": 42, "function": "send"},
            "process": {"id": 71, "name": "gunicorn"},
            "thread": "MainThread",
            "service": {"name": "mysite", "environment": "dev", "release": "2026.1.1"},
        }
        if level == "ERROR":
            kind = "PIL.UnidentifiedImageError"
            event["exception"] = {"type": kind, "message": "cannot identify image file", "stack": _STACK}
        yield event


if __name__ == "__main__":
    sys.exit(main())
