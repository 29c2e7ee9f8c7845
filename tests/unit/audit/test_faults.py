"""Real faults of the file system: full, read-only, forbidden, deleted under a running writer. (A04, A09)"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from logkit.audit.files.segments import list_segments
from logkit.audit.ledger import durability
from logkit.audit.ledger.filesystem import filesystem_of, refuse_network
from logkit.audit.ledger.writer import RECHECK_EVERY
from logkit.errors import AuditUnavailable
from logkit.parsers import Rotation
from tests.unit.audit.ledger_tools import (
    SOMEBODY_ELSE,
    Heard,
    assert_chained,
    body,
    found,
    ids_of,
    in_child,
    let_in,
    make_ledger,
    verified,
    wait_for,
)
from tests.unit.audit.small_disks import KINDS, MAY_MOUNT, SmallDisk, mount, mounted, small_disk


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(request.param, tmp_path / "small") as made:
        yield made


def test_a04_a_full_disk_goes_to_the_spool_and_drains_once(disk: SmallDisk, tmp_path: Path) -> None:
    """Every record is either in the ledger or spooled; with room again each arrives once, and the chain is whole."""
    directory = disk.path / "audit/security"

    def work() -> None:
        heard = Heard()
        ledger = make_ledger(disk.path, spool_directory=tmp_path / "spool", alert=heard)
        disk.fill_up(largest=64 * 1024)
        states = [ledger.record(body(number, pad="x" * 900)).state for number in range(200)]
        assert states.count("spooled") > 50
        assert states.index("spooled") > 50
        assert verified(directory).exit_code == 0
        disk.make_room()
        assert ledger.drain() == states.count("spooled")
        assert "audit.spooled" in heard.names

    assert wait_for(in_child(work)) == 0
    assert sorted(ids_of(directory)) == sorted(f"event-{number}" for number in range(200))
    assert assert_chained(directory) == 200
    assert verified(directory).exit_code == 0


def test_a04_both_full(disk: SmallDisk) -> None:
    """Ledger and spool on one full disk: the caller hears it every time, and the gap's count is exact."""
    directory = disk.path / "audit/security"

    def work() -> None:
        heard, emitted = Heard(), Heard()
        ledger = make_ledger(disk.path, alert=heard, emit=emitted)
        refused = 0
        taken = []
        for number in range(400):
            if number == 60:
                disk.fill_up()
            try:
                ledger.record(body(number, pad="x" * 900))
                taken.append(f"event-{number}")
            except AuditUnavailable:
                refused += 1
        assert refused > 100
        assert len(list((disk.path / "spool/security").glob("*.jsonl"))) < 3
        assert heard.names.count("audit.unavailable") == refused
        disk.make_room()
        ledger.record(body(999))
        assert [detail["lost"] for name, detail in emitted if name == "audit.gap"] == [refused]
        ledger.drain()
        assert sorted(ids_of(directory)) == sorted([*taken, "event-999"])

    assert wait_for(in_child(work)) == 0
    assert verified(directory).exit_code == 0


def test_a04_a_short_write_is_taken_back(tmp_path: Path) -> None:
    """A write that the kernel takes only half of (here: a limit on file sizes) leaves no half line behind."""

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        ledger = make_ledger(tmp_path)
        ledger.record(body(1))
        size = list_segments(tmp_path / "audit/security")[0].path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 250, resource.RLIM_INFINITY))
        # 250 bytes are not enough for the ledger's line; the spool has a file of its own and room for one.
        assert ledger.record(body(2, pad="x" * 150)).state == "spooled"
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert ledger.record(body(3)).seq == 2
        assert ledger.drain() == 1

    assert wait_for(in_child(work)) == 0
    assert ids_of(tmp_path / "audit/security") == ["event-1", "event-3", "event-2"]
    assert assert_chained(tmp_path / "audit/security") == 3


