"""A worker that is told to grow, to restart its pool and to end a task, while it works. (C12, C13, C14)"""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from logkit.context import new_scope
from logkit.testing import wait_until
from tests.celery_app import tasks
from tests.services.brokers import remove_queue
from tests.services.servers import redis_server
from tests.worker import ENDS, Broker, Program, connected, worker

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


class Site(NamedTuple):
    app: Any
    worker: Program
    name: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A worker of one to three processes on Redis, which remote control can reach."""
    queue = f"logkit-tests-{uuid.uuid4().hex}"
    name = f"celery@{queue}"
    with redis_server() as url:
        broker = Broker(url, tmp_path_factory.mktemp("life"), queue)
        try:
            with (
                connected(broker) as app,
                worker(broker, "prefork", "-n", name, "--autoscale", "3,1") as program,
            ):
                yield Site(app, program, name)
                assert program.stop() == 0
                attempts = Counter(
                    line["context"]["task_id"] for line in program.lines if line["message"] in ENDS
                )
                assert set(attempts.values()) == {1}
                assert len(program.find("worker.stopped")) == 1
        finally:
            remove_queue(url, queue)


def process_of(site: Site, event: str, task_id: str) -> int:
    (line,) = site.worker.wait_for(event, task_id=task_id)
    pid: int = line["process"]["id"]
    return pid


def test_c13_a_pool_that_grows(site: Site) -> None:
    """Autoscale: the processes that are added log like the first ones."""
    sent = [tasks.wait.delay(3).id for _ in range(3)]
    assert len({process_of(site, "task.started", task_id) for task_id in sent}) == 3
    assert {line["logger"] for line in site.worker.wait_for("Scaling up 1 processes.")} == {
        "celery.worker.autoscale"
    }
    for task_id in sent:
        site.worker.wait_for("task.succeeded", task_id=task_id)


def test_c13_a_pool_that_is_restarted(site: Site) -> None:
    """Other processes; what they print is a line, and nothing is doubled."""
    tasks.fields.delay()
    site.worker.wait_for("task.succeeded", task="work.fields")
    old = {line["process"]["id"] for line in site.worker.lines}
    assert site.app.control.pool_restart(destination=[site.name], reply=True, timeout=20)
    task_id = ""

    def is_replaced() -> bool:  # a process ends after one more task
        nonlocal task_id
        task_id = tasks.fields.delay().id
        return process_of(site, "task.succeeded", task_id) not in old

    wait_until(is_replaced, timeout=60, what="a process in the place of the old ones")
    assert len(site.worker.find("printed by hand", task_id=task_id)) == 1
    assert len(site.worker.find("worker.started")) == 1


def test_c14_a_task_that_is_terminated(site: Site) -> None:
    """Revoked, with the signal, by the worker; its process says that it was interrupted."""
    with new_scope({"request_id": "request-terminated"}):
        result = tasks.wait.delay(60)
    process_of(site, "task.started", result.id)
    result.revoke(terminate=True)
    (revoked,) = site.worker.wait_for("task.revoked", task_id=result.id)
    context = revoked["context"]
    assert (context["terminated"], context["expired"], context["signal"]) == (True, False, "15")
    assert context["request_id"] == "request-terminated"
    (interrupted,) = site.worker.wait_for("task.interrupted", task_id=result.id)
    assert interrupted["level"] == "DEBUG"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_c07_a_process_that_somebody_kills(site: Site, number: signal.Signals) -> None:
    """Whatever the signal: one line that says which task was lost with it."""
    task_id = tasks.wait.delay(60).id
    os.kill(process_of(site, "task.started", task_id), number)
    (lost,) = site.worker.wait_for("task.lost", task_id=task_id)
    assert lost["context"]["reason"] == "worker_lost"
    assert "stack" in lost["exception"]
