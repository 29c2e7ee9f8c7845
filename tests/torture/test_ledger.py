"""The ledger under load, random kills, a disk that fills up, and random attacks. Seeds are printed; LOGKIT_SEED repeats
a run, LOGKIT_TORTURE scales it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from logkit.audit.files.segments import list_segments
from logkit.errors import AuditUnavailable
from logkit.parsers import Rotation
from tests.torture.ledger_attacks import ATTACKS
from tests.unit.audit.ledger_tools import (
    Heard,
    assert_chained,
    body,
    copy_of,
    ids_of,
    in_child,
    make_ledger,
    verified,
    wait_for,
)
from tests.unit.audit.small_disks import KINDS, small_disk

pytestmark = [pytest.mark.torture, pytest.mark.timeout(600)]
SCALE = float(os.environ.get("LOGKIT_TORTURE", "1"))
PROCESSES = 8


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("LOGKIT_SEED") or random.SystemRandom().randrange(10**9))
    print(f"LOGKIT_SEED={seed}")
    return random.Random(seed)


@pytest.mark.parametrize("opened_before", [False, True])
def test_a06_eight_processes(tmp_path: Path, opened_before: bool) -> None:
    """8 x 5,000 records with rotation: contiguous numbers, every record once, verify exit 0."""
    each = int(5_000 * SCALE)
    ledger = make_ledger(tmp_path, rotation=Rotation(size=500_000))
    if opened_before:
        ledger.record(body(0))

    def write(n: int) -> None:
        for i in range(each):
            assert ledger.record(body(n * 1_000_000 + i)).state == "written"

    began = time.monotonic()
    assert [
        wait_for(child) for child in [in_child(lambda n=n: write(n)) for n in range(1, PROCESSES + 1)]
    ] == [0] * 8
    took = time.monotonic() - began
    directory = tmp_path / "audit/security"
    total = PROCESSES * each + opened_before
    assert assert_chained(directory) == total
    assert len(set(ids_of(directory))) == total
    report = verified(directory)
    assert (report.exit_code, report.records) == (0, total)
    print(f"{total} records in {took:.1f} s: {total / took:,.0f}/s, {len(list_segments(directory))} segments")


@pytest.mark.parametrize("fsync", ["always", "never"])
def test_a06_two_hundred_random_kills(tmp_path: Path, chance: random.Random, fsync: str) -> None:
    """Writers killed with SIGKILL at random: every acknowledged record is there once, and verify calls nothing an
    attack, neither in between nor at the end."""
    kills = int(200 * SCALE)
    directory = tmp_path / "audit/security"
    (tmp_path / "acknowledged").mkdir()

    def write(n: int) -> None:
        ledger = make_ledger(tmp_path, rotation=Rotation(size=30_000), fsync=fsync)
        with (tmp_path / f"acknowledged/{n}").open("ab", buffering=0) as said:
            i = 0
            while True:
                severity = "high" if i % 97 == 96 else "info"
                identifier = f"{n}-{i}"
                ledger.record(body(i, id=identifier, severity=severity, pad="x" * (i % 400)))
                said.write(identifier.encode() + b"\n")
                i += 1

    running = [in_child(lambda n=n: write(n)) for n in range(PROCESSES)]
    try:
        for kill in range(kills):
            time.sleep(chance.uniform(0.001, 0.03))
            victim = running.pop(chance.randrange(len(running)))
            os.kill(victim, signal.SIGKILL)
            assert wait_for(victim) == -signal.SIGKILL
            running.append(in_child(lambda n=PROCESSES + kill: write(n)))
            if kill % 50 == 49:
                report = verified(directory)
                assert report.exit_code == 0, report.findings
    finally:
        for child in running:
            os.kill(child, signal.SIGKILL)
            wait_for(child)
    check_everything(tmp_path)
    print(f"{kills} kills, {len(ids_of(directory))} records, {len(list_segments(directory))} segments")


def check_everything(root: Path) -> None:
    """After the last kill: recover, drain, seal; then everything acknowledged is there once and verifies."""
    directory = root / "audit/security"
    ledger = make_ledger(root)
    ledger.record(body(0, id="the last"))
    ledger.drain()
    ledger.seal()
    report = verified(directory)
    assert report.exit_code == 0, report.findings
    assert report.unsealed == 0
    present = Counter(ids_of(directory))
    assert [name for name, count in present.items() if count > 1] == []
    acknowledged = {line for path in (root / "acknowledged").iterdir() for line in path.read_text().split()}
    assert acknowledged - set(present) == set()
    assert_chained(directory)


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fills_up_under_four_processes(kind: str, tmp_path: Path) -> None:
    """Ledger and spool on one small disk: what was acknowledged is there once, the count of refusals is exact."""
    (tmp_path / "acknowledged").mkdir()
    (tmp_path / "refused").mkdir()
    each = int(400 * SCALE)
    with small_disk(kind, tmp_path / "small") as disk:

        def write(n: int) -> None:
            emitted = Heard()
            ledger = make_ledger(disk.path, rotation=Rotation(size=60_000), emit=emitted)
            refused = 0
            with (tmp_path / f"acknowledged/{n}").open("ab", buffering=0) as said:
                for i in range(each):
                    if i == each // 4:
                        disk.fill_up()
                    try:
                        ledger.record(body(i, id=f"{n}-{i}", pad="x" * 700))
                    except AuditUnavailable:
                        refused += 1
                    else:
                        said.write(f"{n}-{i}\n".encode())
            (tmp_path / f"refused/{n}").write_text(str(refused))
            deadline = time.monotonic() + 60
            while len(list((tmp_path / "refused").iterdir())) < 4 and time.monotonic() < deadline:
                time.sleep(0.01)
            disk.make_room()
            ledger.record(body(0, id=f"{n}-end"))
            ledger.drain()
            gaps = [detail for name, detail in emitted if name == "audit.gap"]
            assert sum(int(str(gap["lost"])) for gap in gaps if gap["cause"] == "unavailable") == refused

        children = [in_child(lambda n=n: write(n)) for n in range(4)]
        assert [wait_for(child) for child in children] == [0] * 4
        refused = sum(int(path.read_text()) for path in (tmp_path / "refused").iterdir())
        assert refused > 100
        shutil.move(tmp_path / "acknowledged", disk.path / "acknowledged")
        check_everything(disk.path)
        print(f"{kind}: {refused} refused, {len(ids_of(disk.path / 'audit/security'))} records")


def test_random_attacks_are_named(tmp_path: Path, chance: random.Random) -> None:
    """Every attack on a copy of a trail that was written, killed and recovered is named; the trail itself is whole."""
    root = tmp_path / "real"
    directory = root / "audit/security"

    def write() -> None:
        ledger = make_ledger(root, rotation=Rotation(size=12_000))
        for i in range(10**6):
            ledger.record(body(i, id=f"{os.getpid()}-{i}", severity="high" if i % 23 == 22 else "info"))

    for _ in range(6):
        child = in_child(write)
        time.sleep(chance.uniform(0.1, 0.25))
        os.kill(child, signal.SIGKILL)
        wait_for(child)
    report = verified(directory)
    assert report.exit_code == 0, report.findings
    make_ledger(root).record(body(0, id="end"))
    assert verified(directory).exit_code == 0
    unnamed: list[object] = []
    count = int(20 * SCALE) or 1
    for attack in ATTACKS:
        for number in range(count):
            copied = copy_of(directory, tmp_path / "copy")
            pin = verified(directory).checkpoints and first_key_of(directory)
            words = attack(copied, chance)
            report = verified(copied, pin=pin, retention={"security": timedelta(days=365)})
            said = {finding.verdict for finding in report.findings if finding.code}
            if report.exit_code != 1 or not said & words:
                unnamed.append((attack.__name__, number, said, report.findings[:3]))
            shutil.rmtree(tmp_path / "copy")
    assert unnamed == []
    print(f"{count * len(ATTACKS)} attacks of {len(ATTACKS)} kinds, all named")


def first_key_of(directory: Path) -> bytes:
    from logkit.audit.files.checkpoints import parse_checkpoint, read_checkpoints

    return parse_checkpoint(next(read_checkpoints(directory))).pk
