"""Sealing beside the caller: nobody waits for it but who ends or forks the process."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logkit import audit
from logkit.audit import Receipt
from logkit.audit.ledger import ledger as ledgers
from logkit.audit.seal import seal
from logkit.audit.trail.upkeep import Upkeep
from tests.program import run
from tests.unit.audit_events.desk import Desk

ENDING = """
from logkit import audit
audit.emit("security.alert", detail={"rule": "odd", "evidence_ids": ["1"]})
"""


class SlowSeal:
    """Seals like the real one, once it is let."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.ended = 0

    def __call__(self, *args: Any, **more: Any) -> Any:
        self.begun.set()
        assert self.may_go_on.wait(10)
        done = seal(*args, **more)
        self.ended += 1
        return done


@pytest.fixture
def slow_seal(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowSeal]:
    slow = SlowSeal()
    monkeypatch.setattr(ledgers, "seal", slow)
    yield slow
    slow.may_go_on.set()


def test_work_that_is_about_to_begin_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits between the making of a thread and its start waits for its end, too."""
    upkeep, began, done = Upkeep(), threading.Event(), []
    start = threading.Thread.start

    def start_late(thread: threading.Thread) -> None:
        waiter = threading.Thread(target=lambda: (began.set(), upkeep.wait(), done.append("waited")))
        start(waiter)
        assert began.wait(10)
        start(thread)
        waiter.join(10)

    monkeypatch.setattr(threading.Thread, "start", start_late)
    upkeep.aside(lambda: done.append("worked"))
    assert done == ["worked", "waited"]


def alarm() -> Receipt:
    """A high event: its stream is to be sealed at once."""
    return audit.emit("security.alert", detail={"rule": "odd", "evidence_ids": ["1"]})


def at_work() -> int:
    return sum(thread.name == "logkit.audit" for thread in threading.enumerate())


def sealed(desk: Desk) -> int:
    """Up to which number the stream is sealed."""
    path = desk.root / "audit_dir/security/checkpoints.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return int(lines[-1].partition(b'"next":')[2].partition(b",")[0]) - 1 if lines else 0


def test_an_event_does_not_wait_for_its_seal(desk: Desk, slow_seal: SlowSeal) -> None:
    """The receipt is there while the seal has not begun to write; one thread works, however many events come."""
    receipts = [alarm() for _ in range(5)]
    assert slow_seal.begun.wait(10)
    assert [receipt.seq for receipt in receipts] == [1, 2, 3, 4, 5]
    assert (sealed(desk), at_work()) == (0, 1)
    slow_seal.may_go_on.set()
    desk.trail.close()
    assert (sealed(desk), at_work()) == (5, 0)


def test_what_came_while_it_was_sealed_is_sealed_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event right after the snapshot does not have to wait for the next one."""

    def seal_and_more(*args: Any, **more: Any) -> Any:
        done = seal(*args, **more)
        if len(desk.lines("security.alert")) < 3:
            alarm()
        return done

    monkeypatch.setattr(ledgers, "seal", seal_and_more)
    alarm()
    desk.trail.close()
    assert (sealed(desk), at_work()) == (3, 0)


@pytest.mark.filterwarnings("error::DeprecationWarning")  # of a fork beside threads, from 3.12 on
def test_a_fork_waits_for_the_seal(desk: Desk, slow_seal: SlowSeal) -> None:
    """Nothing half-done is copied into the child, and no thread is there when it forks."""
    alarm()
    assert slow_seal.begun.wait(10)
    before = at_work()
    os.register_at_fork(before=slow_seal.may_go_on.set)  # the last to be registered is the first to be called
    if not (child := os.fork()):
        os._exit(slow_seal.ended)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert (before, at_work(), sealed(desk)) == (1, 0, 1)


def test_a_process_that_ends_seals_first(tmp_path: Path) -> None:
    """A command that did something grave leaves it sealed."""
    folders = {
        name: str(tmp_path / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
    }
    result = run(ENDING, environ={"AUDIT": "on", **folders})
    assert (result.code, result.stderr) == (0, b"")
    assert (tmp_path / "audit_dir/security/checkpoints.jsonl").read_bytes().count(b"\n") == 1
