"""The trail says when it was opened and closed: once, however many processes have it open, and however they end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

import logkit
from logkit import audit, pipeline
from logkit.audit.trail import opening
from tests.unit.audit.ledger_tools import in_child, lines_of, wait_for
from tests.unit.audit_events.desk import OPENING, Desk

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*fork:DeprecationWarning"
)  # threads of other tests, from 3.12 on
STARTED, STOPPED = OPENING


def told(root: Path) -> list[str]:
    """What the trail below `root` says of itself, in its own order: `started none`, `stopped`."""
    found = [orjson.loads(line) for line in lines_of(root / "audit_dir/compliance")]
    return [
        f"started {line['detail']['previous_end']}" if line["event"] == STARTED else "stopped"
        for line in found
        if line["event"] in OPENING
    ]


def state_and_leave(desk: Desk) -> None:
    audit.emit("circle.created")
    desk.trail.leave()


@contextlib.contextmanager
def paused_child(work: Callable[[], None]) -> Iterator[int]:
    """A child that did `work` and ends when the block does, like a process that is killed: nothing of it runs."""
    done, did = os.pipe()
    ended, end = os.pipe()

    def run() -> None:
        work()
        os.write(did, b".")
        os.close(end)
        os.read(ended, 1)

    pid = in_child(run)
    try:
        assert os.read(done, 1) == b"."
        yield pid
    finally:
        for descriptor in (done, did, ended, end):
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def test_a_process_says_so_when_it_comes_alone(make_desk: Callable[..., Desk]) -> None:
    """The first event is preceded by `started`, with segment and policy; the end of the last process is `stopped`."""
    desk = make_desk()
    assert not (desk.root / "audit_dir").exists(), "a trail is opened by its first event"
    audit.emit("circle.created")
    desk.trail.leave()
    first, *_ = lines_of(desk.root / "audit_dir/compliance")
    assert STARTED.encode() in first
    (started,), (stopped,) = desk.lines(STARTED), desk.lines(STOPPED)
    segment = next((desk.root / "audit_dir/compliance").glob("*-*.jsonl"))
    assert started["detail"]["segment"] == f"compliance/{segment.name}"
    assert len(started["detail"]["config_sha256"]) == 64
    assert (started["actor"]["type"], started["severity"]) == ("system", "notice")
    assert (stopped["reason"], stopped["severity"]) == ("last_process_left", "warning")
    assert told(desk.root) == ["started none", "stopped"]


def test_the_directory_is_closed_to_others(make_desk: Callable[..., Desk]) -> None:
    """Whoever may read the segments may enter it, and nobody else; its group is the one of AUDIT_GROUP."""
    group = os.getgroups()[-1] if os.getgroups() else os.getegid()
    desk = make_desk(AUDIT_FILE_MODE="0640", AUDIT_GROUP=str(group))
    audit.emit("circle.created")
    status = (desk.root / "audit_dir").stat()
    assert (oct(status.st_mode & 0o777), status.st_gid) == ("0o750", group)


def test_a_trail_that_was_left_in_order_is_opened_again(desk: Desk) -> None:
    """The next start says that the one before it had ended as it should; the same process may come back."""
    state_and_leave(desk)
    state_and_leave(desk)
    assert told(desk.root) == ["started none", "stopped", "started stopped", "stopped"]
    assert len(desk.lines("circle.created")) == 2


def test_whoever_comes_to_an_open_trail_says_nothing(make_desk: Callable[..., Desk]) -> None:
    """Another process comes and goes while one has the trail open; the one that leaves last says `stopped`."""
    desk = make_desk()
    with paused_child(lambda: audit.emit("circle.created") and None):
        state_and_leave(desk)
        assert told(desk.root) == ["started none"]
    assert told(desk.root) == ["started none"], "the child was cut off"
    state_and_leave(desk)
    assert told(desk.root) == ["started none", "started unknown", "stopped"]


def test_a_kill_leaves_no_lock_and_is_told_by_the_next_start(desk: Desk) -> None:
    """kill -9 of the only process: `previous_end` is unknown, and nobody has to clean up."""
    with paused_child(lambda: audit.emit("circle.created") and None) as pid:
        os.kill(pid, signal.SIGKILL)
        assert wait_for(pid) == -signal.SIGKILL
    state_and_leave(desk)
    assert told(desk.root) == ["started none", "started unknown", "stopped"]


def test_forked_children_double_nothing(desk: Desk) -> None:
    """A parent that has the trail open forks workers (gunicorn with preload, prefork): one start, one stop."""
    audit.emit("circle.created")
    children = [in_child(lambda: state_and_leave(desk)) for _ in range(4)]
    assert [wait_for(child) for child in children] == [0] * 4
    assert told(desk.root) == ["started none"]
    desk.trail.leave()
    assert told(desk.root) == ["started none", "stopped"]
    assert len(desk.lines("circle.created")) == 5


def test_a_child_outlives_its_parent(desk: Desk) -> None:
    """The parent leaves first: the trail stays open, and the child says that it is closed."""
    audit.emit("circle.created")
    hold, let_go = os.pipe()

    def outlive() -> None:
        os.close(let_go)
        os.read(hold, 1)
        state_and_leave(desk)

    child = in_child(outlive)
    os.close(hold)
    desk.trail.leave()
    assert told(desk.root) == ["started none"]
    os.close(let_go)
    assert wait_for(child) == 0
    assert told(desk.root) == ["started none", "stopped"]


def test_many_that_come_and_go_at_once(desk: Desk) -> None:
    """Whatever the order, no two starts without a stop between them, and the last word is a stop."""
    gate, open_gate = os.pipe()

    def come_and_go() -> None:
        os.close(open_gate)
        os.read(gate, 1)
        for _ in range(3):
            state_and_leave(desk)

    children = [in_child(come_and_go) for _ in range(8)]
    os.close(gate)
    os.close(open_gate)
    assert [wait_for(child) for child in children] == [0] * 8
    said = [word.split()[0] for word in told(desk.root)]
    assert said[-1] == "stopped"
    assert all(one != other for one, other in pairwise(said))
    assert len(desk.lines("circle.created")) == 24


def test_one_that_is_stuck_in_the_opening_holds_up_nobody_for_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process holds the lock file: the event is written, and the opening is not tried at every event."""
    monkeypatch.setattr(opening, "_PATIENCE", 0.01)
    directory = desk.root / "audit_dir"
    directory.mkdir()
    with (directory / ".policy.lock").open("w") as stuck:
        fcntl.flock(stuck, fcntl.LOCK_EX)
        audit.emit("circle.created")
    audit.emit("circle.created")
    assert told(desk.root) == []
    assert len(desk.lines("circle.created")) == 2


