"""Reading one segment as a verifier: does every line continue the one before, and is it what was signed?

The fast path compares bytes, hashes and parses. Only when something is wrong is the segment read again, slowly, to say
what was done to it and to which line.
"""

from __future__ import annotations

import gzip
import zlib
from binascii import hexlify
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import orjson

from logkit.audit.files.checkpoints import Checkpoint
from logkit.audit.files.merkle import root_of
from logkit.audit.files.segments import LEAF, Segment, open_segment, split_line
from logkit.audit.verify.diagnosis import Entry, diagnose, entry_of
from logkit.audit.verify.verdicts import Finding

_EVENT, _GAP = b'"event":', b'"event":"audit.gap"'
_EVENT_WITHIN = 400  # bytes: the envelope says it before anything of variable length


@dataclass(slots=True)
class Scanned:
    """What one segment holds, up to `next_seq`.

    `first_prev` is what its first line says about the line before; `at_head` is the end at the byte that the head
    names; `beyond` counts whole lines after that, `torn` the bytes of a line that is not whole.
    """

    name: str
    first: int
    next_seq: int
    records: int = 0
    first_prev: bytes | None = None
    last_hash: bytes | None = None
    size: int = 0
    at_head: tuple[int, bytes | None] | None = None
    beyond: int = 0
    torn: int = 0
    is_readable: bool = True
    asked: int = 0  # records between since and until
    times: tuple[str | None, str | None] = (None, None)
    findings: list[Finding] = field(default_factory=list)
    as_signed: int = 0  # records under a root that was computed again
    not_as_signed: list[Finding] = field(default_factory=list)  # ranges, where no single line is accused
    gaps: list[dict[str, Any]] = field(default_factory=list)


def scan(
    segment: Segment,
    checkpoints: Sequence[Checkpoint],
    head_size: int | None = None,
    since: str | None = None,
    until: str | None = None,
) -> Scanned:
    """Read `segment`; `checkpoints` are those of its ranges, `head_size` is given for the segment that the head names.

    `since` and `until` are ISO 8601 in UTC, as records write them. Raises `OSError`.
    """
    found = Scanned(segment.name, segment.first, segment.first)
    leaves: Sequence[bytes | None]
    try:
        leaves, is_whole = _fast(segment, found, head_size, since, until)
        if not is_whole:
            leaves = _slow(segment, found, head_size)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        found.is_readable = False
        found.findings.append(
            Finding("ALTERED", f"it cannot be decompressed: {error}", segment.name, segment.first)
        )
        return found
    for checkpoint in checkpoints:
        _compare(
            found, checkpoint, leaves[checkpoint.first - segment.first : checkpoint.next - segment.first]
        )
    return found


def _compare(found: Scanned, checkpoint: Checkpoint, leaves: Sequence[bytes | None]) -> None:
    """Are these lines what the checkpoint signed? What was cut is the stream's business."""
    if checkpoint.next > found.next_seq:
        return
    known = [leaf for leaf in leaves if leaf is not None]
    if len(known) == len(leaves) and root_of(known) == checkpoint.root:
        found.as_signed += len(known)
    else:
        why = f"these lines chain, but they are not what checkpoint {checkpoint.epoch} signed"
        where = (found.name, checkpoint.first, checkpoint.next - 1)
        found.not_as_signed.append(Finding("ALTERED", why, *where))