@pytest.mark.parametrize("mode", [0, 0o444], ids=["forbidden", "read-only"])
@pytest.mark.parametrize("what", ["directory", "segment", "parent"])
def test_a09_modes_that_forbid(tmp_path: Path, what: str, mode: int) -> None:
    """chmod under a user whom it binds: the spool takes over, and the ledger goes on once it may."""
    for name in ("audit", "spool", "keys"):
        (tmp_path / name).mkdir()
        if SOMEBODY_ELSE is not None:
            os.chown(tmp_path / name, SOMEBODY_ELSE, SOMEBODY_ELSE)
    let_in(tmp_path)

    def work() -> None:
        ledger = make_ledger(tmp_path)
        assert ledger.record(body(1)).seq == 1
        directory = tmp_path / "audit/security"
        target = {
            "directory": directory,
            "segment": list_segments(directory)[0].path,
            "parent": tmp_path / "audit",
        }[what]
        before = target.stat().st_mode & 0o777
        target.chmod(mode)
        ledger.close()
        assert ledger.record(body(2)).state == "spooled"
        target.chmod(before)
        assert ledger.record(body(3)).seq == 2
        assert ledger.drain() == 1

    assert wait_for(in_child(work, uid=SOMEBODY_ELSE)) == 0
    assert ids_of(tmp_path / "audit/security") == ["event-1", "event-3", "event-2"]
    assert assert_chained(tmp_path / "audit/security") == 3


if MAY_MOUNT:  # without that right, the modes above forbid the same

    def test_a04_a_disk_remounted_read_only(tmp_path: Path) -> None:
        """Read-only under an open writer: spooled; writable again: drained once."""
        disk = tmp_path / "small"
        disk.mkdir()
        with mounted(disk):
            ledger = make_ledger(disk, spool_directory=tmp_path / "spool")
            ledger.record(body(1))
            ledger.close()
            mount("-o", "remount,ro", str(disk))
            assert ledger.record(body(2)).state == "spooled"
            mount("-o", "remount,rw", str(disk))
            assert ledger.drain() == 1
            assert ids_of(disk / "audit/security") == ["event-1", "event-2"]


def settle() -> None:
    """Let the interval pass after which a writer looks at its files again."""
    deadline = time.monotonic() + 1.5 * RECHECK_EVERY
    while time.monotonic() < deadline:
        time.sleep(RECHECK_EVERY / 10)


@pytest.mark.parametrize("what", [".head", "segment", "all"])
def test_a09_deleted_under_a_running_writer(tmp_path: Path, what: str) -> None:
    """The writer notices within 50 ms, says what is gone, and goes on with the next number."""
    heard = Heard()
    ledger = make_ledger(tmp_path, alert=heard)
    for number in range(5):
        ledger.record(body(number))
    directory = tmp_path / "audit/security"
    if what == "all":
        shutil.rmtree(directory)
    else:
        (list_segments(directory)[0].path if what == "segment" else directory / what).unlink()
    settle()
    assert ledger.record(body(9)).seq == 6
    report = verified(directory)
    expected = {
        ".head": ("audit.head_lost", 0),
        "segment": ("audit.truncated", 1),
        "all": ("audit.ledger_deleted", 1),
    }[what]
    assert (heard.names[0], report.exit_code) == expected, found(report)


def test_a09_never_two_lock_holders(tmp_path: Path) -> None:
    """While its files are deleted again and again, writers in four processes never interleave."""
    make_ledger(tmp_path).record(body(0))
    directory = tmp_path / "audit/security"

    def write(n: int) -> None:
        ledger = make_ledger(tmp_path)
        for i in range(60):
            ledger.record(body(n * 1000 + i))
            time.sleep(0.01)
        while ledger.drain():
            pass

    children = [in_child(lambda n=n: write(n)) for n in range(1, 5)]
    removed = 0
    waiting = set(children)
    while waiting:
        for path in directory.glob(".*"):
            path.unlink(missing_ok=True)
            removed += 1
        time.sleep(0.25)
        waiting -= {pid for pid in waiting if os.waitpid(pid, os.WNOHANG)[0]}
    make_ledger(tmp_path).drain()
    assert removed > 1
    assert assert_chained(directory) == 241
    assert len(set(ids_of(directory))) == 241
    assert list(directory.glob("*.torn")) == []


