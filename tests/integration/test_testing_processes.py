"""The fixtures of `logkit.testing` beside real things: a Celery worker, Django's own test cases."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase

from logkit import audit
from logkit.captured import VARIABLE
from logkit.testing import AuditCapture, Capture
from tests.program import PROJECT
from tests.worker import Broker, connected, worker


@pytest.fixture(scope="module")
def celery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An application whose tasks run in the forked processes of a worker that was started before any test."""
    broker = Broker("filesystem://", tmp_path_factory.mktemp("celery"))
    environ = {VARIABLE: os.environ[VARIABLE]}
    with connected(broker) as app, worker(broker, "prefork", environ=environ):
        yield app


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_worker_is_heard(celery: Any, logs: Capture) -> None:
    """What a task logs in a process of the pool, and its canonical line, reach the test that published it."""
    sent = celery.send_task("work.add", (1, 2))
    line = logs.wait_for("task.succeeded", task_id=sent.id, timeout=60)
    assert line["process"]["id"] != os.getpid()
    logs.none(level="error")


@pytest.mark.django_db
class TestOfDjango(TestCase):
    """Django's `TestCase` rolls everything back: no commit ever comes."""

    @pytest.fixture(autouse=True)
    def _trail(self, audit_events: AuditCapture) -> None:
        self.audit_events = audit_events

    def test_a15_what_waits_for_the_commit_is_seen_as_deferred(self) -> None:
        audit.emit("circle.created", target=audit.Target("circle", 3))
        event = self.audit_events.only("circle.created", target={"id": "3"}, state="deferred")
        assert event["tx"] == "committed"
        assert self.audit_events.written == []

    def test_a15_callbacks_that_are_run_write_it(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            audit.emit("circle.created")
            self.audit_events.only("circle.created", state="deferred")
        self.audit_events.only("circle.created", state="written")

    def test_what_is_rolled_back_is_gone(self) -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012
            audit.emit("circle.created")
            raise ZeroDivisionError
        self.audit_events.none("circle.created")

    def test_a_denial_waits_for_nothing(self) -> None:
        audit.emit(
            "authz.denied",
            outcome="denied",
            reason="not_a_member",
            detail={"permission": "keep.share", "policy": "role"},
        )
        self.audit_events.only("authz.denied", state="written", reason="not_a_member")


def test_the_example_of_the_guide_runs(tmp_path: Path) -> None:
    """docs/guides/testing.md is code that works: its tests pass, in a project that has nothing else."""
    page = (PROJECT / "docs" / "guides" / "testing.md").read_text()
    blocks = [block.partition("```")[0] for block in page.split("```python\n")[1:]]
    (tmp_path / "test_guide.py").write_text("\n\n".join(blocks))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    words = ["-q", "-p", "no:django", "-p", "no:schemathesis", "-p", "no:cacheprovider", "--logkit-update"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--strict-markers", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert result.returncode == 0, result.stdout
