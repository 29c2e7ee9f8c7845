"""Beat, and a worker whose processes come and go: every line is whole, and nobody hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from logkit.context import new_scope
from tests.celery_app import tasks
from tests.program import PROJECT, program_environ
from tests.worker import ENDS, Broker, Program, connected, worker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


IGNORED = ("--logfile", "a-log-that-nobody-writes")


class Site(NamedTuple):
    app: Any
    worker: Program
    broker: Broker


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A worker that replaces a process after each task and writes through a buffer."""
    broker = Broker("filesystem://", tmp_path_factory.mktemp("programs"))
    environ = {"LOG_STDOUT_MODE": "buffered"}
    with (
        connected(broker) as app,
        worker(broker, "prefork", "--max-tasks-per-child", "1", *IGNORED, environ=environ) as program,
    ):
        yield Site(app, program, broker)


@pytest.fixture
def beat(site: Site) -> Iterator[Program]:
    """Not for longer than one test: it asks for as many processes as a slow machine can replace."""
    argv = ["-m", "celery", "-A", "tests.celery_app", "beat"]
    program = Program(argv, site.broker.directory, site.broker.environ, "beat")
    program.start()
    try:
        program.wait_for("beat.started")
        yield program
    finally:
        program.stop()


def check_quiet(program: Program) -> None:
    """No line of the dispatcher, which tells of receivers that raised, or of a sink that failed."""
    for line in program.lines:
        assert line["logger"] != "celery.utils.dispatch", line
        assert line["message"] not in ("logkit.dropped", "logkit.sink_failed")


def test_c15_what_beat_sends_is_a_root_of_its_own(site: Site, beat: Program) -> None:
    """It names the entry of the schedule; every run has another request id; beat prints JSON only."""
    done = site.worker.wait_for("nothing.done", count=2, schedule="every-moment")
    ids = {line["context"]["request_id"] for line in done}
    assert len(ids) == len(done)
    for line in done:
        assert "parent_id" not in line["context"]
        assert line["context"]["root_id"] == line["context"]["task_id"]
    sent = beat.wait_for("Scheduler: Sending due task every-moment (work.nothing)")
    assert {line["context"]["schedule"] for line in sent} == {"every-moment"}
    assert ids & {line["context"]["request_id"] for line in sent}
    check_quiet(beat)


def test_c13_children_that_come_and_go_lose_no_line(site: Site) -> None:
    """With `max_tasks_per_child` and a buffer, the last lines of each process arrive too."""
    sent = [tasks.fields.delay().id for _ in range(4)]
    for task_id in sent:
        site.worker.wait_for("task.succeeded", task_id=task_id)
        (bound,) = site.worker.find("fields.bound", task_id=task_id)
        assert bound["process"]["id"] != site.worker.popen.pid
    processes = {site.worker.find("task.succeeded", task_id=task_id)[0]["process"]["id"] for task_id in sent}
    assert len(processes) == len(sent)


def test_c13_a_child_killed_while_its_threads_log_is_replaced(site: Site) -> None:
    """The worker names the lost task; the next process logs at once; no line is torn."""
    with new_scope({"request_id": "request-killed"}):
        task_id = tasks.chatty.delay(60.0).id
    (started,) = site.worker.wait_for("task.started", task_id=task_id)
    os.kill(started["process"]["id"], signal.SIGKILL)
    (lost,) = site.worker.wait_for("task.lost", task_id=task_id)
    assert lost["context"]["request_id"] == "request-killed"
    after = tasks.chatty.delay(0.1).id
    site.worker.wait_for("task.succeeded", task_id=after)
    assert site.worker.find("chatty.line", task_id=after)


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_detaching_is_refused(site: Site, program: str) -> None:
    """`--detach` would give stdout away; the program says what to do and ends."""
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tests.celery_app", program, "--detach"],
        cwd=PROJECT,
        env=program_environ({"TEST_BROKER": "memory://", "TEST_BROKER_DIR": str(site.worker.directory)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert f"celery {program} --detach is not supported" in done.stderr
    assert done.stdout == ""


def test_an_option_that_does_nothing_is_told(site: Site) -> None:
    """Once, with what to use in its place; that nobody ends up waiting for a file."""
    (told,) = site.worker.wait_for("worker.option_ignored")
    assert (told["level"], told["context"]["option"]) == ("WARNING", "--logfile")
    assert told["context"]["use"] == "LOG_FILE"
    assert not (PROJECT / IGNORED[1]).exists()


def test_c12_everything_that_a_worker_says_is_a_line(site: Site) -> None:
    """From its first moment: it warns of running as root before it sets up its logging."""
    assert "Warning" not in site.worker.stderr
    first = site.worker.lines[0]["message"]
    assert (os.geteuid() == 0) is first.startswith("You're running the worker with superuser privileges")


def test_c07_a_cold_end_names_the_tasks_it_cut_off(tmp_path: Path) -> None:
    """SIGQUIT: each has its line, which says whether its message comes back; the very last line is the worker's."""
    broker = Broker("filesystem://", tmp_path)
    with connected(broker), worker(broker, "prefork", "-B") as program:
        program.wait_for(
            "Scheduler: Sending due task every-moment (work.nothing)"
        )  # a process of its own (C15)
        with new_scope({"request_id": "request-cut-off"}):
            sent = {
                tasks.wait.delay(60).id: ("ERROR", False),
                tasks.wait_late.delay(60).id: ("WARNING", True),
            }
        for task_id in sent:
            program.wait_for("task.started", task_id=task_id)
        assert program.stop(signal.SIGQUIT) == 0
        assert program.stderr == ""
        for task_id, (level, requeued) in sent.items():
            (end,) = [
                line
                for line in program.lines
                if line["message"] in ENDS and line["context"]["task_id"] == task_id
            ]
            assert (end["message"], end["level"]) == ("task.lost", level)
            assert (end["context"]["reason"], end["context"]["requeued"]) == ("cancelled", requeued)
            assert end["context"]["request_id"] == "request-cut-off"
        assert program.find("worker.stopping", how="cold")
        assert program.lines[-1]["message"] == "worker.stopped"


def test_c10_no_receiver_raises(site: Site) -> None:
    """C10: none of our receivers raised in any of the programs."""
    site.worker.wait_for("task.succeeded", task_id=tasks.fields.delay().id)
    check_quiet(site.worker)
