"""kill -9 at every step of appending, rotation, sealing, compression, retention and draining: nothing that was
acknowledged is lost, nothing is doubled, and no crash is called an attack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from logkit.audit.files.segments import list_segments
from logkit.audit.retention import apply
from logkit.audit.retention.compress import compress
from logkit.parsers import Rotation
from tests.unit.audit.killing import killed_at_every_step
from tests.unit.audit.ledger_tools import (
    Emitter,
    assert_chained,
    body,
    copy_of,
    ids_of,
    make_ledger,
    make_trail,
    verified,
)

SMALL = Rotation(size=400)


class Acknowledged:
    """What children were told is written: one `write` per record, on a file that no kill can tear."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def add(self, identifier: str) -> None:
        with self.path.open("ab", buffering=0) as file:
            file.write(identifier.encode() + b"\n")

    def __iter__(self) -> Iterator[str]:
        return iter(self.path.read_text().split())


def check(directory: Path, acknowledged: Acknowledged, step: object) -> None:
    """The trail is whole, holds everything that was acknowledged once, verifies, and takes more."""
    assert verified(directory).exit_code == 0, (step, verified(directory).findings)
    present = ids_of(directory)
    assert len(set(present)) == len(present), step
    assert set(acknowledged) <= set(present), step


def test_appending_and_rotating(tmp_path: Path) -> None:
    """A writer that dies at any call of an append, with and without rotation and syncing."""
    acknowledged = Acknowledged(tmp_path / "acknowledged")
    directory = tmp_path / "audit/security"

    def work() -> None:
        ledger = make_ledger(tmp_path, rotation=SMALL, fsync="always")
        for number in range(2):
            identifier = f"{os.getpid()}-{number}"
            ledger.record(body(number, id=identifier))
            acknowledged.add(identifier)

    steps = 0
    for step in killed_at_every_step(work):
        steps += 1
        if directory.is_dir():
            make_ledger(tmp_path, rotation=SMALL).record(body(0, id=f"after-{steps}"))
            acknowledged.add(f"after-{steps}")
            check(directory, acknowledged, step)
    assert steps > 40
    assert assert_chained(directory) == len(ids_of(directory))


def test_sealing(tmp_path: Path) -> None:
    """A sealer that dies at any call: the next one finishes it, and the chain of keys is whole."""
    acknowledged = Acknowledged(tmp_path / "acknowledged")
    directory = tmp_path / "audit/security"
    writer = make_ledger(tmp_path, rotation=SMALL)
    steps = 0

    def work() -> None:
        make_ledger(tmp_path, rotation=SMALL).seal()

    for number in range(5):
        writer.record(body(number))
    for step in killed_at_every_step(work):
        steps += 1
        check(directory, acknowledged, step)
        for number in range(3):
            writer.record(body(number, id=f"{steps}-{number}"))
            acknowledged.add(f"{steps}-{number}")
        if steps % 5 == 0:
            make_ledger(tmp_path).seal()
            check(directory, acknowledged, step)
    assert steps >= 20
    make_ledger(tmp_path).seal()
    report = verified(directory)
    assert (report.unsealed, report.findings) == (0, ())


def test_compressing(tmp_path: Path) -> None:
    """Both files, a half one, or only one of them: always every line, once."""
    directory = make_trail(tmp_path / "t")
    before = ids_of(directory)

    def work() -> None:
        segment = list_segments(directory)[0]
        if not segment.is_compressed:
            compress(segment)

    for step in killed_at_every_step(work):
        assert ids_of(directory) == before, step
        assert verified(directory).findings == (), step
        segment = list_segments(directory)[0]
        if segment.is_compressed:
            import gzip

            segment.path.with_name(segment.name).write_bytes(gzip.decompress(segment.path.read_bytes()))
    assert list_segments(directory)[0].is_compressed


def test_retention(tmp_path: Path) -> None:
    """A run that dies at any call leaves nothing that verify would call deleted, and the next one finishes it."""
    trail = make_trail(tmp_path / "t", records=40, size=5_000)
    later = datetime.now(UTC) + timedelta(days=400)
    emit = Emitter(trail.parent.parent)
    emit.now = later
    emit("audit.log.read", {})
    emit.ledger.close()

    def run(directory: Path) -> Callable[[], None]:
        def work() -> None:
            root = directory.parent.parent
            emit = Emitter(root)
            emit.now = later
            apply(make_ledger(root), keep=timedelta(days=365), emit=emit, now=later)

        return work

    steps = 0
    directory = copy_of(trail, tmp_path / "copy")
    for step in killed_at_every_step(run(directory)):
        steps += 1
        for stream in ("security", "compliance"):
            report = verified(directory.parent / stream)
            assert report.exit_code == 0, (step, stream, report.findings)
        directory = copy_of_again(trail, directory)
    assert steps > 40
    assert ids_of(directory) == []
    assert verified(directory).exit_code == 0


def copy_of_again(trail: Path, directory: Path) -> Path:
    """Half of the time go on from where the killed run left the trail; else begin anew."""
    import shutil

    root = directory.parent.parent
    if len(list_segments(directory)) <= 1:
        shutil.rmtree(root)
        copy_of(trail, root)
    return directory


def test_draining(tmp_path: Path) -> None:
    """A drainer that dies at any call: every spooled record arrives, and arrives once."""
    acknowledged = Acknowledged(tmp_path / "acknowledged")
    ledger = make_ledger(tmp_path)
    ledger.record(body(0))
    steps = 0

    def spool() -> None:
        ledger._bypass_until = float("inf")
        for number in range(3):
            identifier = f"spooled-{steps}-{number}"
            assert ledger.record(body(number, id=identifier)).state == "spooled"
            acknowledged.add(identifier)
        ledger._bypass_until = 0.0

    def work() -> None:
        make_ledger(tmp_path).drain()

    spool()
    for step in killed_at_every_step(work):
        steps += 1
        if steps % 3 == 0:
            make_ledger(tmp_path).drain()
            check(tmp_path / "audit/security", acknowledged, step)
            spool()
    make_ledger(tmp_path).drain()
    assert steps > 10
    check(tmp_path / "audit/security", acknowledged, "end")
