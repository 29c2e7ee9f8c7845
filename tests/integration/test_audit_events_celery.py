"""Audit events in tasks, with a real worker on a broker in memory. (A10)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

import logkit.celery
from logkit import audit
from logkit.audit.emit.deferred import NoTransactions, set_transactions
from logkit.context import new_scope
from tests.unit.audit_events.desk import Desk, opened

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    before = set_transactions(NoTransactions())
    with opened(tmp_path / "trail") as desk:
        yield desk
    set_transactions(before)


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("audited", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.worker_redirect_stdouts = False
    yield app
    app.close()


def test_a10_a_retried_task_acts_for_the_user_who_started_it(app: Celery, desk: Desk) -> None:
    """Two attempts: same request and root ids, the task as actor, the user as `on_behalf_of`, reads added up."""

    @app.task(bind=True, name="audited.process", max_retries=1, default_retry_delay=0)  # type: ignore[untyped-decorator]
    def process(self: Any) -> None:
        for _ in range(2):
            audit.emit(
                "data.read", target=audit.Target("keep", 1), detail={"object_count": 1, "purpose": "process"}
            )
        if not self.request.retries:
            raise self.retry()
        audit.emit("circle.created")

    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR"):
        with new_scope({"request_id": "r-12345678", "method": "POST", "user_id": "7"}):
            result = process.delay()
        result.get(timeout=20)
    first, second, created = desk.lines()
    assert [line["event"] for line in (first, second, created)] == [
        "data.read",
        "data.read",
        "circle.created",
    ]
    for line in (first, second, created):
        assert line["actor"] == {"type": "task", "id": "audited.process", "on_behalf_of": "7"}
        assert line["request"]["id"] == "r-12345678"
        assert line["task"]["root_id"] == result.id
    assert [line["task"].get("retries") for line in (first, second)] == [0, 1]
    assert first["detail"]["coalesced"] == 2


def test_what_beat_sends_any_worker_can_do(app: Celery, desk: Desk) -> None:
    """Every entry of the schedule names a task that importing logkit.celery brings along; one of them seals."""
    audit.emit("circle.created")
    for entry in logkit.celery.beat_schedule().values():
        app.tasks[entry["task"]].apply(throw=True)
    assert list(desk.root.rglob("checkpoints.jsonl"))
