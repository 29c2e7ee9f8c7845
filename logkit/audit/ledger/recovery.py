"""After a crash: where does a stream end, and what must be said about it?

The head is written after every line, so it may be behind the file (a process died between the two) or, after a power
cut, ahead of it. Whole valid lines are rolled forward, a torn one is set aside, and a file that is shorter than its
head is a power cut only when the machine was booted since and everything durable is there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from logkit.audit.files.checkpoints import last_checkpoint
from logkit.audit.files.head import Head, Position, boot_id
from logkit.audit.files.segments import (
    GENESIS,
    LINE_LIMIT,
    TORN_SUFFIX,
    Segment,
    fdatasync,
    leaf_hash,
    list_segments,
    prefix_of,
    read_lines,
    split_line,
)
from logkit.audit.notices import Notice, gap, utc_text


@dataclass(slots=True)
class Recovery:
    """Where to go on, and what to report once the lock is released."""

    position: Position
    notices: list[Notice] = field(default_factory=list)


def recover(directory: Path, head: Head | None, mark: int, remembered: Position | None) -> Recovery:
    """Find the end of the stream in `directory`; the caller holds the write lock.

    `remembered` is the end as this process knew it, which tells a deleted directory from a new one.
    """
    segments = [segment for segment in list_segments(directory) if not segment.is_compressed]
    known = _known(directory, remembered)
    if head is None:
        return _without_head(directory, segments, known)
    named = next((segment for segment in segments if segment.name == head.segment), None)
    if named is None:
        return _cut(directory, head, segments, "the open segment was removed")
    if named.path.stat().st_size < head.size or (head.boot_id != boot_id() and not _ends_as(named, head)):
        return _shorter(directory, named, head, mark, segments)
    start = Position(head.next_seq, head.last_hash, head.segment, head.size)
    return _not_behind(directory, _roll_forward(directory, start, segments), known)


def _known(directory: Path, remembered: Position | None) -> Position | None:
    """The furthest end that memory or the last checkpoint knows of."""
    checkpoint = last_checkpoint(directory)
    if checkpoint and (remembered is None or checkpoint.next > remembered.next_seq):
        return Position(checkpoint.next, checkpoint.head)
    return remembered and replace(remembered, segment=None, size=0)


def _without_head(directory: Path, segments: list[Segment], known: Position | None) -> Recovery:
    stream = directory.name
    if not segments:
        if known is None:
            return Recovery(Position(1, GENESIS))
        detail = {"stream": stream, "next_seq": known.next_seq}
        return Recovery(known, [Notice("audit.ledger_deleted", detail)])
    recovery = _roll_forward(directory, _start_of(segments), segments)
    reached = recovery.position
    if reached.next_seq == 1 and known is None:
        return recovery  # the very first segment was made, its head not yet
    recovery.notices.append(Notice("audit.head_lost", {"stream": stream, "next_seq": reached.next_seq}))
    return _not_behind(directory, recovery, known)


def _not_behind(directory: Path, recovery: Recovery, known: Position | None) -> Recovery:
    """A head or a file that was put back to an older state hides records that we know were there."""
    reached = recovery.position
    if known and known.next_seq > reached.next_seq:
        detail = {"stream": directory.name, "from_seq": reached.next_seq, "next_seq": known.next_seq}
        recovery.notices.append(
            Notice("audit.truncated", {**detail, "what": "the end of the stream was put back"})
        )
        recovery.position = known
    return recovery


def _start_of(segments: list[Segment]) -> Position:
    newest = segments[-1]
    prev = GENESIS
    for line in read_lines(newest):
        try:
            prev = split_line(line)[1]
        except ValueError:
            continue
        return Position(newest.first, prev, newest.name, 0)
    for segment in segments[-2::-1]:
        for line in read_lines(segment):
            prev = leaf_hash(line)
        break
    return Position(newest.first, prev, newest.name, 0)


def _cut(directory: Path, head: Head, segments: list[Segment], what: str) -> Recovery:
    """TRUNCATED never blocks writing: the next append opens a new segment that continues the head."""
    position = Position(head.next_seq, head.last_hash)
    follower = next((segment for segment in segments if segment.first == head.next_seq), None)
    detail = {"stream": directory.name, "segment": head.segment, "next_seq": head.next_seq, "what": what}
    recovery = Recovery(position)
    if follower is not None:
        recovery = _roll_forward(directory, replace(position, segment=follower.name), segments)
    recovery.notices.append(Notice("audit.truncated", detail))
    return recovery


def _ends_as(named: Segment, head: Head) -> bool:
    """Is the head's last line in the file? After a power cut its bytes may be there, but as zeros."""
    with named.path.open("rb") as file:
        file.seek(max(0, head.size - LINE_LIMIT))
        lines = file.read(min(LINE_LIMIT, head.size)).splitlines(keepends=True)
    return not head.size or (bool(lines) and leaf_hash(lines[-1]) == head.last_hash)


