"""Audit events through the installed pipeline: whatever the operational log is set to, the trail has them. (A05)"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loguru import logger

import logkit
from logkit import audit
from logkit.audit import Actor, AuditEvent, Target
from logkit.audit.ledger import writelock
from logkit.testing import Capture
from tests.unit.audit_events.desk import OPENING

Configure = Callable[..., None]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Install a pipeline with a trail below `tmp_path`."""

    def configure(**environ: str) -> None:
        folders = {
            name: str(tmp_path / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
        }
        logkit.configure(
            {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT_FSYNC": "never", **folders, **environ}
        )

    return configure


def lines(root: Path) -> list[dict[str, Any]]:
    """The events, without what the trail says of being opened and closed."""
    found = [
        orjson.loads(line)
        for path in sorted((root / "audit_dir").rglob("*-*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    told = [line for line in found if not line["event"].startswith(OPENING)]
    return sorted(told, key=lambda line: line["id"])


def test_a_foreign_handler_sees_neither_event_nor_context(configure: Configure, tmp_path: Path) -> None:
    """Whoever adds a handler gets a record that says "audit": nobody's id, nothing of the request."""
    configure()
    seen: list[Any] = []
    handler = logger.add(lambda message: seen.append(message.record), level=0, format="{message}")
    try:
        with logkit.bound_context(user_id="somebody", request_id="r-12345678"):
            audit.emit("circle.created", target=Target("circle", 7))
    finally:
        logger.remove(handler)
    (record,) = seen
    assert (record["message"], record["extra"]) == ("audit", {})
    assert lines(tmp_path)[0]["actor"]["id"] == "somebody"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # a thread is there on purpose, from 3.12 on
def test_a_busy_ledger_holds_up_neither_other_threads_nor_a_fork(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one thread waits for the write lock of its stream, Loguru's locks are free. (L02)"""
    monkeypatch.setattr(writelock, "STALLED_AFTER", 10.0)
    monkeypatch.setattr(writelock, "GIVE_UP_AFTER", 10.0)
    configure()
    audit.emit("circle.created")
    waiting = threading.Thread(target=audit.emit, args=("circle.created",))
    stream = os.open(tmp_path / "audit_dir/compliance", os.O_RDONLY)
    fcntl.flock(stream, fcntl.LOCK_EX)
    waiting.start()
    seen = threading.Event()
    sink = logkit.add_sink(lambda event: seen.set(), level="INFO")
    while not seen.wait(0.001):
        logger.info("something.happened")
    if not (child := os.fork()):
        os._exit(0)
    is_still_waiting = waiting.is_alive()
    os.close(stream)
    waiting.join()
    logkit.remove_sink(sink)
    assert os.waitpid(child, 0)[1] == 0
    assert is_still_waiting
    assert len(lines(tmp_path)) == 2


@pytest.mark.parametrize(
    "environ", [{"LOG_LEVEL": "CRITICAL"}, {"LOG_STDOUT": "off"}, {"LOG_LEVELS": "logkit=CRITICAL"}]
)
def test_a05_no_setting_of_the_log_silences_the_trail(
    configure: Configure, tmp_path: Path, environ: dict[str, str]
) -> None:
    """The events arrive through the sink, and there is no bypass to report."""
    configure(**environ)
    seen = Capture()
    logkit.add_sink(seen, level="TRACE")
    receipt = audit.emit("circle.created")
    assert [line["id"] for line in lines(tmp_path)] == [receipt.id]
    assert seen.find("audit.bypassed") == []
    assert seen.find("audit") == []


def test_a05_without_the_sink_the_event_arrives_and_the_log_says_so(
    configure: Configure, tmp_path: Path
) -> None:
    """Somebody removed the handlers: the next line that anybody reads is the report."""
    configure()
    logger.remove()
    heard: list[str] = []
    handler = logger.add(lambda message: heard.append(message.record["message"]), format="{message}")
    try:
        audit.emit("circle.created")
        audit.emit("circle.created")
    finally:
        logger.remove(handler)
    assert len(lines(tmp_path)) == 2
    assert heard.count("audit.bypassed") == 1


def test_a05_with_nobody_left_to_log_the_report_is_on_stderr(tmp_path: Path) -> None:
    """A process that removed every handler: the event is in the trail, one JSON line is on stderr."""
    program = """
import logkit
from logkit import audit
from loguru import logger
logkit.configure()
logger.remove()
print(audit.emit("circle.created").state)
"""
    folders = {
        name: str(tmp_path / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
    }
    environ = {"PATH": os.environ["PATH"], "LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", **folders}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "written"
    reports = [json.loads(line) for line in done.stderr.splitlines()]
    assert "audit.bypassed" in [report["message"] for report in reports]
    assert len(lines(tmp_path)) == 1


def test_a_swap_of_settings_keeps_the_trail(configure: Configure, tmp_path: Path) -> None:
    """Events before and after `configure()` with other settings are in one chain."""
    configure()
    audit.emit("circle.created")
    configure(LOG_LEVEL="DEBUG")
    audit.emit("circle.created")
    assert [line["seq"] for line in lines(tmp_path)] == [2, 3]  # after the one audit.log.started


def test_a_stdlib_record_with_an_event_is_an_audit_event(configure: Configure, tmp_path: Path) -> None:
    """On `mysite.audit` an event goes to the trail and not to the log; an ordinary message goes to the log."""
    configure()
    seen = Capture()
    logkit.add_sink(seen, level="TRACE")
    event = AuditEvent("circle.created", actor=Actor.user(7), target=Target("circle", 1))
    logging.getLogger("mysite.audit").warning(event)
    logging.getLogger("mysite.audit").warning("plain")
    assert [line["id"] for line in lines(tmp_path)] == [event.id]
    assert [line["message"] for line in seen.events] == ["plain"]


PLACES = ("id", "owner", "detail", "nested", "change", "actor", "reason", "dropped")
SECRETS = st.sampled_from(
    [
        "password=" + "hunter2-" * 3,
        "someone" + "@" + "example.org",
        "Bearer " + "abcdef0123456789" * 2,
        "postgres://u:" + "s3cr3t-pass" + "@" + "db/x",
        "4111" + "1111" * 3,
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=SECRETS,
    place=st.sampled_from(["id", "owner", "detail", "nested", "change", "actor", "reason", "dropped"]),
)
def test_p07_planted_secrets_are_in_no_byte_of_the_trail(
    configure: Configure, tmp_path: Path, secret: str, place: str
) -> None:
    """Whichever part of an event carries it; `reason` is no code then, which production writes as a fault."""
    configure(LOG_ENVIRONMENT="production", LOG_PSEUDONYM_KEY="0123456789abcdef" * 3)
    detail: dict[str, Any] = {"source": secret if place == "detail" else "s"}
    if place == "nested":
        detail["invitation_id"] = {"a": [{"b": secret}]}
    if place == "dropped":
        detail[secret] = secret
    audit.emit(
        "user.created",
        actor=Actor.user(secret if place == "actor" else 1),
        target=Target("user", secret if place == "id" else 1, owner=secret if place == "owner" else 1),
        reason=secret if place == "reason" else None,
        change={"x": [secret, 1]} if place == "change" else None,
        detail=detail,
    )
    hidden = (
        secret.removeprefix("password=")
        .removeprefix("Bearer ")
        .replace("postgres://u:", "")
        .replace("@db/x", "")
    )
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert hidden.encode() not in raw
