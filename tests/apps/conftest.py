"""A family, tasks that run at once, and what the audit trail took: for the tests of every app."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache

from logkit import audit, pipeline
from logkit.audit.trail import AuditTrail, install
from logkit.redact import Redactor
from mysite import limits
from mysite.celery import app
from tests.apps.people import Family, a_family


@pytest.fixture(autouse=True)
def tasks_run_at_once() -> Iterator[None]:
    """A published task runs before the call returns, retries included; real queues are for the integration tests."""
    app.loader.import_default_modules()  # a task that is known by name alone cannot run here
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture(autouse=True)
def calls_are_counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has called yet, and no window of a limit ends in the middle of a test."""
    cache.clear()
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: 30.0))


@dataclass
class Written:
    """The ledger's answer to one append."""

    seq: int | None
    state: str = "written"


@dataclass
class Trail:
    """A ledger in memory, and a way to ask it."""

    bodies: list[dict[str, Any]] = field(default_factory=list)

    def append(self, body: bytes) -> Written:
        self.bodies.append(json.loads(body))
        return Written(seq=len(self.bodies))

    def sync(self, appended: Written) -> None: ...

    def tend(self) -> None: ...

    def close(self) -> None: ...

    @property
    def events(self) -> list[str]:
        """What was written, by name; of an action only how it ended."""
        return [body["event"] for body in self.bodies if body["stage"] != "intent"]

    def only(self, name: str) -> dict[str, Any]:
        """The one event `name`."""
        found = [body for body in self.bodies if body["event"] == name and body["stage"] != "intent"]
        assert len(found) == 1, f"{len(found)} events {name}; there are {self.events}"
        return found[0]


def _unsaid(level: str, message: str, fields: object) -> None:
    """This trail has no handler in Loguru: that it is bypassed is no news."""


@pytest.fixture(autouse=True)
def trail() -> Iterator[Trail]:
    """What this test says to the audit trail."""
    settings = pipeline.current_settings()
    assert settings is not None
    memory = Trail()
    before = install(AuditTrail(settings, Redactor(), ledgers=lambda stream: memory, report=_unsaid))
    yield memory
    assert audit.waiting() == []
    install(before)


@pytest.fixture
def family(transactional_db: None, trail: Trail) -> Family:
    """One circle and the people around it; commits are real, so that what waits for them happens."""
    made = a_family()
    trail.bodies.clear()  # the story of the test begins here
    return made
