"""Django's tasks framework, with a site and a worker in processes of their own. (C16)

On Django 6 it is `django.tasks`, on 5.2 the backport of the same authors; both with their backend in the database.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.program import PROJECT, program_environ
from tests.schema import check_line

Line = dict[str, Any]
ENDS = frozenset({"task.succeeded", "task.failed", "task.retried"})


@dataclass(frozen=True)
class Story:
    """What the site wrote, then the worker."""

    site: list[Line]
    worker: list[Line]

    def of(self, name: str, lines: list[Line]) -> list[Line]:
        return [line for line in lines if line["context"].get("request_id") == f"request-{name}"]

    def ran(self, name: str, task: str = "greet") -> list[Line]:
        """The lines that the worker wrote of the task that a request sent, whatever request it thinks that was."""
        (sent,) = [
            line["context"]["task_id"]
            for line in self.of(name, self.site)
            if line["message"] == "task.published" and line["context"]["task"].endswith(f".{task}")
        ]
        return [line for line in self.worker if line["context"].get("task_id") == sent]


def start(directory: Path, *arguments: str, **environ: str) -> list[Line]:
    """Run a program of the site; every line that it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=PROJECT,
        env=program_environ(
            {
                "DJANGO_SETTINGS_MODULE": "tests.tasks_site.settings",
                "SITE_DIR": str(directory),
                "LOG_LEVEL": "DEBUG",
                "LOG_LEVELS": "django.db=INFO,asyncio=INFO",
                "LOG_TASK_CACHE": "shared",
                "PYTHONWARNINGS": "ignore",
                **environ,
            }
        ),
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    for line in lines:
        check_line(line)
    return lines


def attempt(line: Line) -> tuple[str, int]:
    return line["context"]["task_id"], line["context"]["retries"]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    directory = tmp_path_factory.mktemp("tasks")
    site = start(directory, "tests.tasks_site.site")
    worker = start(directory, "django", "db_worker", "--batch", "--no-startup-delay", "--no-reload")
    return Story(site, worker)


def test_c16_a_task_in_another_process_knows_its_request(story: Story) -> None:
    """Every line of it has the request's id, the user and the task's ids, and what it binds itself."""
    lines = story.ran("greet")
    assert [line["message"] for line in lines] == ["task.started", "job.done", "task.succeeded"]
    for line in lines:
        context = line["context"]
        assert (context["request_id"], context["user_id"], context["retries"]) == ("request-greet", "7", 0)
        assert context["root_id"] == context["task_id"]
        assert context["task"] == "tests.tasks_site.jobs.greet"
        assert "parent_id" not in context
    assert lines[1]["context"]["circle_id"] == 7


def test_c16_an_attempt_has_one_canonical_line_with_its_measures(story: Story) -> None:
    """Run time, queue wait, queue, worker, queries and what the task added."""
    end = story.ran("greet")[-1]
    context = end["context"]
    assert end["level"] == "INFO"
    assert context["duration_ms"] > 0
    assert context["queue_ms"] > 0
    assert (context["queue"], context["outcome"]) == ("default", "succeeded")
    assert (context["db_queries"], context["rows"]) == (2, 12)  # its own, and the backend's that it is done
    assert context["worker"]
    lines = [line for line in (*story.site, *story.worker) if "task_id" in line["context"]]
    ends = [attempt(line) for line in lines if line["message"] in ENDS]
    assert sorted(ends) == sorted(set(ends))
    assert sorted(ends) == sorted(attempt(line) for line in lines if line["message"] == "task.started")


def test_c16_a_failure_is_an_error_with_its_traceback_once(story: Story) -> None:
    """From the task's own code on; the framework's own line for it is folded into ours."""
    end = story.ran("fail", "fail")[-1]
    assert (end["message"], end["level"]) == ("task.failed", "ERROR")
    assert end["context"]["exception_type"] == "ValueError"
    assert "in fail" in end["exception"]["stack"]
    assert "django_tasks_db" not in end["exception"]["stack"]
    assert len([line for line in story.worker if "exception" in line]) == 1
    for line in (*story.site, *story.worker):
        assert not line["message"].startswith("Task id="), line


def test_c16_every_attempt_has_its_line_and_its_number(story: Story) -> None:
    """A backend that tries again: retried at WARNING, then failed at ERROR, under one id."""
    ends = [line for line in story.of("again", story.site) if line["message"] in ENDS]
    assert [(line["message"], line["level"], line["context"]["retries"]) for line in ends] == [
        ("task.retried", "WARNING", 0),
        ("task.failed", "ERROR", 1),
    ]
    assert len({line["context"]["task_id"] for line in ends}) == 1
    assert {line["context"]["worker"] for line in ends} == {"worker-1"}
    assert {line["context"]["user_id"] for line in ends} == {"7"}


