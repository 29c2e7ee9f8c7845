"""What the story must say of tasks whose process is gone, and of soft time limits: a pool of processes has them."""

from __future__ import annotations

import billiard

from tests.celery_app.story import Story


def test_c07_failures_that_the_worker_reports_name_task_and_request(story: Story) -> None:
    """A killed process, a hard time limit, and a message that goes back to the queue when its process dies."""
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
    """`sys.exit()` in a task: one line, by the process that ran it; or by the worker, where it will not be silenced."""
    end = story.end("exit")
    expected = (
        ("task.failed", "SystemExit") if billiard.VERSION >= (4, 3) else ("task.lost", "WorkerLostError")
    )
    assert (end["message"], end["context"]["exception_type"]) == expected


def test_c17_a_soft_time_limit_strikes_while_a_line_is_written(story: Story) -> None:
    """The task that does nothing but log still catches it."""
    assert story.end("soft")["message"] == "task.succeeded"
    assert [line for line in story.of("soft") if line["message"] == "soft.caught"]
