"""Is it alive, is it ready: what load balancers and orchestrators ask."""

from __future__ import annotations

import time

import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from logkit import pipeline
from mysite import health

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_healthy_service_is_alive_and_ready():
    """Both answer 200, without a session and without a cookie."""
    assert Client().get("/healthz").json() == {"status": "ok"}
    ready = Client().get("/readyz")
    assert ready.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "broker": "ok", "audit": "ok"},
    }
    assert "Vary" not in ready.headers or "Cookie" not in ready.headers["Vary"]


@pytest.mark.allow_log_errors("request.finished", "Service Unavailable: /readyz")
def test_a_database_that_is_away_makes_it_unready_not_dead(monkeypatch, logs):
    """The process is not restarted for its database's sake, and the answer tells no host or user."""

    def away(*args, **kwargs):
        raise OperationalError("could not connect to db.internal as anna")

    monkeypatch.setattr(connections["default"], "cursor", away)
    assert Client().get("/healthz").status_code == 200
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "failed")
    assert b"db.internal" not in answer.content
    assert logs.find("readiness.check_failed", check="database")


def test_missing_migrations_make_it_unready():
    """The answer says what to run."""
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("users", "0002_account_life")
    try:
        answer = Client().get("/readyz")
    finally:
        recorder.record_applied("users", "0002_account_life")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "1 to apply: manage.py migrate"


def test_a_broker_folder_that_is_gone_is_told_and_takes_nobody_out():
    """Tasks cannot be published now; what was committed is published again later."""
    queue = settings.BROKER_DIR / "queue"
    aside = queue.rename(settings.BROKER_DIR / "aside")
    queue.write_text("in the way")
    try:
        answer = Client().get("/readyz")
    finally:
        queue.unlink()
        aside.rename(queue)
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["broker"] == "failed"


@pytest.mark.parametrize("url", ["amqp://guest:hush@127.0.0.1:1//", "redis://:hush@127.0.0.1:1/0"])
def test_a_broker_on_the_network_that_is_away_is_told_at_once(settings, logs, url):
    """It is asked, with patience for two seconds; the answer names neither host nor password."""
    settings.CELERY_BROKER_URL = url
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = {}
    started = time.monotonic()
    answer = Client().get("/readyz")
    assert time.monotonic() - started < 3 * health.PATIENCE_S
    assert (answer.status_code, answer.json()["checks"]["broker"]) == (200, "failed")
    assert b"hush" not in answer.content
    logs.only("readiness.check_failed", check="broker")


@pytest.fixture
def trail_in(tmp_path):
    """A trail and a spool that are directories of this test."""
    before = pipeline.current_settings()
    directories = {name: tmp_path / name for name in ("audit", "spool", "keys")}
    for directory in directories.values():
        directory.mkdir()
    pipeline.configure(
        {
            "LOG_ENVIRONMENT": "test",
            "LOG_STDOUT": "off",
            "AUDIT_DIR": str(directories["audit"]),
            "AUDIT_SPOOL_DIR": str(directories["spool"]),
            "AUDIT_KEY_DIR": str(directories["keys"]),
        }
    )
    yield directories
    pipeline.configure(before)


def test_a_trail_that_cannot_be_written_is_told(trail_in):
    """While the spool takes the events nothing is lost."""
    trail_in["audit"].rmdir()
    trail_in["audit"].write_text("a file in its place")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["audit"] == "spooling"


@pytest.mark.allow_log_errors("request.finished", "Service Unavailable: /readyz")
def test_where_nothing_can_be_recorded_nobody_is_sent(trail_in, logs):
    """Neither trail nor spool: unready, and the log says why."""
    for name in ("audit", "spool"):
        trail_in[name].rmdir()
        trail_in[name].write_text("a file in its place")
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["audit"]) == (503, "failed")
    logs.only("readiness.check_failed", check="audit", exception_type="NotADirectoryError")


def test_looking_leaves_nothing_behind(trail_in):
    """The trail's directory holds what the trail wrote."""
    Client().get("/readyz")
    assert list(trail_in["audit"].iterdir()) == []