def test_a09_a_stopped_holder_is_not_joined(tmp_path: Path) -> None:
    """A process that stands still in the middle of an append keeps its lock, whatever is deleted around it."""
    directory = tmp_path / "audit/security"

    def stop_in_the_middle() -> None:
        ledger = make_ledger(tmp_path)
        ledger.record(body(1))
        write = os.write

        def stopped(descriptor: int, content: bytes) -> int:
            os.write = write
            os.kill(os.getpid(), signal.SIGSTOP)
            return write(descriptor, content)

        os.write = stopped
        assert ledger.record(body(2)).seq == 2

    child = in_child(stop_in_the_middle)
    os.waitpid(child, os.WUNTRACED)
    for path in directory.glob(".*"):
        path.unlink()
    ledger = make_ledger(tmp_path)
    assert ledger.record(body(3)).state == "spooled"
    os.kill(child, signal.SIGCONT)
    assert wait_for(child) == 0
    assert ledger.drain() == 1
    assert ids_of(directory) == ["event-1", "event-2", "event-3"]
    assert assert_chained(directory) == 3


def test_a09_many_who_begin_a_stream_at_once(tmp_path: Path) -> None:
    """Eight processes make one stream between them; nobody takes it for one that was deleted."""
    for attempt in range(10):
        root = tmp_path / str(attempt)
        root.mkdir()
        ready, go = os.pipe()

        def work(root: Path = root, ready: int = ready, go: int = go) -> None:
            heard = Heard()
            ledger = make_ledger(root, alert=heard)
            os.close(go)
            os.read(ready, 1)  # the end of the pipe: everybody at once
            ledger.record(body(os.getpid()))
            assert heard == []

        children = [in_child(work) for _ in range(8)]
        os.close(go)
        assert [wait_for(child) for child in children] == [0] * 8
        os.close(ready)
        assert assert_chained(root / "audit/security") == 8
        assert sorted(path.name for path in (root / "audit/security").glob(".*")) == [".head"]


def test_a_failed_fdatasync_ends_the_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After EIO what may not be on the disk is appended again to a new segment, and both streams say so."""
    heard, emitted = Heard(), Heard()
    ledger = make_ledger(tmp_path, fsync="always", rotation=Rotation(size=50_000), alert=heard, emit=emitted)
    ledger.record(body(1))
    real, failures = durability.fdatasync, [OSError(5, "Input/output error")]

    def failing(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        real(descriptor)

    monkeypatch.setattr(durability, "fdatasync", failing)
    ledger.record(body(2))
    directory = tmp_path / "audit/security"
    assert ids_of(directory) == ["event-1", "event-2", "event-2"]
    assert [segment.first for segment in list_segments(directory)] == [1, 3]
    assert assert_chained(directory) == 3
    assert heard.names[:1] == ["audit.sync_failed"]
    assert emitted[0][1]["cause"] == "sync_failed"


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:25 / /srv rw - nfs4 server:/export rw
31 22 0:26 / /srv/local\\040disk rw - xfs /dev/vdb rw
32 22 0:27 / /data rw - fuse.sshfs host: rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/audit", "ext4"), ("/srv/audit", "nfs4"), ("/srv/local disk/audit", "xfs"), ("/srvx", "ext4")],
)
def test_a09_which_file_system(path: str, kind: str) -> None:
    """The longest mount point that holds the path decides."""
    assert filesystem_of(Path(path), MOUNTS) == kind


def test_a09_network_file_systems_are_refused() -> None:
    """With a clear word: where the ledger may live."""
    refuse_network(Path("/var/audit"), MOUNTS)
    with pytest.raises(AuditUnavailable, match="nfs4, a network file system"):
        refuse_network(Path("/srv/audit"), MOUNTS)
    with pytest.raises(AuditUnavailable, match=r"fuse\.sshfs"):
        refuse_network(Path("/data/audit"), MOUNTS)
