"""Retention: a receipt before every removal, holds are kept, and a killed run is finished by the next. (A08)"""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logkit.audit.files.segments import list_segments
from logkit.audit.retention import RetentionRefused, apply, plan
from logkit.audit.retention import expiry as retention
from logkit.audit.retention.compress import compress
from logkit.audit.retention.holds import active_holds, lift, place
from logkit.parsers import Rotation
from tests.unit.audit.ledger_tools import Emitter, body, found, ids_of, make_ledger, make_trail, verified

YEAR = timedelta(days=365)
LATER = datetime.now(UTC) + timedelta(days=400)


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    directory = make_trail(tmp_path / "t", records=60, size=5_000)
    make_ledger(directory.parent.parent, rotation=Rotation(size=5_000)).seal()
    return directory


def test_a08_past_due_segments_go_with_a_receipt(trail: Path) -> None:
    """Every closed segment goes, its receipt says what it held, and verify calls it EXPIRED."""
    root = trail.parent.parent
    emit = Emitter(root)
    emit.now = LATER
    before = list_segments(trail)
    decisions = apply(make_ledger(root), keep=YEAR, emit=emit, now=LATER)
    gone = [decision for decision in decisions if decision.do == "expire"]
    assert len(gone) == len(before)
    names = [name for name, _ in emit.sent]
    assert names == ["audit.segment.expired"] * len(gone)
    detail = emit.sent[0][1]
    assert detail["segment"] == f"security/{before[0].name}"
    assert (detail["first"], detail["last"], detail["policy"]) == (1, before[1].first - 1, "365 days")
    report = verified(trail)
    assert (report.exit_code, found(report)) == (0, [])
    assert {each.verdict for each in report.findings} == {"EXPIRED"}


def test_a08_nothing_goes_before_its_time(trail: Path) -> None:
    """A day before the year is over everything is kept, compressed where it is closed and sealed."""
    root = trail.parent.parent
    decisions = apply(make_ledger(root), keep=YEAR, emit=Emitter(root))
    assert {decision.do for decision in decisions} == {"compress", "keep"}
    assert [segment.is_compressed for segment in list_segments(trail)][-2:] == [True, False]
    assert verified(trail).findings == ()
    assert len(ids_of(trail)) == 60


def test_a08_the_receipt_comes_before_the_removal(trail: Path) -> None:
    """When the receipt cannot be written, the segment stays."""
    before = list_segments(trail)

    def refuse(name: str, detail: object) -> None:
        raise OSError("the compliance stream is full")

    with pytest.raises(OSError, match="full"):
        apply(make_ledger(trail.parent.parent), keep=YEAR, emit=refuse, now=LATER)
    assert [segment.name for segment in list_segments(trail)][: len(before)] == [
        segment.name for segment in before
    ]