def _fast(
    segment: Segment, found: Scanned, head_size: int | None, since: str | None, until: str | None
) -> tuple[list[bytes], bool]:
    """All leaves, and whether every line up to the head's byte was right.

    Lines are not parsed: what is chained to the head, or under a signed root, is what was written, JSON or not. Only
    beyond the head, where a crash may have left anything, a line must be a whole record to count.
    """
    leaves: list[bytes] = []
    seq, size, prev = segment.first, 0, b""
    first_line, line = b"", b"\n"
    settled = (1 << 62) if head_size is None else head_size
    begun, keep = LEAF.copy, leaves.append
    asks = since is not None or until is not None
    if head_size == 0:
        found.at_head = (seq, None)
    with open_segment(segment) as file:
        for line in file:
            if not leaves:
                prev, first_line = _first_prev(line, found), line
            if not line.startswith(b'{"seq":%d,"prev":"%b",' % (seq, prev)) or (
                size >= settled and not entry_of(line).is_whole
            ):
                if size < settled and (line.endswith(b"\n") or _is_record(line[:-1])):
                    return leaves, False
                found.torn, line = _torn(file, line), b"\n"
                break
            hashed = begun()
            hashed.update(line)
            leaf = hashed.digest()
            keep(leaf)
            prev = hexlify(leaf)
            seq += 1
            size += len(line)
            if size == head_size:
                found.at_head = (seq, leaf)
            if asks and _is_between(_time_of(line), since, until):
                found.asked += 1
            event = line.find(_EVENT, 0, _EVENT_WITHIN)
            if line.startswith(_GAP, event) if event > 0 else _GAP in line:
                _note_gap(found, line)
            last_line = line
    if line[-1] != ord("\n"):  # the end of the file, without the end of a line
        if _is_record(line[:-1]):
            return leaves, False  # its newline was changed
        found.torn, seq, size = len(line), seq - 1, size - len(line)
        leaves.pop()
    found.next_seq, found.size, found.records = seq, size, len(leaves)
    found.last_hash = leaves[-1] if leaves else None
    if leaves:
        found.times = (_time_of(first_line), _time_of(last_line))
    if head_size is not None and found.at_head is not None:
        found.beyond = seq - found.at_head[0]
    return leaves, True


def _note_gap(found: Scanned, line: bytes) -> None:
    """What the ledger itself said that it lost."""
    try:
        record = orjson.loads(line)
    except ValueError:
        return
    if record.get("event") == "audit.gap":
        found.gaps.append({**(record.get("detail") or {}), "seq": record["seq"]})


def _first_prev(line: bytes, found: Scanned) -> bytes:
    """What the first line continues, as it says itself; whether that is right is the stream's business."""
    try:
        found.first_prev = split_line(line if line.endswith(b"\n") else line + b"\n")[1]
    except ValueError:
        return b""
    return hexlify(found.first_prev)


def _is_record(line: bytes) -> bool:
    return entry_of(line + b"\n").is_whole


def _torn(file: BinaryIO, line: bytes) -> int:
    """The bytes from `line` on: no record that continues the chain is among them."""
    return len(line) + sum(len(more) for more in file)


def _is_between(time: object, since: str | None, until: str | None) -> bool:
    return isinstance(time, str) and (since is None or time >= since) and (until is None or time < until)


def _slow(segment: Segment, found: Scanned, head_size: int | None) -> list[bytes | None]:
    """Say what was done to the segment; its leaves by number, None where a line is not in its place."""
    entries: list[Entry] = []
    size = 0
    times: list[str | None] = []
    with open_segment(segment) as file:
        for line in file:
            if head_size is not None and size >= head_size:
                break
            size += len(line)
            entries.append(entry_of(line))
            if len(times) < 2 or entries[-1].is_whole:
                times[1:] = [_time_of(line)]
    findings, found.next_seq, found.last_hash = diagnose(segment.name, segment.first, entries)
    found.findings += findings
    found.records, found.size, found.torn = len(entries), size, 0
    found.first_prev = entries[0].prev if entries else None
    found.times = (times[0], times[-1]) if times else (None, None)
    if head_size is not None and size == head_size:
        found.at_head = (found.next_seq, found.last_hash)
    placed: list[bytes | None] = [None] * (found.next_seq - segment.first)
    for entry in entries:
        if entry.seq is not None and segment.first <= entry.seq < found.next_seq:
            placed[entry.seq - segment.first] = entry.leaf
    return placed


def _time_of(line: bytes) -> str | None:
    try:
        time = orjson.loads(line).get("time")
    except (ValueError, AttributeError):
        return None
    return time if isinstance(time, str) else None