def test_what_cannot_be_opened_is_reported_once_and_stops_nothing(desk: Desk) -> None:
    """Something is in the way of the lock file: the events are written, and the log says what is not."""
    in_the_way = desk.root / "audit_dir/.policy.lock"
    in_the_way.mkdir(parents=True)
    assert [audit.emit("circle.created").state for _ in range(2)] == ["written"] * 2
    (said,) = desk.reported("audit.opening_failed")
    assert ".policy.lock" in str(said["error"])
    in_the_way.rmdir()
    audit.emit("circle.created")
    assert told(desk.root) == ["started none"]


def test_a_trail_that_was_replaced_meanwhile_is_not_closed(desk: Desk) -> None:
    """Whoever still holds the directory that was moved away says nothing about the new one. (A09)"""
    audit.emit("circle.created")
    (desk.root / "audit_dir").rename(desk.root / "moved")
    (desk.root / "audit_dir").mkdir()
    desk.trail.leave()
    assert desk.lines(STOPPED) == []


def test_it_is_said_whatever_audit_level_is(make_desk: Callable[..., Desk]) -> None:
    """A threshold is for events, not for what the trail says of itself."""
    desk = make_desk(AUDIT_LEVEL="critical")
    with audit.action("data.export.requested", detail={"scope": "a", "format": "zip", "legal_basis": "c"}):
        pass
    desk.trail.leave()
    assert told(desk.root) == ["started none", "stopped"]


def test_shutdown_is_a_stop_and_a_swap_of_settings_is_none(tmp_path: Path) -> None:
    """`configure()` with other settings keeps the trail open; `shutdown()` leaves it."""
    folders = {
        name: str(tmp_path / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
    }
    environ = {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT_FSYNC": "never", **folders}
    for level in ("INFO", "DEBUG"):
        logkit.configure({**environ, "LOG_LEVEL": level})
        audit.emit("circle.created")
    assert told(tmp_path) == ["started none"]
    pipeline.shutdown()
    assert told(tmp_path) == ["started none", "stopped"]
