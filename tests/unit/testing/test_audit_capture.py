"""`AuditCapture`: what is stated to the trail, read from its ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import logkit
from logkit import audit
from logkit.audit.emit.deferred import set_transactions
from logkit.pipeline import current_settings
from logkit.testing import QUIET, AuditCapture, capture_audit
from tests.program import PROJECT, program_environ
from tests.unit.audit_events.desk import FakeTransaction

KEEP = audit.Target("keep", 3, owner=7)
DETAIL = {"object_count": 1, "mode": "soft"}


def delete() -> audit.Receipt:
    return audit.emit("data.deleted", target=KEEP, detail=DETAIL)


@pytest.fixture
def off() -> None:
    """Logging as a project's tests often have it: no trail."""
    logkit.shutdown()
    logkit.configure(QUIET)


def test_where_the_trail_is_off_it_is_on_for_the_test(off: None, audit_events: AuditCapture) -> None:
    """With a ledger of its own, which takes the event for real."""
    receipt = delete()
    assert receipt.state == "written"
    event = audit_events.only("data.deleted", outcome="success", target={"type": "keep"}, object_count=1)
    assert (event["seq"], event["state"], event["id"]) == (receipt.seq, "written", receipt.id)


@pytest.mark.parametrize("configured", [True, False])
def test_afterwards_everything_is_as_it_was(configured: bool, tmp_path: Path) -> None:
    """The trail is off again, or logging not configured at all; the environment has no trace of it."""
    logkit.shutdown()
    if configured:
        logkit.configure(QUIET)
    before = current_settings()
    with capture_audit(tmp_path):
        delete()
    assert current_settings() == before


def test_only_what_the_test_states_is_seen(off: None, tmp_path: Path) -> None:
    """A ledger that is in use already is read from where it ends, also over its rotations."""
    directories = {name: str(tmp_path / name) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")}
    logkit.configure(QUIET | {"AUDIT": "on", "AUDIT_ROTATION": "1 KB", "AUDIT_FSYNC": "never"} | directories)
    delete()
    with capture_audit(tmp_path / "unused") as events:
        assert events.events == []
        for _ in range(5):
            delete()
        seqs = [event["seq"] for event in events.find("data.deleted")]
        assert len(seqs) == 5
        assert seqs == sorted(seqs)
        assert seqs[0] > 1
        assert len(list((tmp_path / "AUDIT_DIR").rglob("2*.jsonl*"))) > 1
        assert not (tmp_path / "unused").exists()


def test_of_an_action_the_outcome_counts(off: None, audit_events: AuditCapture) -> None:
    """The intent can be asked for; while the action goes on, it is all there is."""
    with audit.action("data.deleted", target=KEEP, detail=DETAIL):
        audit_events.only("data.deleted", stage="intent", outcome="unknown")
    audit_events.only("data.deleted", stage="outcome", outcome="success")
    audit_events.only("data.deleted", stage="intent")
    assert len(audit_events.events) == 2


def test_what_waits_for_a_commit_is_seen_as_deferred(off: None, audit_events: AuditCapture) -> None:
    """And as written once the commit has come; one that was rolled back never was."""
    fake = FakeTransaction()
    before = set_transactions(fake)
    try:
        fake.begin()
        delete()
        audit_events.only("data.deleted", state="deferred", tx="committed")
        assert audit_events.written == []
        fake.commit()
        audit_events.only("data.deleted", state="written")
        fake.begin()
        delete()
        fake.rollback()
        assert len(audit_events.find("data.deleted")) == 1
    finally:
        set_transactions(before)


def test_failures_show_what_was_stated(off: None, audit_events: AuditCapture) -> None:
    """The same texts as for log events, with what says who did what to what."""
    delete()
    with pytest.raises(AssertionError) as raised:
        audit_events.has("data.deleted", outcome="denied", target={"id": "4"}, mode="soft")
    assert str(raised.value) == (
        "no audit event data.deleted with outcome='denied' target={'id': '4'} mode='soft'\n\n"
        "nearest of 1 audit event:\n\n"
        "  data.deleted   success, written, warning\n"
        "                 expected     logged\n"
        "      ≠ outcome  'denied'     'success'\n"
        "      ≠ target   {'id': '4'}  [{'type': 'keep', 'id': '3', 'owner': '7'}]\n"
        "      = mode     'soft'       'soft'\n"
        "        stage='single'  tx='none'  actor={'type': 'system'}  object_count=1"
    )
    audit_events.none("data.exported")
    audit_events.none(level="critical")
    with pytest.raises(AssertionError, match="expected no audit event at INFO or above, there is 1"):
        audit_events.none(level="info")


CHILD = """
import logkit
from logkit import audit
logkit.configure()
audit.emit("data.deleted", target=audit.Target("keep", 9), detail={"object_count": 1, "mode": "hard"})
"""


def test_a_process_that_shares_the_ledger_is_seen(off: None, audit_events: AuditCapture) -> None:
    """One that the test starts does so by its environment."""
    given = {name: value for name, value in os.environ.items() if name.startswith("AUDIT")}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], cwd=PROJECT, env=program_environ({"LOG_STDOUT": "off", **given})
    )
    audit_events.wait_for("data.deleted", timeout=30, mode="hard", target={"id": "9"})
    assert child.wait(20) == 0
