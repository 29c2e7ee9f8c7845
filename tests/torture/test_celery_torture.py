"""Pool processes that are killed again and again while all their threads log. (C13)"""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from logkit.testing import wait_until
from tests.celery_app import tasks
from tests.worker import Broker, connected, worker

pytestmark = [pytest.mark.torture, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

KILLS = 30


@pytest.mark.timeout(400)
@pytest.mark.parametrize("mode", ["direct", "buffered"])
def test_c13_kills_while_all_threads_log(
    mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No child hangs after its fork, no line is torn, every lost task is named, and the worker ends when told."""
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    broker = Broker("filesystem://", tmp_path)
    environ = {"LOG_STDOUT_MODE": mode, "LOG_LEVEL": "INFO"}
    arguments = ("--max-tasks-per-child", "5")
    with connected(broker), worker(broker, "prefork", *arguments, environ=environ) as program:
        sent = kills = 0
        while kills < KILLS:
            if sent < 2 * (kills + 2):  # one more than there are processes, so that somebody is at work
                tasks.chatty.delay(chance.uniform(0.2, 0.5))
                sent += 1
                continue
            seen = len(program.lines)
            wait_until(lambda seen=seen: len(program.lines) > seen, timeout=60, what="a line after a kill")
            wait_until(
                lambda: children(program.popen.pid), timeout=60, what="a process in the place of a killed one"
            )
            with suppress(ProcessLookupError):
                os.kill(chance.choice(children(program.popen.pid)), signal.SIGKILL)
                kills += 1
        last = tasks.chatty.delay(0.1).id
        program.wait_for("task.succeeded", timeout=150, task_id=last)
        assert program.stop() == 0
        lost, done = len(program.find("task.lost")), len(program.find("task.succeeded"))
        said = len(program.find("chatty.line"))
        with capsys.disabled():
            print(f"\n{mode}: seed {seed}, {kills} kills, {lost} lost, {done} done, {said} lines")
        assert lost > KILLS / 5  # or nobody was at work
        if mode == "direct":  # a killed process takes what is in its buffer along
            assert lost + done >= sent + 1
        assert not program.find("logkit.sink_failed")


def children(pid: int) -> list[int]:
    """The processes of the pool, whichever thread of the worker forked them."""
    return [
        int(each)
        for file in Path(f"/proc/{pid}/task").glob("*/children")
        for each in file.read_text().split()
    ]
