"""The story of `tests.celery_app`, told by a real worker of every pool on the broker of files. (C01-C19)"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.celery_app import story as stories
from tests.celery_app.checks import *  # noqa: F403  what the story must say
from tests.celery_app.story import Story
from tests.worker import Broker, connected, worker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module", params=["prefork", "threads", "solo"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """One worker, everything sent to it, and its last words too."""
    directory: Path = tmp_path_factory.mktemp(f"celery-{request.param}")
    broker = Broker("filesystem://", directory)
    with connected(broker) as app, worker(broker, request.param) as program:
        told = stories.tell(request.param, app, program)
        assert program.stop(signal.SIGTERM) == 0
        told.lines = program.lines
        yield told


def test_c07_failures_that_the_worker_reports_name_task_and_request(story: Story) -> None:
    """A killed process, a hard time limit, and a message that goes back to the queue when its process dies."""
    if story.pool != "prefork":
        pytest.skip("only a pool of processes outlives its tasks")
    for name, reason in (("die", "worker_lost"), ("overrun", "time_limit")):
        end = story.end(name)
        assert (end["message"], end["level"], end["context"]["reason"]) == ("task.lost", "ERROR", reason)
        assert end["context"]["task"] == f"work.{name}"
        assert end["context"]["user_id"] == "7"
        assert end["context"]["duration_ms"] > 0
    first, second = story.ends("die_late")
    assert (first["message"], first["context"]["requeued"]) == ("task.lost", True)
    assert second["message"] == "task.succeeded"


def test_c07_a_task_that_exits_says_so_itself(story: Story) -> None:
    """`sys.exit()` in a task: one line, by the process that ran it."""
    if story.pool != "prefork":
        pytest.skip("it would end the worker")
    end = story.end("exit")
    assert (end["message"], end["context"]["exception_type"]) == ("task.failed", "SystemExit")


def test_c17_a_soft_time_limit_strikes_while_a_line_is_written(story: Story) -> None:
    """The task that does nothing but log still catches it."""
    if story.pool != "prefork":
        pytest.skip("only a pool of processes has soft time limits")
    assert story.end("soft")["message"] == "task.succeeded"
    assert [line for line in story.of("soft") if line["message"] == "soft.caught"]


def test_the_worker_says_how_it_ended(story: Story) -> None:
    """The last lines are ours too."""
    events = [line["message"] for line in story.lines]
    assert events.index("worker.started") < events.index("worker.stopping") < events.index("worker.stopped")
