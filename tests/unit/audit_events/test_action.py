"""`action()`: no durable intent, no action; every intent gets its outcome."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from logkit import audit
from logkit.errors import AuditUnavailable
from tests.unit.audit_events.desk import Desk, FakeTransaction

EXPORT = {"scope": "all", "format": "zip", "legal_basis": "consent"}


class PermissionDenied(Exception):
    """Of the same name as Django's."""


def export(**more: Any) -> audit.Action:
    return audit.action("data.export.requested", target=audit.Target("user", 7), detail=EXPORT, **more)


def stages(desk: Desk) -> list[tuple[str, str, str | None, str]]:
    return [(line["stage"], line["outcome"], line.get("reason"), line["tx"]) for line in desk.lines()]


def test_the_intent_is_on_disk_before_the_block_runs(desk: Desk) -> None:
    """Inside the block the intent can be read; after it the outcome names the intent and adds what came out."""
    with export() as act:
        (intent,) = desk.lines()
        act.add(export_id="e1")
    assert (intent["stage"], intent["outcome"], intent["id"]) == ("intent", "unknown", act.id)
    _, outcome = desk.lines()
    assert (outcome["stage"], outcome["outcome"], outcome["intent_id"]) == ("outcome", "success", act.id)
    assert outcome["detail"] == {**EXPORT, "export_id": "e1"}
    assert outcome["target"] == intent["target"] == [{"type": "user", "id": "7"}]


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (ValueError("secret text"), "failure", "value_error"),
        (PermissionDenied("no"), "denied", "permission_denied"),
        (PermissionError(1, "no"), "denied", "permission_error"),
        (KeyboardInterrupt(), "failure", "keyboard_interrupt"),
    ],
)
def test_an_exception_is_the_outcome_and_passes_through(
    desk: Desk, error: BaseException, outcome: str, reason: str
) -> None:
    """The reason is the exception's name as a code, never its text."""
    with pytest.raises(type(error)), export():
        raise error
    assert stages(desk)[1] == ("outcome", outcome, reason, "none")
    assert b"secret text" not in desk.raw()


def test_a_block_can_say_how_it_ended(desk: Desk) -> None:
    """Without an exception, `failed` and `denied` are the outcome."""
    with export() as act:
        act.failed("quota")
    with export() as act:
        act.denied("not_owner")
    assert [(outcome, reason) for stage, outcome, reason, _ in stages(desk) if stage == "outcome"] == [
        ("failure", "quota"),
        ("denied", "not_owner"),
    ]


def test_a04_without_a_writable_trail_the_block_does_not_run(desk: Desk) -> None:
    """`AuditUnavailable` comes before the side effect, and nothing counts as lost, because nothing happened."""
    desk.break_disk()
    ran = []
    with pytest.raises(AuditUnavailable), export():
        ran.append(1)
    desk.mend_disk()
    audit.emit("circle.created")
    assert ran == []
    assert desk.lines("audit.gap") == []


def test_break_glass_lets_the_block_run_and_is_recorded(make_desk: Callable[..., Desk]) -> None:
    """Until AUDIT_FAIL_OPEN_UNTIL an unwritable trail stops nothing; the trail says so as soon as it can."""
    until = datetime.now(UTC) + timedelta(minutes=30)
    desk = make_desk(AUDIT_FAIL_OPEN_UNTIL=until.isoformat())
    desk.break_disk()
    with export() as act:
        pass
    assert act.receipt is not None
    assert act.receipt.state == "lost"
    desk.mend_disk()
    audit.emit("circle.created")
    gaps = {gap["detail"]["cause"]: gap["detail"]["lost"] for gap in desk.lines("audit.gap")}
    assert gaps == {"break_glass": 2}
    (opened,) = desk.lines("audit.policy.changed")
    assert opened["detail"]["keys"] == ["AUDIT_FAIL_OPEN_UNTIL"]
    assert opened["detail"]["fail_open_until"] == until.isoformat()
    assert {report["cause"] for report in desk.reported("audit.event_lost")} == {"break_glass"}


def test_break_glass_ends(make_desk: Callable[..., Desk]) -> None:
    """After its time it lets nothing through."""
    desk = make_desk(AUDIT_FAIL_OPEN_UNTIL=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    desk.break_disk()
    with pytest.raises(AuditUnavailable), export():
        raise AssertionError("the block ran")


def test_an_outcome_that_cannot_be_written_does_not_undo_the_block(desk: Desk) -> None:
    """It is counted and reported; the caller goes on."""
    with export() as act:
        desk.break_disk()
    assert act.outcome is not None
    assert act.outcome.state == "lost"
    assert len(desk.reported("audit.event_lost")) == 1


def test_a_success_waits_for_the_commit(desk: Desk, transaction: FakeTransaction) -> None:
    """The intent is written inside the transaction, the outcome only at the commit."""
    transaction.begin()
    with export() as act:
        pass
    assert act.outcome is not None
    assert act.outcome.state == "deferred"
    assert stages(desk) == [("intent", "unknown", None, "none")]
    transaction.commit()
    assert stages(desk)[1:] == [("outcome", "success", None, "committed")]


def test_a02_a_rollback_is_the_outcome(desk: Desk, transaction: FakeTransaction) -> None:
    """A dropped outcome says failure, rolled_back, under the same intent id."""
    transaction.begin()
    with export() as act:
        pass
    transaction.rollback()
    assert stages(desk)[1:] == [("outcome", "failure", "rolled_back", "rolled_back")]
    assert desk.lines()[1]["intent_id"] == act.id


def test_async_with_writes_the_same(desk: Desk) -> None:
    """`async with` gives intent and outcome, also when the block raises."""

    async def main() -> None:
        async with export() as act:
            act.add(export_id="e1")
        with pytest.raises(ValueError, match="x"):
            async with export():
                raise ValueError("x")

    asyncio.run(main())
    assert [stage[:2] for stage in stages(desk)] == [
        ("intent", "unknown"),
        ("outcome", "success"),
        ("intent", "unknown"),
        ("outcome", "failure"),
    ]


def test_a_cancelled_block_has_its_outcome(desk: Desk) -> None:
    """Cancelling the task, twice even, leaves no intent without an outcome."""

    async def main() -> None:
        inside = asyncio.Event()

        async def work() -> None:
            async with export():
                inside.set()
                await asyncio.sleep(3600)

        task = asyncio.ensure_future(work())
        await inside.wait()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [stage[:3] for stage in stages(desk)] == [
        ("intent", "unknown", None),
        ("outcome", "failure", "cancelled_error"),
    ]
