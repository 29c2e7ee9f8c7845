"""Verification: every attack is named for what it is, and no crash is called an attack. (A07)"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from logkit.audit.files.checkpoints import parse_checkpoint, read_checkpoints, sign
from logkit.audit.files.head import HEAD_NAME, boot_id, encode_head, read_head, store_mark
from logkit.audit.files.segments import leaf_hash, line_of, list_segments, split_line
from logkit.audit.seal.keys import read_key
from logkit.audit.verify.keychain import Anchor
from tests.unit.audit.ledger_tools import body, copy_of, found, make_ledger, make_trail, verified

YEAR = {"security": timedelta(days=365)}


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 lines in several segments, sealed up to the last few."""
    return make_trail(tmp_path_factory.mktemp("trail") / "t")


@pytest.fixture
def copied(trail: Path, tmp_path: Path) -> Path:
    return copy_of(trail, tmp_path / "copy")


def lines_in(directory: Path, index: int) -> list[bytes]:
    return list_segments(directory)[index].path.read_bytes().splitlines(keepends=True)


def rewrite(directory: Path, index: int, change: Callable[[list[bytes]], list[bytes]]) -> tuple[str, int]:
    """Change the lines of one segment in place; its name and first number."""
    segment = list_segments(directory)[index]
    segment.path.write_bytes(b"".join(change(lines_in(directory, index))))
    return segment.name, segment.first


def test_an_untouched_trail_is_clean(trail: Path) -> None:
    """Nothing is found, all but the last lines are sealed, and the whole is proved."""
    report = verified(trail)
    assert report.findings == ()
    assert (report.records, report.exit_code) == (120, 0)
    assert 0 < report.unsealed < 40
    assert report.proved["first"] == 1
    assert report.proved["last"] == 120
    assert {segment.verdict for segment in report.segments} == {"OK", "UNSEALED"}


def test_a07_a_flipped_byte(trail: Path, tmp_path: Path) -> None:
    """Whichever byte of a line is flipped, that line is accused, in its segment, and no other."""
    segment = list_segments(trail)[1]
    content = segment.path.read_bytes()
    lines = content.splitlines(keepends=True)
    start = sum(map(len, lines[:5]))
    for offset in range(0, len(lines[5]) - 1, 9):
        copied = copy_of(trail, tmp_path / str(offset))
        changed = bytearray(content)
        changed[start + offset] ^= 0x01
        (copied / segment.name).write_bytes(changed)
        report = verified(copied)
        assert report.exit_code == 1
        assert found(report)[0] == ("ALTERED", segment.name, segment.first + 5, segment.first + 5), offset


@pytest.mark.parametrize("index", [0, 1, -1])
@pytest.mark.parametrize("line", [0, -1])
def test_a07_a_flipped_byte_at_the_edges(copied: Path, index: int, line: int) -> None:
    """First and last lines of the first, a middle and the open segment are accused like any other."""
    which: list[int] = []

    def change(lines: list[bytes]) -> list[bytes]:
        lines[line] = lines[line].replace(b"keep.viewed", b"keep.stolen")
        which.append(split_line(lines[line])[0])
        return lines

    name, _ = rewrite(copied, index, change)
    assert found(verified(copied))[0] == ("ALTERED", name, which[0], which[0])


def test_a07_a_line_removed(copied: Path) -> None:
    """The number that is gone is named."""
    name, first = rewrite(copied, 1, lambda lines: lines[:4] + lines[5:])
    report = verified(copied)
    assert ("ALTERED", name, first + 4, first + 4) in found(report)
    assert "removed" in next(each.why for each in report.findings if each.first == first + 4)


def test_a07_lines_swapped(copied: Path) -> None:
    """Lines that only changed places are REORDERED."""
    name, first = rewrite(copied, 1, lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]])
    assert found(verified(copied))[0] == ("REORDERED", name, first + 3, first + 4)


def test_a07_a_line_inserted(copied: Path) -> None:
    """A copy of another line, or a new one, is named where it stands."""
    name, first = rewrite(copied, 1, lambda lines: [*lines[:3], lines[1], *lines[3:]])
    report = verified(copied)
    assert ("ALTERED", name, first + 3, first + 3) in found(report)
    assert "inserted" in report.findings[0].why