def test_a08_killed_between_receipt_and_removal(trail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run removes the file without a second receipt; verify in between is content."""
    root = trail.parent.parent
    emit = Emitter(root)
    emit.now = LATER
    ledger = make_ledger(root)
    first = list_segments(trail)[0]
    with monkeypatch.context() as patched:
        patched.setattr(retention, "sync_directory", lambda path: None)
        real = Path.unlink

        def killed(self: Path, missing_ok: bool = False) -> None:
            if self.name == first.name:
                raise KeyboardInterrupt
            real(self, missing_ok=missing_ok)

        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            apply(ledger, keep=YEAR, emit=emit, now=LATER)
    assert first.path.exists()
    assert verified(trail).exit_code == 0
    assert len(emit.sent) == 1
    decisions = apply(ledger, keep=YEAR, emit=emit, now=LATER)
    assert decisions[0].do == "finish"
    assert not first.path.exists()
    assert sum(detail["first"] == 1 for _, detail in emit.sent) == 1
    assert verified(trail).exit_code == 0


@pytest.mark.parametrize("scope", ["actor=user:3", "actor=3", "since=2026-11-23T00:00:00Z until=2026-11-24"])
def test_a08_under_a_hold(trail: Path, scope: str) -> None:
    """Segments that hold a record of the scope are kept with the reason; lifted, they go."""
    root = trail.parent.parent
    emit = Emitter(root)
    emit.now = LATER
    hold_id = place(emit, scope=scope, reason="matter 7")
    ledger = make_ledger(root)
    decisions = apply(ledger, keep=YEAR, emit=emit, now=LATER)
    held = [decision for decision in decisions if hold_id in decision.why]
    assert held
    assert all("matter 7" in decision.why for decision in held)
    assert not any(decision.do == "expire" for decision in held)
    assert verified(trail).exit_code == 0
    lift(root / "audit", emit, hold_id=hold_id, reason="settled")
    assert active_holds(root / "audit") == []
    later = apply(ledger, keep=YEAR, emit=emit, now=LATER)
    assert {decision.do for decision in later} <= {"expire", "keep"}
    assert len(ids_of(trail)) == 0
    assert verified(trail).exit_code == 0


def test_a_hold_on_another_stream_keeps_nothing_here(trail: Path) -> None:
    """A scope may name one stream."""
    root = trail.parent.parent
    emit = Emitter(root)
    emit.now = LATER
    place(emit, scope="actor=3 stream=access", reason="matter 8")
    decisions = apply(make_ledger(root), keep=YEAR, emit=emit, now=LATER)
    assert all(decision.do in ("expire", "keep") for decision in decisions)
    assert not any("matter" in decision.why for decision in decisions)


@pytest.mark.parametrize(
    "scope", ["", "colour=red", "actor=", "actor=1 actor=2", "stream=moon", "since=yesterday"]
)
def test_scopes_that_mean_nothing_are_refused(tmp_path: Path, scope: str) -> None:
    """A hold that would hold nothing must not look as if it did."""
    with pytest.raises(ValueError, match=r"."):
        place(Emitter(tmp_path), scope=scope, reason="matter")
    assert not (tmp_path / "audit").exists()


def test_evidence_is_not_removed(trail: Path) -> None:
    """A segment that does not verify is kept, past due or not."""
    root = trail.parent.parent
    segment = list_segments(trail)[0]
    segment.path.write_bytes(segment.path.read_bytes().replace(b"event-3", b"event-x", 1))
    decisions = apply(make_ledger(root), keep=YEAR, emit=Emitter(root), now=LATER)
    assert (decisions[0].do, decisions[0].why) == ("keep", "it does not verify, so it is evidence")


def test_a08_a_receipt_does_not_excuse_what_was_early(trail: Path) -> None:
    """A receipt that was written before its own policy's day is EARLY-DELETED."""
    apply(make_ledger(trail.parent.parent), keep=YEAR, emit=Emitter(trail.parent.parent), now=LATER)
    assert {verdict for verdict, *_ in found(verified(trail))} == {"EARLY-DELETED"}


def test_nothing_is_removed_while_the_holds_cannot_be_believed(trail: Path) -> None:
    """With the compliance stream altered, a lifted hold may be a forgery."""
    root = trail.parent.parent
    emit = Emitter(root)
    emit.now = LATER
    place(emit, scope="actor=3", reason="matter 9")
    emit("audit.log.read", {})
    segment = list_segments(root / "audit/compliance")[0]
    segment.path.write_bytes(segment.path.read_bytes().replace(b'"placed"', b'"lifted"', 1))
    with pytest.raises(RetentionRefused, match="does not verify"):
        apply(make_ledger(root), keep=YEAR, emit=emit, now=LATER)
    assert len(ids_of(trail)) == 60


def test_receipts_and_holds_outlive_the_segments_that_say_them(tmp_path: Path) -> None:
    """When the compliance stream itself expires, what still matters is said again first."""
    root = tmp_path
    directory = make_trail(root, records=60, size=5_000)
    emit = Emitter(root)
    emit.now = LATER
    ledger = make_ledger(root, rotation=Rotation(size=5_000))
    apply(ledger, keep=YEAR, emit=emit, now=LATER)
    hold_id = place(emit, scope="actor=3 stream=security", reason="matter 10")
    compliance = make_ledger(root, stream="compliance")
    compliance.rotate()
    emit.now = LATER + timedelta(days=1200)
    apply(compliance, keep=timedelta(days=1095), emit=emit, now=emit.now)
    assert [hold.id for hold in active_holds(root / "audit")] == [hold_id]
    kept = [
        detail
        for name, detail in emit.sent
        if name == "audit.segment.expired" and detail["segment"] == "security/"
    ]
    assert [(detail["first"], detail["last"]) for detail in kept] == [(1, 60)]
    assert verified(directory).exit_code == 0
    assert verified(root / "audit/compliance").exit_code == 0


def test_a_dry_run_changes_nothing(trail: Path) -> None:
    """`plan` only reads."""
    before = {path.name: path.stat().st_mtime_ns for path in trail.iterdir()}
    decisions = plan(trail, keep=YEAR, now=LATER, holds=[])
    assert decisions[0].do == "expire"
    assert {path.name: path.stat().st_mtime_ns for path in trail.iterdir()} == before


def test_compression_keeps_every_byte(trail: Path) -> None:
    """A compressed segment verifies, and a run that was killed with both files there is repeated."""
    segment = list_segments(trail)[0]
    original = segment.path.read_bytes()
    packed = compress(segment)
    assert gzip.decompress(packed.read_bytes()) == original
    assert not segment.path.exists()
    assert verified(trail).findings == ()
    segment.path.write_bytes(original)
    packed.write_bytes(packed.read_bytes()[:-9])  # as if it had been killed half-way
    assert verified(trail).findings == ()
    compress(list_segments(trail)[0])
    assert verified(trail).findings == ()


def test_a07_a_compressed_segment_that_is_damaged(trail: Path) -> None:
    """Damage to the compressed bytes is ALTERED too."""
    segment = list_segments(trail)[0]
    packed = compress(segment)
    content = bytearray(packed.read_bytes())
    content[len(content) // 2] ^= 0x40
    packed.write_bytes(content)
    report = verified(trail)
    assert report.exit_code == 1
    assert (report.findings[0].verdict, report.findings[0].segment) == ("ALTERED", segment.name)


def test_writers_do_not_mind_retention(tmp_path: Path) -> None:
    """A writer whose segments were rotated, compressed and removed by another process goes on."""
    writer = make_ledger(tmp_path)
    for number in range(20):
        writer.record(body(number))
    emit = Emitter(tmp_path)
    emit.now = LATER
    apply(make_ledger(tmp_path), keep=YEAR, emit=emit, now=LATER)
    assert writer.record(body(20)).seq == 21
    assert ids_of(tmp_path / "audit/security") == ["event-20"]
    assert verified(tmp_path / "audit/security").exit_code == 0
