"""Seals: when they are due, what they alarm about, and that a key is used once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from logkit.audit.files.checkpoints import checkpoint_hash, parse_checkpoint, read_checkpoints
from logkit.audit.files.segments import list_segments
from logkit.audit.seal.keys import SLOT_SIZE, SealError, create_key, read_key
from logkit.parsers import Rotation
from tests.unit.audit.ledger_tools import (
    SOMEBODY_ELSE,
    Heard,
    body,
    found,
    in_child,
    let_in,
    lines_of,
    make_ledger,
    verified,
    wait_for,
)


def checkpoints(root: Path) -> int:
    return len(list(read_checkpoints(root / "audit/security")))


def test_a_thousand_records_are_sealed_by_themselves(tmp_path: Path) -> None:
    """The writer that notices seals, and the anchor goes to the operational log."""
    heard = Heard()
    ledger = make_ledger(tmp_path, alert=heard)
    for number in range(999):
        ledger.record(body(number))
    assert checkpoints(tmp_path) == 0
    for number in range(3):
        ledger.record(body(1000 + number))
    line = next(read_checkpoints(tmp_path / "audit/security"))
    assert heard.names == ["audit.key_created", "audit.anchored"]
    assert heard[1][1]["checkpoint"] == checkpoint_hash(line).hex()
    assert parse_checkpoint(line).next > 1000


def test_a_minute_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty seconds after the last seal the next record is sealed."""
    ledger = make_ledger(tmp_path)
    ledger.record(body(1))
    assert checkpoints(tmp_path) == 0
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + 61)
    ledger.record(body(2))
    assert checkpoints(tmp_path) == 1


@pytest.mark.parametrize("severity", ["high", "critical"])
def test_what_is_severe_is_sealed_at_once(tmp_path: Path, severity: str) -> None:
    """Also by another process than the one that sealed before."""
    ledger = make_ledger(tmp_path)
    ledger.record(body(1, severity="warning"))
    assert checkpoints(tmp_path) == 0
    ledger.record(body(2, severity=severity))
    assert checkpoints(tmp_path) == 1
    make_ledger(tmp_path).record(body(3, severity=severity))
    assert verified(tmp_path / "audit/security").unsealed == 0


def test_rotation_seals_the_closed_segment(tmp_path: Path) -> None:
    """`audit.segment.sealed` is stated once per closed segment."""
    emitted = Heard()
    ledger = make_ledger(tmp_path, rotation=Rotation(size=3_000), emit=emitted)
    for number in range(100):
        ledger.record(body(number))
    ledger.seal()
    ledger.tend()
    segments = list_segments(tmp_path / "audit/security")
    assert emitted.names == ["audit.segment.sealed"] * (len(segments) - 1)
    assert [detail["segment"] for _, detail in emitted] == [f"security/{each.name}" for each in segments[:-1]]
    assert sum(int(str(detail["n"])) for _, detail in emitted) == segments[-1].first - 1


