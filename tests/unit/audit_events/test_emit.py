"""`emit()`: what arrives, in what state, whatever happened to Loguru."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from logkit import audit
from logkit.audit import Actor, AuditEvent, Receipt, Target
from logkit.audit.emit import event_of
from logkit.audit.trail import current, install
from logkit.context import bound_context
from logkit.errors import AuditSchemaError, AuditUnavailable
from logkit.record import stamp
from tests.unit.audit_events.desk import Desk

REF = "h1:k1:" + "ab" * 16


def refuse_login(**more: Any) -> Receipt:
    return audit.emit(
        "auth.login.failed",
        outcome="failure",
        reason="bad_password",
        actor=Actor.anonymous(auth_method="password"),
        detail={"identifier_ref": REF},
        **more,
    )


def test_a_receipt_names_the_line_in_the_ledger(desk: Desk) -> None:
    """The event is in its stream, under the id and number of the receipt."""
    receipt = refuse_login(target=Target("user", 7, owner=7, circle_id="c1"))
    (line,) = desk.lines()
    assert (line["id"], line["stream"], line["seq"]) == (receipt.id, "security", receipt.seq)
    assert receipt.state == "written"
    assert {name: line[name] for name in ("event", "outcome", "reason", "severity", "stage", "tx", "v")} == {
        "event": "auth.login.failed",
        "outcome": "failure",
        "reason": "bad_password",
        "severity": "warning",
        "stage": "single",
        "tx": "none",
        "v": 1,
    }
    assert line["actor"] == {"type": "anonymous", "auth_method": "password"}
    assert line["target"] == [{"type": "user", "id": "7", "owner": "7", "circle_id": "c1"}]
    assert line["detail"] == {"identifier_ref": REF}
    assert line["service"] == {"name": "mysite", "environment": "test"}


def test_the_context_says_who_and_where(desk: Desk) -> None:
    """Actor, request and trace come from the context when the call does not say them."""
    with bound_context(
        request_id="r-12345678",
        method="POST",
        route="api/x",
        user_id="7",
        session=REF,
        client_ip="203.0.113.7",
        trace_id="ab" * 16,
    ):
        audit.emit("circle.created")
    (line,) = desk.lines()
    assert line["actor"] == {"type": "user", "id": "7", "session_ref": REF, "client_ip": "203.0.113.7"}
    assert line["request"] == {"id": "r-12345678", "method": "POST", "route": "api/x"}
    assert line["trace_id"] == "ab" * 16


def test_a10_in_a_task_the_task_acts_on_behalf_of_the_user(desk: Desk) -> None:
    """A task's event names the task as actor, its starter as `on_behalf_of`, and keeps the request's id."""
    with bound_context(
        request_id="r-12345678", task_id="t1", task="keeps.process", root_id="t0", retries=2, user_id="7"
    ):
        audit.emit("circle.created")
    (line,) = desk.lines()
    assert line["actor"] == {"type": "task", "id": "keeps.process", "on_behalf_of": "7"}
    assert line["task"] == {"id": "t1", "root_id": "t0", "retries": 2}
    assert line["request"] == {"id": "r-12345678"}


def test_a11_an_impersonator_stays_the_actor(desk: Desk) -> None:
    """The context of an impersonation gives staff as actor and the member as `on_behalf_of`."""
    with bound_context(method="GET", user_id="1", actor_type="staff", on_behalf_of="7"):
        audit.emit("circle.created")
    (line,) = desk.lines()
    assert line["actor"] == {"type": "staff", "id": "1", "on_behalf_of": "7"}


@pytest.mark.parametrize("sabotage", ["remove", "disable", "raising_patcher", "raising_sink"])
def test_a05_nothing_done_to_loguru_loses_an_event(
    desk: Desk, sabotage: str, request: pytest.FixtureRequest
) -> None:
    """With handlers removed, loggers disabled, patchers or sinks that raise, events arrive; the bypass is told once."""

    def explode(*_: object) -> None:
        raise RuntimeError("sabotage")

    if sabotage == "remove":
        logger.remove(desk.handler)
    elif sabotage == "disable":
        logger.disable("")
        request.addfinalizer(lambda: logger.enable(""))
    elif sabotage == "raising_patcher":
        logger.configure(patcher=explode)
        request.addfinalizer(lambda: logger.configure(patcher=stamp))
    else:
        logger.remove(desk.handler)
        handler = logger.add(explode, level="AUDIT", catch=False)
        request.addfinalizer(lambda: logger.remove(handler))
    receipts = [refuse_login(), refuse_login()]
    assert [line["id"] for line in desk.lines()] == [receipt.id for receipt in receipts]
    assert [receipt.state for receipt in receipts] == ["written", "written"]
    assert len(desk.reported("audit.bypassed")) == 1


def test_a_bypass_is_told_again_after_loguru_worked_in_between(desk: Desk) -> None:
    """The report is about a change, not about every event."""
    for _ in range(2):
        logger.disable("")
        try:
            refuse_login()
        finally:
            logger.enable("")
        refuse_login()
    assert len(desk.reported("audit.bypassed")) == 2
    assert len(desk.lines()) == 4


def test_a_foreign_handler_sees_nothing_of_the_event(desk: Desk) -> None:
    """A handler that somebody added gets a record that says "audit", and no more."""
    seen: list[Any] = []
    handler = logger.add(lambda message: seen.append(message.record), level=0, format="{message}")
    try:
        refuse_login(target=Target("user", "someone"))
    finally:
        logger.remove(handler)
    (record,) = seen
    assert (record["level"].name, record["message"], record["extra"]) == ("AUDIT", "audit", {})


def test_a_record_that_nobody_sent_is_not_an_event(desk: Desk) -> None:
    """A line logged at level AUDIT by anybody else writes nothing."""
    refuse_login()
    logger.log("AUDIT", "audit")
    assert len(desk.lines()) == 1


def test_audit_off_says_so(make_desk: Callable[..., Desk]) -> None:
    """With AUDIT=off nothing is written and the receipt is honest; the schema is still checked."""
    desk = make_desk(AUDIT="off")
    assert refuse_login().state == "off"
    with audit.action("audit.log.read", detail={"query": "all"}) as act:
        act.add(rows=0)
    assert act.receipt is not None
    assert act.outcome is not None
    assert (act.receipt.state, act.outcome.state) == ("off", "off")
    with pytest.raises(AuditSchemaError):
        audit.emit("no.such_event")
    assert desk.lines() == []


def test_audit_level_drops_what_is_less_severe(make_desk: Callable[..., Desk]) -> None:
    """Below AUDIT_LEVEL nothing is written, except for closed events."""
    desk = make_desk(AUDIT_LEVEL="high")
    assert refuse_login().state == "below_level"
    with audit.action("audit.log.read", detail={"query": "all"}) as act:
        act.add(rows=0)
    assert [line["event"] for line in desk.lines()] == ["audit.log.read", "audit.log.read"]


def test_without_a_trail_nothing_is_pretended() -> None:
    """Before `configure()` an event is refused, not swallowed."""
    before = install(None)
    try:
        with pytest.raises(AuditUnavailable, match="configure"):
            refuse_login()
    finally:
        install(before)


def test_a04_an_unwritable_trail_refuses_a_durable_event_and_counts_it(desk: Desk) -> None:
    """With ledger and spool gone `emit()` raises; once they are back the gap says exactly how many were lost."""
    refuse_login()
    desk.break_disk()
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            refuse_login()
    desk.mend_disk()
    refuse_login()
    (gap,) = desk.lines("audit.gap")
    assert gap["detail"]["lost"] == 3
    assert gap["detail"]["stream"] == "security"
    assert gap["detail"]["events"] == ["auth.login.failed"]
    assert len(desk.reported("audit.event_lost")) == 3
    refuse_login()
    assert len(desk.lines("audit.gap")) == 1


def test_a04_a_best_effort_event_never_fails(desk: Desk) -> None:
    """A read goes on when the trail cannot be written; its loss is counted like any other."""
    desk.break_disk()
    read = {"detail": {"object_count": 1, "purpose": "view"}}
    assert [audit.emit("data.read", **read).state for _ in range(2)] == ["lost", "lost"]
    desk.mend_disk()
    assert audit.emit("data.read", **read).state == "written"
    (gap,) = desk.lines("audit.gap")
    assert (gap["detail"]["lost"], gap["detail"]["stream"]) == (2, "access")


def test_aemit_does_not_block_the_event_loop(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk stands still the loop goes on; the context still reaches the event."""
    import threading

    released = threading.Event()
    ledger = current()._ledgers.of("compliance")
    append = ledger.append

    def slow(body: bytes) -> object:
        assert released.wait(10)
        return append(body)

    monkeypatch.setattr(type(ledger), "append", lambda self, body: slow(body))

    async def main() -> Receipt:
        with bound_context(user_id="7"):
            stating = asyncio.ensure_future(audit.aemit("circle.created"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not stating.done()
        released.set()
        return await stating

    receipt = asyncio.run(main())
    (line,) = desk.lines()
    assert (line["id"], line["actor"]["id"]) == (receipt.id, "7")


def test_blocking_an_event_loop_is_reported_once(desk: Desk) -> None:
    """`emit()` in a coroutine works and is named; `aemit()` is not."""

    async def main() -> None:
        await audit.aemit("circle.created")
        assert desk.reported("audit.event_loop_blocked") == []
        audit.emit("circle.created")
        audit.emit("circle.created")

    asyncio.run(main())
    assert desk.reported("audit.event_loop_blocked") == [{"audit_event": "circle.created"}]
    assert len(desk.lines()) == 3


def test_a_stdlib_record_can_carry_an_event(desk: Desk) -> None:
    """On the logger `mysite.audit`, or below it, an `AuditEvent` is found as message or as extra; nothing else is."""
    event = AuditEvent("circle.created")

    def made(name: str, message: object, **extra: object) -> logging.LogRecord:
        return logging.getLogger(name).makeRecord(name, 20, "f.py", 1, message, (), None, extra=extra)

    assert event_of(made("mysite.audit", event), logger_name="mysite.audit") is event
    assert event_of(made("mysite.audit.circles", "x", audit_event=event), logger_name="mysite.audit") is event
    assert event_of(made("mysite.auditors", event), logger_name="mysite.audit") is None
    assert event_of(made("mysite.audit", "plain"), logger_name="mysite.audit") is None
    assert audit.record(event).id == event.id == desk.lines()[0]["id"]