def test_c16_a_task_of_a_task_is_its_child(story: Story) -> None:
    """Parent and root are its sender and its sender's root; the request is the same."""
    (parent,) = [line["context"] for line in story.ran("have_child", "have_child") if line["message"] in ENDS]
    (child,) = [
        line["context"]
        for line in story.of("have_child", story.worker)
        if line["message"] == "task.succeeded" and line["context"]["task"].endswith("greet")
    ]
    assert child["parent_id"] == child["root_id"] == parent["task_id"]
    assert child["user_id"] == "7"


def test_c16_nothing_of_a_task_is_seen_outside_of_it(story: Story) -> None:
    """The worker's own lines belong to no task, and no task sees what another has bound."""
    for line in story.worker:
        if line["logger"].startswith("django_tasks_db"):
            assert "task_id" not in line["context"]
            assert "request_id" not in line["context"]
        if "circle_id" in line["context"]:
            assert line["context"]["task"].endswith("greet")


def test_c16_a_task_that_runs_in_place_sees_its_request(story: Story) -> None:
    """It inherits what the request has bound, and the request goes on with its own context."""
    lines = story.of("greet-inside", story.site)
    events = [line["message"] for line in lines if line["message"] != "logkit.unknown_variables"]
    assert events == [
        "request.started",
        "task.published",
        "task.started",
        "job.done",
        "task.succeeded",
        "task.sent",
        "request.finished",
    ]
    inside, after = lines[events.index("job.done")]["context"], lines[events.index("task.sent")]["context"]
    assert (inside["method"], inside["user_id"]) == ("GET", "7")
    assert not {"task_id", "circle_id"} & after.keys()
    (failed,) = [line for line in story.of("fail-inside", story.site) if line["message"] == "task.failed"]
    assert failed["exception"]["message"] == "broken"
    assert "queue" not in failed["context"]


def test_c16_an_async_view_and_an_async_task(story: Story) -> None:
    """`aenqueue` and a coroutine change nothing of it."""
    assert [line["message"] for line in story.ran("async", "greet_slowly")] == [
        "task.started",
        "job.done",
        "task.succeeded",
    ]
    for line in story.ran("async", "greet_slowly"):
        assert line["context"]["request_id"] == "request-async"


def test_c16_what_is_sent_is_a_line_at_debug(story: Story) -> None:
    """Also where nobody runs it."""
    (line,) = [line for line in story.of("nobody", story.site) if line["message"] == "task.published"]
    assert line["level"] == "DEBUG"
    assert line["context"]["queue"] == "default"


def test_c18_a_forged_carrier_correlates_and_names_nobody(story: Story) -> None:
    """Whoever can write to the cache can choose a request id, and no user."""
    for line in story.ran("forged"):
        assert line["context"]["request_id"] == "request-of-others"
        assert "user_id" not in line["context"]


@pytest.mark.parametrize("name", ["garbage", "huge", "odd", "away"])
def test_c06_without_a_carrier_the_task_is_a_root(story: Story, name: str) -> None:
    """Nothing that is in the cache, or is not, keeps a task from running; it has an id of its own."""
    lines = story.ran(name)
    assert [line["message"] for line in lines] == ["task.started", "job.done", "task.succeeded"]
    for line in lines:
        assert line["context"]["request_id"] == line["context"]["root_id"] == line["context"]["task_id"]
        assert "user_id" not in line["context"]


def test_c04_a_cache_that_is_away_is_told_and_stops_nothing(story: Story) -> None:
    """The request is answered, its task is enqueued."""
    lines = story.of("away", story.site)
    (told,) = [line for line in lines if line["message"] == "logkit.hook_failed"]
    assert (told["context"]["hook"], told["exception"]["message"]) == ("leave_carrier", "the cache is away")
    (finished,) = [line for line in lines if line["message"] == "request.finished"]
    assert finished["context"]["status"] == 200
    others = [line for line in (*story.site, *story.worker) if line["message"] == "logkit.hook_failed"]
    assert others == [told]


def test_a_cache_that_workers_do_not_share_is_found_by_a_check(tmp_path: Path) -> None:
    """logkit.W011, where tasks run elsewhere; not with a shared cache."""
    for alias, found in (("default", True), ("shared", False), ("absent", True)):
        done = subprocess.run(
            [sys.executable, "-m", "django", "check", "--tag", "logkit"],
            cwd=PROJECT,
            env=program_environ(
                {
                    "DJANGO_SETTINGS_MODULE": "tests.tasks_site.settings",
                    "SITE_DIR": str(tmp_path),
                    "LOG_TASK_CACHE": alias,
                }
            ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ("logkit.W011" in done.stderr) is found, done.stderr
