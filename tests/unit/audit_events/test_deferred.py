"""Waiting for a commit, and for the end of a request."""

import gc
from typing import Any

import pytest
from loguru import logger

from logkit import audit
from logkit.audit import Actor
from logkit.context import new_scope
from logkit.errors import AuditUnavailable
from tests.unit.audit_events.desk import Desk, FakeTransaction

READ: dict[str, Any] = {"target": audit.Target("keep", 1), "detail": {"object_count": 2, "purpose": "view"}}


def test_a_success_waits_for_the_commit_and_a_denial_does_not(
    desk: Desk, transaction: FakeTransaction
) -> None:
    """A02: what a rollback must not erase is written at once, what it makes untrue is not."""
    transaction.begin()
    created = audit.emit("circle.created")
    denied = audit.emit("authz.denied", outcome="denied", detail={"permission": "p", "policy": "q"})
    assert (created.state, created.seq, denied.state) == ("deferred", None, "written")
    assert [line["event"] for line in desk.lines()] == ["authz.denied"]
    transaction.commit()
    assert [(line["event"], line["tx"]) for line in desk.lines()] == [
        ("circle.created", "committed"),
        ("authz.denied", "none"),
    ]


def test_a_rolled_back_success_never_was(desk: Desk, transaction: FakeTransaction) -> None:
    """After a rollback nothing claims that it happened."""
    transaction.begin()
    audit.emit("circle.created")
    transaction.rollback()
    gc.collect()
    assert desk.lines() == []


def test_a15_what_waits_can_be_seen(desk: Desk, transaction: FakeTransaction) -> None:
    """Tests ask for the events that wait for a commit that never comes."""
    transaction.begin()
    audit.emit("circle.created")
    with audit.action("audit.log.read", detail={"query": "all"}) as act:
        act.add(rows=0)
    assert [(event.event, event.stage) for event in audit.waiting()] == [
        ("circle.created", "single"),
        ("audit.log.read", "outcome"),
    ]
    transaction.commit()
    assert audit.waiting() == []


def test_a_commit_that_cannot_be_recorded_is_counted(desk: Desk, transaction: FakeTransaction) -> None:
    """The callback does not raise into a commit that is done."""
    transaction.begin()
    audit.emit("circle.created")
    desk.break_disk()
    transaction.commit()
    assert len(desk.reported("audit.event_lost")) == 1


def test_what_follows_a_commit_cannot_fail_it(desk: Desk, transaction: FakeTransaction) -> None:
    """A row that cannot be deleted, say: reported, and the next callback runs."""
    transaction.begin()
    audit.emit("circle.created")
    audit.emit("circle.created")
    assert transaction.hooks is not None
    transaction.hooks[0].afterwards = lambda: 1 / 0  # type: ignore[assignment,return-value]
    transaction.commit()
    assert len(desk.lines()) == 2
    assert [fields["exception_type"] for fields in desk.reported("audit.outbox_failed")] == [
        "ZeroDivisionError"
    ]


def test_a_finaliser_inside_the_ledger_waits(desk: Desk, transaction: FakeTransaction) -> None:
    """When the collector finalises an outcome while its thread is in the ledger, the next event settles it."""
    transaction.begin()
    with audit.action("audit.log.read", detail={"query": "all"}) as act:
        act.add(rows=0)
    handler = logger.add(lambda _: transaction.rollback(), level="AUDIT", format="", catch=False)
    try:
        audit.emit("circle.created", outcome="failure")  # on its way to the ledger the rollback comes
    finally:
        logger.remove(handler)
    assert [line["event"] for line in desk.lines()] == ["audit.log.read", "circle.created"]
    audit.settle()
    assert [line["outcome"] for line in desk.lines("audit.log.read")] == ["unknown", "failure"]


def test_repeated_reads_of_one_request_are_one_event(desk: Desk) -> None:
    """Equal reads add up; another target is another event; all are written when the request ends."""
    with new_scope({"request_id": "r-12345678", "method": "GET", "user_id": "7"}):
        states = [audit.emit("data.read", **READ).state for _ in range(3)]
        audit.emit("data.read", **{**READ, "target": audit.Target("keep", 2)})
        assert desk.lines() == []
        audit.settle()
        audit.settle()
    one, two = desk.lines()
    assert states == ["deferred"] * 3
    assert one["detail"] == {"object_count": 6, "purpose": "view", "coalesced": 3}
    assert two["detail"] == {"object_count": 2, "purpose": "view"}
    assert one["actor"] == {"type": "user", "id": "7"}


def test_what_comes_after_the_end_is_written_at_once(desk: Desk) -> None:
    """A thread that outlives its request loses nothing."""
    with new_scope({}):
        audit.emit("data.read", **READ)
        audit.settle()
        assert audit.emit("data.read", **READ).state == "written"
    assert len(desk.lines()) == 2


def test_a_request_holds_back_a_bounded_number(desk: Desk) -> None:
    """Beyond 64 different reads the further ones are written at once."""
    with new_scope({}):
        for n in range(70):
            audit.emit("data.read", **{**READ, "target": audit.Target("keep", n)})
        assert len(desk.lines()) == 6
        audit.settle()
    assert len(desk.lines()) == 70


def test_a_refused_read_and_a_staff_read_are_not_held_back(desk: Desk) -> None:
    """Best effort is for members' successful reads."""
    with new_scope({}):
        assert audit.emit("data.read", outcome="denied", reason="role", **READ).state == "written"
        assert audit.emit("data.read", actor=Actor.staff(1), **READ).state == "written"


def test_a_staff_read_is_closed(desk: Desk) -> None:
    """With nothing writable a member reads on, staff do not."""
    desk.break_disk()
    assert audit.emit("data.read", actor=Actor.user(7), **READ).state == "lost"
    with pytest.raises(AuditUnavailable):
        audit.emit("data.read", actor=Actor.staff(1), **READ)
