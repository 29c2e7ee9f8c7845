"""What beat or cron does for the trail."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from logkit import audit
from logkit.audit import chores
from logkit.audit.query import Filter, search
from logkit.audit.seal.sealing import CHECKPOINTS_NAME
from tests.unit.audit_events.desk import Desk

READ = {"object_count": 1, "purpose": "view"}
SHORT = {"AUDIT_ROTATION": "1 KB", "AUDIT_RETENTION": "access=0.001 seconds"}


def read(number: int) -> None:
    audit.emit("data.read", target=audit.Target("keep", number), detail=READ)


def test_an_idle_trail_is_sealed(desk: Desk) -> None:
    """What no event has had sealed: one checkpoint for each stream, and none when it is asked again."""
    audit.emit("circle.created")
    read(1)
    assert not list(desk.root.rglob(CHECKPOINTS_NAME))
    assert (chores.seal(), chores.seal()) == (2, 0)
    assert desk.reported("audit.anchored")


def test_what_waits_in_the_spool_is_drained_and_sealed(desk: Desk) -> None:
    """No further event is needed to bring it in."""
    ledger = desk.trail.open_ledger("compliance")
    ledger._bypass_until = float("inf")  # as after the write lock was held for too long
    ledger.append(b'{"id":"event-1","event":"circle.created"}')
    assert desk.lines() == []
    assert chores.seal() == 1
    assert [line["id"] for line in desk.lines()] == ["event-1"]


def test_a_stream_that_must_not_be_sealed_does_not_keep_the_others_from_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an alarm, and the rest is done."""
    audit.emit("circle.created")
    read(1)
    (desk.root / "audit_key_dir").mkdir(exist_ok=True)
    chores.seal()
    (desk.root / "audit_key_dir/compliance.key").unlink()
    audit.emit("circle.created")
    read(2)
    assert chores.seal() == 1
    (alarm,) = desk.reported("audit.seal_alarm")
    assert alarm["stream"] == "compliance"


def test_what_is_over_is_removed_with_a_receipt(make_desk: Callable[..., Desk]) -> None:
    """Whole segments of the stream whose time is over; the others stay."""
    desk = make_desk(**SHORT)
    for number in range(6):
        read(number)
        audit.emit("circle.created")
    desk.trail.close()  # else it may be sealing just now, and what is not sealed stays
    removed = chores.expire()
    receipts = [line["detail"]["segment"] for line in desk.lines("audit.segment.expired")]
    assert removed == len(receipts) > 1
    assert not any((desk.root / "audit_dir" / segment).exists() for segment in receipts)
    directory = desk.root / "audit_dir/compliance"
    assert len(list(search([directory], Filter(events=("circle.created",))))) == 6


def test_nothing_is_removed_where_that_is_switched_off(make_desk: Callable[..., Desk]) -> None:
    """AUDIT_RETENTION_APPLY=off."""
    make_desk(AUDIT_RETENTION_APPLY="off", **SHORT)
    for number in range(6):
        read(number)
    assert chores.expire() == 0


def test_without_a_trail_there_is_nothing_to_do(make_desk: Callable[..., Desk]) -> None:
    """AUDIT=off, and a trail that nothing was ever written to."""
    make_desk()
    assert (chores.seal(), chores.expire(), chores.reconcile()) == (0, 0, (0, []))
    make_desk(AUDIT="off")
    assert (chores.seal(), chores.expire(), chores.reconcile(older_than=timedelta(0))) == (0, 0, (0, []))