def rechained(lines: list[bytes], at: int, new: bytes) -> list[bytes]:
    """What an attacker who understands the chain would write."""
    seq, prev, _ = split_line(lines[at])
    result = lines[:at]
    for each in [new, *(split_line(line)[2] for line in lines[at + 1 :])]:
        result.append(line_of(seq, prev, each))
        seq, prev = seq + 1, leaf_hash(result[-1])
    return result


def test_a07_a_rewritten_chain_is_not_what_was_signed(copied: Path) -> None:
    """A line replaced with all later ones of its segment chained anew still differs from the checkpoint's root."""
    name, first = rewrite(copied, 0, lambda lines: rechained(lines, 2, b'{"id":"forged"}'))
    report = verified(copied)
    assert report.exit_code == 1
    assert any(
        "signed" in each.why and each.segment == name and each.first == first for each in report.findings
    )


def test_a07_an_unsealed_tail_rewritten_differs_from_the_head(copied: Path) -> None:
    """Lines after the last checkpoint are bound by the head."""
    size = list_segments(copied)[-1].path.stat().st_size
    name, _ = rewrite(
        copied,
        -1,
        lambda lines: rechained(lines, len(lines) - 1, split_line(lines[-1])[2][::1].replace(b"120", b"121")),
    )
    assert list_segments(copied)[-1].path.stat().st_size == size
    assert found(verified(copied)) == [("ALTERED", name, 120, 120)]


@pytest.mark.parametrize("whole", [True, False])
def test_a07_a_cut_tail(copied: Path, whole: bool) -> None:
    """The open segment shortened by whole lines, or in the middle of one, is TRUNCATED with the lines that are gone."""
    segment = list_segments(copied)[-1]
    lines = lines_in(copied, -1)
    kept = b"".join(lines[:-2]) + (b"" if whole else lines[-2][:40])
    segment.path.write_bytes(kept)
    assert found(verified(copied)) == [("TRUNCATED", segment.name, 119, 120)]


def test_a07_an_older_segment_cut_to_nothing(copied: Path) -> None:
    """A file that is there, but holds not even its first line, was cut; it was not deleted."""
    segment, follower = list_segments(copied)[1:3]
    segment.path.write_bytes(lines_in(copied, 1)[0][:50])
    assert ("TRUNCATED", segment.name, segment.first, follower.first - 1) in found(
        verified(copied, retention=YEAR)
    )


def test_a07_a_cut_tail_of_an_older_segment(copied: Path) -> None:
    """A closed segment shortened is TRUNCATED, not missing."""
    segment, follower = list_segments(copied)[1:3]
    segment.path.write_bytes(b"".join(lines_in(copied, 1)[:-3]))
    assert ("TRUNCATED", segment.name, follower.first - 3, follower.first - 1) in found(verified(copied))


def test_a07_a_cut_tail_stays_named_after_more_was_written(copied: Path) -> None:
    """The next append opens a new segment with a critical alert; the cut is still there for the verifier."""
    segment = list_segments(copied)[-1]
    segment.path.write_bytes(b"".join(lines_in(copied, -1)[:-2]))
    alerts: list[str] = []
    ledger = make_ledger(copied.parent.parent, alert=lambda name, _: alerts.append(name))
    assert ledger.record(body(200)).seq == 121
    assert alerts == ["audit.truncated"]
    assert len(list_segments(copied)) > list_segments(copied).index(segment) + 1
    assert found(verified(copied)) == [("TRUNCATED", segment.name, 119, 120)]


