"""Is it alive, is it ready: what load balancers and orchestrators ask."""

from __future__ import annotations

import shutil

import pytest
from django.conf import settings
from django.db import OperationalError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_healthy_service_is_alive_and_ready():
    """Both answer 200, without a session and without a cookie."""
    assert Client().get("/healthz").json() == {"status": "ok"}
    ready = Client().get("/readyz")
    assert ready.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "broker": "ok"},
    }
    assert "Vary" not in ready.headers or "Cookie" not in ready.headers["Vary"]


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


def test_a_broker_folder_that_is_gone_makes_it_unready():
    """Tasks could not be published."""
    queue = settings.BROKER_DIR / "queue"
    shutil.rmtree(queue)
    try:
        assert Client().get("/readyz").json()["checks"]["broker"] == "failed"
    finally:
        queue.mkdir()
