"""A change of what is audited is an event, once, whoever notices it first."""

import os
from collections.abc import Callable

import pytest

from logkit import audit
from logkit.errors import AuditUnavailable
from tests.unit.audit_events.desk import Desk


def changes(desk: Desk) -> list[list[str]]:
    return [line["detail"]["keys"] for line in desk.lines("audit.policy.changed")]


def test_the_first_policy_is_no_change(make_desk: Callable[..., Desk]) -> None:
    """A new trail, and one that is opened again with the same settings, say nothing."""
    make_desk()
    audit.emit("circle.created")
    desk = make_desk()
    audit.emit("circle.created")
    assert changes(desk) == []


def test_a_change_is_said_once(make_desk: Callable[..., Desk]) -> None:
    """The next process with other settings says which, with the digests of both; the one after it is silent."""
    make_desk()
    audit.emit("circle.created")
    make_desk(AUDIT_LEVEL="warning", AUDIT_RETENTION="access=30 days,security=365 days,compliance=1095 days")
    audit.emit("user.disabled", detail={"reason": "asked"})
    desk = make_desk(
        AUDIT_LEVEL="warning", AUDIT_RETENTION="access=30 days,security=365 days,compliance=1095 days"
    )
    audit.emit("user.disabled", detail={"reason": "asked"})
    (change,) = desk.lines("audit.policy.changed")
    assert change["detail"]["keys"] == ["AUDIT_LEVEL", "AUDIT_RETENTION"]
    assert len({change["detail"]["before_sha256"], change["detail"]["after_sha256"]}) == 2
    assert change["severity"] == "high"


def test_a_change_is_said_when_the_trail_can_be_written_again(make_desk: Callable[..., Desk]) -> None:
    """An unwritable trail does not swallow the change."""
    make_desk()
    audit.emit("circle.created")
    desk = make_desk(AUDIT_FSYNC="interval")
    desk.break_disk()
    with pytest.raises(AuditUnavailable):
        audit.emit("circle.created")
    desk.mend_disk()
    audit.emit("circle.created")
    assert changes(desk) == [["AUDIT_FSYNC"]]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # threads of other tests, from 3.12 on
def test_a_forked_child_does_not_repeat_its_parents_losses(desk: Desk) -> None:
    """What the parent lost is the parent's to say: one gap, with the exact count."""
    desk.break_disk()
    audit.emit("data.read", detail={"object_count": 1, "purpose": "view"})
    desk.mend_disk()
    child = os.fork()
    if not child:
        try:
            audit.emit("circle.created")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    audit.emit("circle.created")
    (gap,) = desk.lines("audit.gap")
    assert gap["detail"]["lost"] == 1
    assert len(desk.lines("circle.created")) == 2
