"""The ledger: a chain of lines that many writers share."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from logkit.audit.files.segments import LINE_LIMIT, list_segments
from logkit.audit.ledger import Appended
from logkit.audit.ledger.writelock import WriteLock
from logkit.errors import AuditUnavailable
from logkit.parsers import Rotation
from tests.unit.audit.ledger_tools import (
    Heard,
    assert_chained,
    body,
    ids_of,
    in_child,
    lines_of,
    make_ledger,
    wait_for,
)


def test_a_line_is_the_body_with_its_number_and_the_hash_before(tmp_path: Path) -> None:
    """The first two lines are, byte for byte, what the format says."""
    ledger = make_ledger(tmp_path)
    first = ledger.record(b'{"id":"a"}')
    second = ledger.record(b'{"id":"b"}')
    one, two = lines_of(tmp_path / "audit/security")
    assert (first, second) == (Appended("security", 1, "written"), Appended("security", 2, "written"))
    assert one == b'{"seq":1,"prev":"' + b"0" * 64 + b'","id":"a"}\n'
    assert two.startswith(b'{"seq":2,"prev":"')
    assert two.endswith(b'","id":"b"}\n')
    assert assert_chained(tmp_path / "audit/security") == 2


def test_construction_touches_no_disk(tmp_path: Path) -> None:
    """A ledger may be made at import time, before a fork, for a directory that is not there yet."""
    make_ledger(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "bad", [b"", b"[]", b"{}", b'{"a":1}\n', b'{"a":\n1}', b'{"a":"' + b"x" * LINE_LIMIT + b'"}']
)
def test_what_cannot_be_a_line_is_refused(tmp_path: Path, bad: bytes) -> None:
    """A body that is not one short JSON object on one line raises, and the stream stays as it was."""
    ledger = make_ledger(tmp_path)
    with pytest.raises(ValueError, match="audit record"):
        ledger.append(bad)
    ledger.append(body(1))
    assert assert_chained(tmp_path / "audit/security") == 1


def test_rotation_by_size_keeps_the_chain(tmp_path: Path) -> None:
    """Segments stay below the size, are named by their first number, and the chain runs through them."""
    ledger = make_ledger(tmp_path, rotation=Rotation(size=2_000))
    for number in range(60):
        ledger.record(body(number))
    directory = tmp_path / "audit/security"
    segments = list_segments(directory)
    assert len(segments) > 3
    assert all(segment.path.stat().st_size <= 2_000 for segment in segments)
    assert assert_chained(directory) == 60


def test_rotation_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A segment that is older than the period takes no more lines."""
    ledger = make_ledger(tmp_path, rotation=Rotation(seconds=3600))
    ledger.record(body(1))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 4000)
    ledger.record(body(2))
    directory = tmp_path / "audit/security"
    assert [segment.first for segment in list_segments(directory)] == [1, 2]
    assert assert_chained(directory) == 2