def test_a07_tail_and_head_put_back_together(copied: Path) -> None:
    """An old head with a tail cut to match it is behind what is sealed."""
    segment = list_segments(copied)[-1]
    lines = lines_in(copied, -1)
    kept = lines[: len(lines) // 4]
    segment.path.write_bytes(b"".join(kept))
    next_seq, size = split_line(kept[-1])[0] + 1, sum(map(len, kept))
    raw = encode_head(next_seq, segment.name.encode(), size, leaf_hash(kept[-1]), boot_id())
    with (copied / HEAD_NAME).open("r+b") as file:
        file.write(raw)
    sealed = parse_checkpoint(list(read_checkpoints(copied))[-1]).next
    assert sealed > next_seq
    assert ("TRUNCATED", segment.name, next_seq, sealed - 1) in found(verified(copied))


@pytest.mark.parametrize("index", [0, 1])
def test_a07_a_segment_deleted_before_its_time(copied: Path, index: int) -> None:
    """A whole segment that is gone without a receipt, and not yet due."""
    segment, follower = list_segments(copied)[index : index + 2]
    segment.path.unlink()
    report = verified(copied, retention=YEAR)
    assert found(report) == [("EARLY-DELETED", segment.name, segment.first, follower.first - 1)]


def test_a08_a_segment_past_due_deleted_by_hand(copied: Path) -> None:
    """Gone without a receipt although it was due is MISSING, which is not tampering but not complete either."""
    segment = list_segments(copied)[0]
    segment.path.unlink()
    report = verified(copied, retention={"security": timedelta(microseconds=1)})
    assert [(each.verdict, each.segment) for each in report.findings] == [("MISSING", segment.name)]
    assert report.exit_code == 2


def test_a07_the_open_segment_deleted(copied: Path) -> None:
    """The newest segment gone: its sealed part is EARLY-DELETED, the rest cut."""
    segment = list_segments(copied)[-1]
    segment.path.unlink()
    report = verified(copied, retention=YEAR)
    assert report.exit_code == 1
    assert {each.verdict for each in report.findings} <= {"EARLY-DELETED", "TRUNCATED"}


def test_a09_everything_deleted(copied: Path) -> None:
    """An empty directory beside a key that has signed is no empty trail."""
    shutil.rmtree(copied)
    copied.mkdir()
    assert verified(copied, pin=bytes(32)).exit_code == 1


def test_head_removed(copied: Path) -> None:
    """Without a head nobody can say whether the tail is whole."""
    (copied / HEAD_NAME).unlink()
    assert found(verified(copied)) == [("MISSING", ".head", None, None)]


def edit_checkpoints(directory: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = directory / "checkpoints.jsonl"
    path.write_bytes(b"".join(change(list(read_checkpoints(directory)))))


def test_a07_a_checkpoint_forged(copied: Path) -> None:
    """Another root under the old signature is BAD-SIGNATURE."""

    def forge(lines: list[bytes]) -> list[bytes]:
        root = parse_checkpoint(lines[1]).root.hex().encode()
        lines[1] = lines[1].replace(root, b"0" * 64)
        return lines

    edit_checkpoints(copied, forge)
    report = verified(copied)
    assert report.findings[0].verdict == "BAD-SIGNATURE"
    assert "checkpoint 1" in report.findings[0].why


@pytest.mark.parametrize("keeps_name", [True, False])
def test_a07_a_checkpoint_re_signed_with_the_current_key(copied: Path, keeps_name: bool) -> None:
    """The current key cannot speak for an older epoch, under its own name or under that epoch's."""
    key = read_key(copied.parent.parent / "keys/security.key")
    assert key is not None

    def resign(lines: list[bytes]) -> list[bytes]:
        from dataclasses import replace

        old = parse_checkpoint(lines[1])
        pk = old.pk if keeps_name else key.key.public_key().public_bytes_raw()
        lines[1] = sign(replace(old, root=bytes(32), pk=pk), key.key)
        return lines

    edit_checkpoints(copied, resign)
    report = verified(copied)
    assert report.exit_code == 1
    assert report.findings[0].verdict == ("BAD-SIGNATURE" if keeps_name else "KEY-CHAIN-BREAK")


@pytest.mark.parametrize("which", [slice(0, 1), slice(1, 2), slice(-2, None)])
def test_a07_checkpoints_removed(copied: Path, which: slice) -> None:
    """The first, one in the middle, or the last two: the chain of keys has a hole."""
    pin = parse_checkpoint(next(read_checkpoints(copied))).pk

    def remove(lines: list[bytes]) -> list[bytes]:
        del lines[which]
        return lines

    edit_checkpoints(copied, remove)
    report = verified(copied, pin=pin)
    assert report.exit_code == 1
    assert {each.verdict for each in report.findings if each.code == 1} == {"KEY-CHAIN-BREAK"}


def test_a_last_checkpoint_that_is_only_in_the_key_file_is_a_crash(copied: Path) -> None:
    """Signed and committed but not yet written: no attack, and the next seal writes it, byte for byte."""
    before = (copied / "checkpoints.jsonl").read_bytes()
    edit_checkpoints(copied, lambda lines: lines[:-1])
    report = verified(copied)
    assert (report.exit_code, report.findings[0].verdict) == (0, "TORN-RECOVERED")
    make_ledger(copied.parent.parent).seal()
    assert (copied / "checkpoints.jsonl").read_bytes().startswith(before)
    assert verified(copied).findings == ()


def test_a07_all_checkpoints_replaced_by_a_forger_with_keys_of_their_own(copied: Path) -> None:
    """A whole new chain of keys does not begin with the pinned one."""
    from dataclasses import replace

    from logkit.audit.files.checkpoints import checkpoint_hash

    pin = parse_checkpoint(next(read_checkpoints(copied))).pk

    def forge(lines: list[bytes]) -> list[bytes]:
        key, forged, prev = Ed25519PrivateKey.generate(), [], bytes(32)
        for line in lines:
            following = Ed25519PrivateKey.generate()
            made = replace(
                parse_checkpoint(line),
                prev_cp=prev,
                pk=key.public_key().public_bytes_raw(),
                next_pk=following.public_key().public_bytes_raw(),
            )
            forged.append(sign(made, key))
            key, prev = following, checkpoint_hash(forged[-1])
        return forged

    edit_checkpoints(copied, forge)
    report = verified(copied, pin=pin)
    assert found(report)[0][0] == "KEY-CHAIN-BREAK"
    assert "pinned" in report.findings[0].why


def test_anchors_outlive_a_trail_that_was_put_back(copied: Path) -> None:
    """Checkpoints and key restored from an older copy pass on their own, but not beside an anchor."""
    lines = list(read_checkpoints(copied))
    last = parse_checkpoint(lines[-1])
    from logkit.audit.files.checkpoints import checkpoint_hash

    good = Anchor("security", last.epoch, last.next, checkpoint_hash(lines[-1]).hex())
    ahead = Anchor("security", last.epoch + 1, last.next + 50, "0" * 64)
    other = Anchor("security", last.epoch, last.next, "0" * 64)
    assert verified(copied, anchors=(good,), require_anchor=True).exit_code == 0
    assert found(verified(copied, anchors=(ahead,)))[0][0] == "TRUNCATED"
    assert found(verified(copied, anchors=(other,)))[0][0] == "KEY-CHAIN-BREAK"
    assert found(verified(copied, require_anchor=True)) == [("NO-ANCHOR", None, None, None)]


def test_a_torn_tail_is_no_attack(copied: Path) -> None:
    """Bytes of an unfinished line after the head's end are a crash; the next append sets them aside and says so."""
    segment = list_segments(copied)[-1]
    with segment.path.open("ab") as file:
        file.write(b'{"seq":121,"prev":"abc')
    report = verified(copied)
    assert report.exit_code == 0
    assert [each.verdict for each in report.findings] == ["TORN-RECOVERED"]
    emitted: list[tuple[str, object]] = []
    ledger = make_ledger(
        copied.parent.parent, emit=lambda name, detail: emitted.append((name, detail["cause"]))
    )
    assert ledger.record(body(121)).seq == 121
    assert emitted == [("audit.gap", "torn")]
    report = verified(copied)
    assert report.exit_code == 0
    assert [each.verdict for each in report.findings] == ["TORN-RECOVERED"]


def test_a_whole_line_beyond_the_head_is_rolled_forward(copied: Path) -> None:
    """A process killed between the line and the head: verify is content, and the line keeps its number."""
    head, _ = read_head(copied)
    assert head is not None
    segment = list_segments(copied)[-1]
    with segment.path.open("ab") as file:
        file.write(line_of(head.next_seq, head.last_hash, body(121)))
    assert verified(copied).exit_code == 0
    assert make_ledger(copied.parent.parent).record(body(122)).seq == 122
    assert found(verified(copied)) == []


@pytest.mark.parametrize(("mark", "verdict"), [(110, "GAP"), (120, "TRUNCATED")])
def test_a_power_cut_is_told_from_a_cut_tail(copied: Path, mark: int, verdict: str) -> None:
    """After a reboot a shorter file is a power loss when everything durable is there, and TRUNCATED when it is not."""
    head, _ = read_head(copied)
    assert head is not None
    raw = encode_head(head.next_seq, head.segment.encode(), head.size, head.last_hash, b"another boot was")
    descriptor = os.open(copied / HEAD_NAME, os.O_RDWR)
    os.pwrite(descriptor, raw, 0)
    store_mark(descriptor, mark)
    os.close(descriptor)
    segment = list_segments(copied)[-1]
    segment.path.write_bytes(b"".join(lines_in(copied, -1)[:-2]))
    assert found(verified(copied)) == [(verdict, segment.name, 119, 120)]
    emitted: list[dict[str, object]] = []
    alerts: list[str] = []
    ledger = make_ledger(
        copied.parent.parent,
        alert=lambda name, _: alerts.append(name),
        emit=lambda _, detail: emitted.append(dict(detail)),
    )
    seq = ledger.record(body(500)).seq
    if verdict == "GAP":
        assert (seq, emitted[0]["lost"], emitted[0]["cause"]) == (119, 2, "power_loss")
        assert found(verified(copied)) == []  # the trail's own audit.gap says it from now on
    else:
        assert (seq, alerts) == (121, ["audit.truncated"])
        assert found(verified(copied)) == [("TRUNCATED", segment.name, 119, 120)]


def test_a_power_cut_that_leaves_zeros(copied: Path) -> None:
    """Blocks that were allocated but not written: no attack before the recovery or after it."""
    head, _ = read_head(copied)
    assert head is not None
    descriptor = os.open(copied / HEAD_NAME, os.O_RDWR)
    os.pwrite(
        descriptor, encode_head(head.next_seq, head.segment.encode(), head.size, head.last_hash, bytes(16)), 0
    )
    store_mark(descriptor, 110)
    os.close(descriptor)
    segment = list_segments(copied)[-1]
    kept = b"".join(lines_in(copied, -1)[:-2])
    segment.path.write_bytes(kept.ljust(head.size, b"\0"))
    assert found(verified(copied)) == [("GAP", segment.name, 119, 120)]
    emitted: list[object] = []
    ledger = make_ledger(copied.parent.parent, emit=lambda _, detail: emitted.append(detail["cause"]))
    assert ledger.record(body(500)).seq == 119
    assert emitted == ["power_loss"]
    assert verified(copied).exit_code == 0


def test_lines_that_come_after_a_head_that_was_just_rotated(copied: Path) -> None:
    """A head read between rotation and the first line of the new segment, the lines read a moment later."""
    ledger = make_ledger(copied.parent.parent)
    ledger.rotate()
    at_rotation = (copied / HEAD_NAME).read_bytes()
    ledger.record(body(121))
    (copied / HEAD_NAME).write_bytes(at_rotation)
    assert found(verified(copied)) == []


def test_a_gap_that_the_trail_reports_is_shown(tmp_path: Path) -> None:
    """An `audit.gap` record means that something is not there: exit 2."""
    ledger = make_ledger(tmp_path, stream="compliance")
    detail = {"lost": 4, "cause": "unavailable", "stream": "security"}
    ledger.record(orjson.dumps({"id": "a", "event": "audit.gap", "detail": detail}))
    report = verified(tmp_path / "audit/compliance")
    assert (report.exit_code, found(report)[0][0]) == (2, "GAP")


def test_ranges_say_what_was_asked_and_what_was_proved(tmp_path: Path) -> None:
    """Only segments that may hold the range are read; an empty range is no proof of anything."""
    directory = make_trail(tmp_path, records=30)
    day = datetime(2026, 11, 23, tzinfo=UTC)
    report = verified(directory, since=day, until=day + timedelta(days=1))
    assert report.asked == {"since": "2026-11-23T00:00:00.000000Z", "until": "2026-11-24T00:00:00.000000Z"}
    assert report.proved["in_range"] in (30, 0)
    past = verified(directory, until=datetime(2001, 1, 1, tzinfo=UTC))
    assert (past.exit_code, past.findings[0].verdict) == (2, "EMPTY-RANGE")


def test_no_such_stream(tmp_path: Path) -> None:
    """A directory that is not there is an error of its own, not an empty and therefore fine trail."""
    with pytest.raises(FileNotFoundError, match="no stream"):
        verified(tmp_path / "audit/nothing", pin=bytes(32))
