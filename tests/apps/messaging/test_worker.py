"""Deliveries through real processes: a prefork worker, the filesystem broker, a file database, a worker killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from logkit.testing import wait_until
from mysite.processes import PROJECT, Process, Service, manage, plan, running
from tests.apps.databases import ask, own_database

SEND = """
from users.models import Circle, Membership, User
from messaging import services
author, reader = (User.objects.create_user(f"{name}@people.example") for name in ("author", "reader"))
circle = Circle.objects.create(name="Test circle")
for user, role in ((author, "owner"), (reader, "member")):
    Membership.objects.create(circle=circle, user=user, role=role)
services.send(author, circle.id, "Dinner at seven")
"""
RECOVER = """
from datetime import timedelta
from django.utils import timezone
from messaging.models import Delivery
from messaging.tasks import recover
Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(hours=1))
recover.delay()
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The service below `tmp_path` with a database of its own, migrated, not started."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LOG_", "AUDIT"))}
    environ = {
        **inherited,
        "LOG_ENVIRONMENT": "test",
        "LOG_FORMAT": "json",
        "VAR_DIR": str(tmp_path / "var"),
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PUSH_BACKOFF_S": "0.1",
        "PUSH_TIMEOUT_S": "30",
    }
    with own_database(tmp_path) as url:
        planned = plan(tmp_path / "log", {**environ, "DATABASE_URL": url})
        manage("migrate", environ=planned.environ)
        yield planned


def run(service: Service, code: str) -> None:
    """Run `code` in a process of the project."""
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=PROJECT,
        env=dict(service.environ),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def deliveries(service: Service) -> list[tuple[str, int]]:
    return ask(service.environ["DATABASE_URL"], "SELECT state, attempts FROM messaging_delivery")


def tell(service: Service, **behaviour: int) -> None:
    httpx.put(f"{service.gateway}/control", json=behaviour).raise_for_status()


def worker_lines(service: Service) -> list[dict]:
    path = service.directory / "worker.jsonl"
    lines = (line for line in path.read_bytes().splitlines() if line.startswith(b"{"))
    return [json.loads(line) for line in lines]


def test_c01_a_refused_push_is_retried_by_the_worker_under_one_request_id(service):
    """503, then 202: two attempts of one task, one push for the gateway, and every line under the sender's id."""
    with running(service):
        tell(service, fail_next=1)
        run(service, SEND)
        wait_until(lambda: deliveries(service) == [("sent", 2)], timeout=30, what="the delivery")
        wait_until(
            lambda: any(line["message"] == "delivery.sent" for line in worker_lines(service)),
            what="the worker's line",
        )
        received = httpx.get(f"{service.gateway}/received").json()["received"]
    assert [call["fate"] for call in received] == ["failed", "accepted"]
    assert len({call["key"] for call in received}) == 1
    about = [line["context"] for line in worker_lines(service) if "message_id" in line["context"]]
    assert {context["request_id"] for context in about} == {call["request_id"] for call in received}


def test_a_worker_killed_in_the_middle_of_a_push_loses_no_delivery(service):
    """kill -9 while the gateway takes its time: a new worker and the recovery deliver it, under the same key."""
    with running(service) as processes:
        worker = next(process for process in processes if process.name == "worker")
        tell(service, slow_ms=15_000)
        run(service, SEND)
        wait_until(lambda: deliveries(service) == [("pending", 1)], timeout=30, what="the first attempt")
        os.killpg(worker.popen.pid, signal.SIGKILL)
        worker.popen.wait()
        tell(service)
        again = Process("worker", worker.argv, worker.directory, lambda: True)
        again.start(service.environ)
        try:
            run(service, RECOVER)
            wait_until(lambda: deliveries(service) == [("sent", 2)], timeout=40, what="the delivery")
        finally:
            again.stop()
        received = httpx.get(f"{service.gateway}/received").json()["received"]
    assert len({call["key"] for call in received}) == 1
    assert [call["fate"] for call in received].count("accepted") == 1
