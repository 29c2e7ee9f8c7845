"""Many thousand tasks with retries, sub-tasks and chords, while processes of the pool are killed at random.

`SOAK_TASKS` and `SOAK_SEED` choose how many and which; the seed is printed.
"""

from __future__ import annotations

import os
import random
import signal
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from logkit.context import new_scope
from tests.celery_app import tasks
from tests.services.brokers import remove_queue
from tests.services.servers import amqp_server, redis_server
from tests.worker import Broker, Program, connected, worker

pytestmark = [
    pytest.mark.soak,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.timeout(1800),
]

PER_ROOT = 4 + 1 / 5 + 3 / 10  # attempts that one root makes, on average
KILL_EVERY = 100  # attempts
STALLED = 120.0  # seconds without a new line
FLAT = 25 * 1024  # kB that the worker may grow between the first quarter and the end


@pytest.mark.parametrize(("kind", "share"), [("redis", 1.0), ("rabbitmq", 0.15)])
def test_soak(kind: str, share: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line names its own root request, every task runs, nothing hangs, memory stays flat."""
    attempts = int(int(os.environ.get("SOAK_TASKS", "20000")) * share)
    seed = int(os.environ.get("SOAK_SEED", random.SystemRandom().randrange(2**32)))
    chance = random.Random(seed)
    queue = f"logkit-soak-{uuid.uuid4().hex}"
    with (redis_server if kind == "redis" else amqp_server)() as url:
        backend = {"TEST_RESULTS": url} if kind == "redis" else {}
        broker = Broker(url, tmp_path, queue)
        environ = {"LOG_LEVEL": "INFO", **backend}
        try:
            with (
                connected(broker),
                worker(broker, "prefork", "-n", f"celery@{queue}", environ=environ) as program,
            ):
                started = time.monotonic()
                numbers = range(int(attempts / PER_ROOT))
                for number in numbers:
                    with new_scope({"request_id": f"soak-request-{number}"}):
                        tasks.soak_root.delay(number)
                kills, memory = _kill_until_done(program, len(numbers), attempts // KILL_EVERY, chance)
                seconds = time.monotonic() - started
                assert program.stop() == 0
                counts = _check(program)
        finally:
            remove_queue(url, queue)
    with capsys.disabled():
        print(f"\n{kind}: seed {seed}, {kills} kills, {seconds:.0f} s, worker {memory} kB, {dict(counts)}")
    assert memory[1] - memory[0] < FLAT


def _kill_until_done(
    program: Program, roots: int, most_kills: int, chance: random.Random
) -> tuple[int, tuple[int, int]]:
    """Kill processes of the pool, evenly over the work; returns how many, and the worker's memory early and late."""
    wanted = roots * 4
    worked: set[tuple[int, object]] = set()
    read = kills = early = 0
    changed = time.monotonic()
    while len(worked) < wanted:
        lines = program.lines
        worked |= {_unit(line) for line in lines[read:] if line["message"] == "soak.worked"}
        worked = {
            unit for unit in worked if unit[1] not in (3, 4, "total")
        }  # of chords, which a kill may cut short
        if len(lines) > read:
            read, changed = len(lines), time.monotonic()
        assert program.popen.poll() is None, program.stderr[-2000:]
        assert time.monotonic() - changed < STALLED, f"{len(worked)} of {wanted} done, then nothing"
        if not early and len(worked) > wanted / 4:
            early = _resident(program.popen.pid)
        if kills < most_kills * len(worked) / wanted and (children := list(_children(program.popen.pid))):
            with suppress(ProcessLookupError):
                os.kill(chance.choice(children), signal.SIGKILL)
                kills += 1
        time.sleep(0.05)
    return kills, (early, _resident(program.popen.pid))


def _check(program: Program) -> Counter[str]:
    """Every line of a task has the request id of its root; returns the lines by event."""
    counts: Counter[str] = Counter()
    requests: dict[str, set[str]] = defaultdict(set)
    for line in program.lines:
        context = line["context"]
        counts[line["message"] if line["message"].startswith(("task.", "soak.")) else "other"] += 1
        if line["message"] == "soak.worked":
            assert context["request_id"] == f"soak-request-{context['number']}", line
        if "root_id" in context:
            requests[context["root_id"]].add(context["request_id"])
        assert line["logger"] != "celery.utils.dispatch", line
        assert line["message"] not in ("logkit.dropped", "logkit.sink_failed"), line
    assert {root: names for root, names in requests.items() if len(names) != 1} == {}
    return counts


def _unit(line: dict[str, dict[str, object]]) -> tuple[int, object]:
    context = line["context"]
    return int(str(context["number"])), context.get("leaf")


def _children(pid: int) -> Iterator[int]:
    for name in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(name)


def _resident(pid: int) -> int:
    """kB of memory that a process has."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