def _shorter(directory: Path, named: Segment, head: Head, mark: int, segments: list[Segment]) -> Recovery:
    if head.boot_id == boot_id():
        return _cut(directory, head, segments, "the open segment is shorter than its head")
    reached = Position(named.first, GENESIS, named.name, 0)
    since: str | None = None
    for line in read_lines(named):
        try:
            seq, prev, body = split_line(line)
        except ValueError:
            break
        if seq != reached.next_seq or (prev != reached.last_hash and reached.size):
            break
        reached = Position(seq + 1, leaf_hash(line), named.name, reached.size + len(line))
        since = _time_of(body)
    if reached.next_seq < mark or not reached.size:
        return _cut(directory, head, segments, "records that were on the disk before the reboot are gone")
    notices = [replace(notice, gap=None) for notice in _set_aside(directory, reached)]  # counted below
    lost = head.next_seq - reached.next_seq
    detail = gap(lost=lost, since=since, cause="power_loss", stream=directory.name)
    notices.append(Notice("audit.gap", detail, gap=detail))
    return Recovery(reached, notices)


def _roll_forward(directory: Path, start: Position, segments: list[Segment]) -> Recovery:
    """Follow the chain from `start` through whole valid lines, into newer segments too."""
    position = start
    while True:
        position = _whole_lines(directory, position)
        follower = next(
            (
                segment
                for segment in segments
                if segment.first == position.next_seq and segment.name != position.segment
            ),
            None,
        )
        if follower is None:
            return Recovery(position, _set_aside(directory, position))
        position = replace(position, segment=follower.name, size=0)


def _whole_lines(directory: Path, position: Position) -> Position:
    with (directory / str(position.segment)).open("rb") as file:
        file.seek(position.size)
        seq, prev, size = position.next_seq, position.last_hash, position.size
        while line := file.readline(LINE_LIMIT + 1):
            if not line.startswith(prefix_of(seq, prev)) or not line.endswith(b"}\n") or not _is_json(line):
                break
            seq, prev, size = seq + 1, leaf_hash(line), size + len(line)
    return Position(seq, prev, position.segment, size)


def _set_aside(directory: Path, position: Position) -> list[Notice]:
    """Move what follows the last whole line into a `.torn` file; it was never acknowledged."""
    path = directory / str(position.segment)
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        torn = os.pread(descriptor, os.fstat(descriptor).st_size - position.size, position.size)
        if not torn:
            return []
        aside = path.with_name(f"{path.name}.{position.size}-{os.urandom(3).hex()}{TORN_SUFFIX}")
        target = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(target, torn)
            fdatasync(target)
        finally:
            os.close(target)
        os.ftruncate(descriptor, position.size)
    finally:
        os.close(descriptor)
    stream = directory.name
    detail = {
        "stream": stream,
        "segment": position.segment,
        "next_seq": position.next_seq,
        "bytes": len(torn),
    }
    return [Notice("audit.torn", detail, gap=gap(lost=1, since=None, cause="torn", stream=stream))]


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except ValueError:
        return False
    return True


def _time_of(body: bytes) -> str | None:
    try:
        time = orjson.loads(body).get("time")
    except ValueError:
        return None
    return time if isinstance(time, str) else utc_text(datetime.now(UTC))