def test_a_busy_sealer_is_not_waited_for(tmp_path: Path) -> None:
    """While one process seals, another goes on at once."""
    import fcntl

    ledger = make_ledger(tmp_path)
    ledger.record(body(1))
    ledger.seal()
    with (tmp_path / "audit/security/.seal.lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ledger.record(body(2))
        assert ledger.seal().is_busy
    assert len(ledger.seal().lines) == 1


def test_a_key_is_used_once_and_erased(tmp_path: Path) -> None:
    """No secret of an earlier epoch is left in the key file, which nobody else may read."""
    ledger = make_ledger(tmp_path)
    path = tmp_path / "keys/security.key"
    secrets = []
    for number in range(4):
        ledger.record(body(number))
        ledger.seal()
        key = read_key(path)
        assert key is not None
        secrets.append(key.secret)
        raw = path.read_bytes()
        assert [secret in raw for secret in secrets] == [False] * number + [True]
        assert raw[(1 - key.epoch % 2) * SLOT_SIZE :][:SLOT_SIZE] == bytes(SLOT_SIZE)
        assert key.secret.hex() not in repr(key)
    assert oct(path.stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("harm", ["gone", "garbage", "readable", "older", "checkpoints cut", "foreign tail"])
def test_keys_that_contradict_the_checkpoints_raise_an_alarm(tmp_path: Path, harm: str) -> None:
    """Appending goes on, nothing is sealed, and the operational log hears it as CRITICAL."""
    heard = Heard()
    ledger = make_ledger(tmp_path, alert=heard)
    path, checkpoint_file = tmp_path / "keys/security.key", tmp_path / "audit/security/checkpoints.jsonl"
    ledger.record(body(0))
    ledger.seal()
    older = path.read_bytes()
    for number in range(2):
        ledger.record(body(number))
        ledger.seal()
    sealed = checkpoints(tmp_path)
    if harm == "gone":
        path.unlink()
    elif harm == "garbage":
        path.write_bytes(b"x" * 8192)
    elif harm == "readable":
        path.chmod(0o644)
    elif harm == "older":
        path.write_bytes(older)
    elif harm == "checkpoints cut":
        checkpoint_file.write_bytes(next(read_checkpoints(tmp_path / "audit/security")))
    else:
        with checkpoint_file.open("ab") as file:
            file.write(b'{"v":1,"stream":"access')
    before = checkpoint_file.read_bytes()
    assert ledger.record(body(9, severity="high")).state == "written"
    assert "audit.seal_alarm" in heard.names
    with pytest.raises(SealError):
        ledger.seal()
    assert checkpoint_file.read_bytes() == before
    if harm not in ("gone", "readable"):
        assert verified(tmp_path / "audit/security").exit_code == 1
    assert checkpoints(tmp_path) <= sealed + 1


def test_a_torn_checkpoint_is_completed(tmp_path: Path) -> None:
    """A crash in the middle of the last write: the line is in the key file, and comes back byte for byte."""
    ledger = make_ledger(tmp_path)
    for number in range(2):
        ledger.record(body(number))
        ledger.seal()
    path = tmp_path / "audit/security/checkpoints.jsonl"
    whole = path.read_bytes()
    for cut in (1, 100, len(whole.splitlines(keepends=True)[-1])):
        path.write_bytes(whole[:-cut])
        assert verified(tmp_path / "audit/security").exit_code == 0
        make_ledger(tmp_path).seal()
        assert path.read_bytes() == whole


def test_lines_that_do_not_chain_are_never_signed(tmp_path: Path) -> None:
    """The altered segment stays unsealed with an alarm; later ones are sealed."""
    ledger = make_ledger(tmp_path, rotation=Rotation(size=2_000))
    for number in range(40):
        ledger.append(body(number))
    segment = list_segments(tmp_path / "audit/security")[1]
    segment.path.write_bytes(segment.path.read_bytes().replace(b"event-2", b"event-x", 1))
    sealing = ledger.seal()
    assert [alarm.split(":")[0] for alarm in sealing.alarms] == [segment.name]
    sealed = {parse_checkpoint(line).segment for line in sealing.lines}
    assert segment.name not in sealed
    assert list_segments(tmp_path / "audit/security")[2].name in sealed
    assert found(verified(tmp_path / "audit/security"))[0][0] == "ALTERED"


def test_an_existing_key_is_never_replaced(tmp_path: Path) -> None:
    """Whatever is in the file."""
    path = tmp_path / "security.key"
    path.write_bytes(b"something")
    with pytest.raises(FileExistsError):
        create_key(path)
    assert path.read_bytes() == b"something"
    assert [entry.name for entry in tmp_path.iterdir()] == ["security.key"]


def test_an_auditor_needs_no_key(tmp_path: Path) -> None:
    """Somebody who may read the trail but not the key directory verifies all the same."""
    directory = tmp_path / "audit/security"
    ledger = make_ledger(tmp_path, group=SOMEBODY_ELSE and str(SOMEBODY_ELSE))
    for number in range(5):
        ledger.record(body(number))
    ledger.seal()
    let_in(tmp_path)
    (tmp_path / "audit").chmod(0o711)
    if SOMEBODY_ELSE is None:  # the same person, with the auditor's rights
        (tmp_path / "keys").chmod(0)
        directory.chmod(0o555)

    def work() -> None:
        report = verified(directory)
        assert (report.exit_code, report.key_checked, report.sealed) == (0, False, 5)
        with pytest.raises(PermissionError):
            (directory / "mine").touch()

    assert wait_for(in_child(work, uid=SOMEBODY_ELSE)) == 0
    (tmp_path / "keys").chmod(0o700)
    directory.chmod(0o755)
    assert len(lines_of(directory)) == 5