def test_a09_clock_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the clock a day back, lines and segments go on in the order of their numbers."""
    ledger = make_ledger(tmp_path, rotation=Rotation(size=1_000, seconds=3600))
    for number in range(10):
        ledger.record(body(number))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    for number in range(10, 30):
        ledger.record(body(number))
    assert assert_chained(tmp_path / "audit/security") == 30


def test_files_have_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    """Whatever the umask, segments have AUDIT_FILE_MODE and only those who may read them may enter."""
    before = os.umask(0o077)
    try:
        make_ledger(tmp_path, file_mode=0o640).record(body(1))
    finally:
        os.umask(before)
    directory = tmp_path / "audit/security"
    assert {oct(path.stat().st_mode & 0o777) for path in directory.iterdir()} == {"0o640"}
    assert oct(directory.stat().st_mode & 0o777) == "0o750"


def test_threads_share_one_ledger(tmp_path: Path) -> None:
    """Eight threads, one object: every line once, in one chain."""
    ledger = make_ledger(tmp_path, rotation=Rotation(size=20_000))
    threads = [
        threading.Thread(target=lambda n=n: [ledger.record(body(n * 1000 + i)) for i in range(100)])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    directory = tmp_path / "audit/security"
    assert assert_chained(directory) == 800
    assert len(set(ids_of(directory))) == 800


@pytest.mark.parametrize("opened_before", [False, True])
def test_a06_processes_share_one_directory(tmp_path: Path, opened_before: bool) -> None:
    """Forked writers, also of a ledger that was open already: contiguous numbers, every line once."""
    ledger = make_ledger(tmp_path, rotation=Rotation(size=50_000))
    before = 1 if opened_before else 0
    if opened_before:
        ledger.record(body(0))

    def write(n: int) -> None:
        for i in range(300):
            assert ledger.record(body(n * 1000 + i)).state == "written"

    children = [in_child(lambda n=n: write(n)) for n in range(1, 5)]
    assert [wait_for(child) for child in children] == [0] * 4
    directory = tmp_path / "audit/security"
    assert assert_chained(directory) == 1200 + before
    assert len(set(ids_of(directory))) == 1200 + before


def test_a_child_lets_go_of_its_parents_lock(tmp_path: Path) -> None:
    """An idle child of a process that dies while it holds the lock does not keep the lock."""
    ledger = make_ledger(tmp_path)
    ledger.record(body(1))
    ready, parent_gone = os.pipe(), os.pipe()

    def parent() -> None:
        ledger.record(body(2))
        lock = ledger._writer._lock
        assert lock is not None
        lock.acquire(lambda: 0)
        child = os.fork()
        if child == 0:
            os.close(parent_gone[1])
            os.read(parent_gone[0], 1)
            os._exit(0)
        os.write(ready[1], b"%d\n" % child)
        os.kill(os.getpid(), signal.SIGKILL)

    pid = in_child(parent)
    os.read(ready[0], 20)
    assert wait_for(pid) == -signal.SIGKILL
    try:
        assert ledger.record(body(3)).state == "written"
    finally:
        for end in (*ready, *parent_gone):
            os.close(end)


def test_a_stopped_lock_holder_costs_a_deadline_not_a_record(tmp_path: Path) -> None:
    """While another process holds the lock and does nothing, records go to the spool; afterwards they are drained."""
    heard = Heard()
    ledger = make_ledger(tmp_path, alert=heard)
    ledger.record(body(1))
    holder = WriteLock(tmp_path / "audit/security")
    holder.acquire(lambda: 0)
    began = time.monotonic()
    first, second = ledger.record(body(2)), ledger.record(body(3))
    took = time.monotonic() - began
    holder.release()
    assert (first.state, second.state, first.seq) == ("spooled", "spooled", None)
    assert 0.2 < took < 1.5  # one wait of 250 ms: the second record went straight to the spool
    ledger._bypass_until = 0.0
    assert ledger.record(body(4)).seq == 2
    assert ledger.drain() == 2
    assert ids_of(tmp_path / "audit/security") == ["event-1", "event-4", "event-2", "event-3"]
    assert heard.names == ["audit.spooled"] or heard.names == ["audit.spooled", "audit.drained"]


def test_a_drainer_that_claims_a_spool_file_before_its_first_record(tmp_path: Path) -> None:
    """The record goes into the next file; it is never acknowledged into one that is being removed."""
    ledger, drainer = make_ledger(tmp_path), make_ledger(tmp_path)
    ledger.record(body(1))
    create, drained = ledger._spool._create, []

    def create_and_lose() -> object:
        made = create()
        if len(drained) < 3:
            drained.append(drainer.drain())
        return made

    ledger._spool._create = create_and_lose  # type: ignore[method-assign, assignment]
    ledger._bypass_until = float("inf")
    assert ledger.record(body(2)).state == "spooled"
    assert drained == [0, 0, 0]
    assert drainer.drain() == 1
    assert ids_of(tmp_path / "audit/security") == ["event-1", "event-2"]


def test_a_signal_handler_that_records_in_the_middle_of_an_append(tmp_path: Path) -> None:
    """A record made while this thread is inside another append goes to the spool and waits for nothing. (L03)"""
    ledger = make_ledger(tmp_path)
    ledger.record(body(1))
    writer = ledger._writer
    real = writer._write_head
    inner: list[Appended] = []

    def interrupted() -> None:
        writer._write_head = real  # type: ignore[method-assign]
        inner.append(ledger.append(body(99)))
        real()

    writer._write_head = interrupted  # type: ignore[method-assign]
    assert ledger.append(body(2)).seq == 2
    assert inner[0].state == "spooled"
    assert ledger.drain() == 1
    assert ids_of(tmp_path / "audit/security") == ["event-1", "event-2", "event-99"]


def test_neither_ledger_nor_spool(tmp_path: Path) -> None:
    """When nothing can be written the caller hears it, and the exact count is told once something can."""
    heard, emitted = Heard(), Heard()
    (tmp_path / "audit").write_text("a file where the directory should be")
    (tmp_path / "spool").write_text("and another")
    ledger = make_ledger(tmp_path, alert=heard, emit=emitted)
    for number in range(3):
        with pytest.raises(AuditUnavailable, match="neither to its ledger"):
            ledger.record(body(number))
    assert emitted == []
    (tmp_path / "audit").unlink()
    assert ledger.record(body(7)).seq == 1
    assert emitted.names == ["audit.gap"]
    assert emitted[0][1]["lost"] == 3
    assert heard.names == ["audit.unavailable"] * 3 + ["audit.gap"]
