"""What was done to a segment whose lines do not chain, and to which line.

A line vouches for the one before it, so a mismatch at n accuses n-1, unless n itself is not what n+1 vouches for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from logkit.audit.files.segments import leaf_hash, split_line
from logkit.audit.verify.verdicts import Finding

_WINDOW = 5_000  # how far apart lines that were swapped are looked for


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as it stands: its number and `prev` (None when it cannot be read), its leaf hash."""

    seq: int | None
    prev: bytes | None
    leaf: bytes
    is_whole: bool


def entry_of(line: bytes) -> Entry:
    leaf = leaf_hash(line)
    try:
        seq, prev, _ = split_line(line)
    except ValueError:
        return Entry(None, None, leaf, is_whole=False)
    try:
        orjson.loads(line)
    except ValueError:
        return Entry(seq, prev, leaf, is_whole=False)
    return Entry(seq, prev, leaf, is_whole=True)


class _Diagnosis:
    def __init__(self, segment: str, entries: Sequence[Entry]) -> None:
        self.segment = segment
        self.entries = entries
        self.findings: list[Finding] = []
        self.accused: set[int] = set()

    def accuse(self, seq: int, why: str) -> None:
        if seq not in self.accused:
            self.accused.add(seq)
            self.findings.append(Finding("ALTERED", why, self.segment, seq, seq))

    def seq_at(self, index: int) -> int | None:
        return self.entries[index].seq if index < len(self.entries) else None


def diagnose(segment: str, first: int, entries: Sequence[Entry]) -> tuple[list[Finding], int, bytes | None]:
    """Name what is wrong with the lines of `segment`, which should be numbered from `first` on.

    Also where the segment ends: the number that would come next, and the last line's hash, None when it is not known.
    """
    work = _Diagnosis(segment, entries)
    expected, index = first, 0
    prev = entries[0].prev if entries else None  # what came before is the stream's business
    while index < len(entries):
        entry = entries[index]
        if entry.seq == expected:
            if entry.prev != prev and prev is not None:
                _mismatch(work, index, expected, first)
            if not entry.is_whole:
                work.accuse(expected, "the line is not what was written: it is no whole record any more")
            prev, expected, index = entry.leaf, expected + 1, index + 1
        elif (length := _disorder(entries, index, expected)) > 0:
            last = expected + length - 1
            why = "the lines are there, in another order"
            work.findings.append(Finding("REORDERED", why, segment, expected, last))
            block = entries[index : index + length]
            prev = next(each.leaf for each in block if each.seq == last)
            expected, index = last + 1, index + length
        elif work.seq_at(index + 1) == expected + 1 or (entry.seq is None and index + 1 == len(entries)):
            work.accuse(expected, "the line is not what was written: its number cannot be right")
            prev, expected, index = None, expected + 1, index + 1
        elif entry.seq is None or entry.seq < expected:
            why = f"a line was inserted before line {expected}"
            work.findings.append(Finding("ALTERED", why, segment, expected, expected))
            index += 1
        else:
            why = "the line was removed" if entry.seq == expected + 1 else "the lines were removed"
            work.findings.append(Finding("ALTERED", why, segment, expected, entry.seq - 1))
            prev, expected = entry.prev, entry.seq
    return work.findings, expected, prev


def _mismatch(work: _Diagnosis, index: int, seq: int, first: int) -> None:
    follower = work.entries[index + 1] if index + 1 < len(work.entries) else None
    is_vouched_for = follower is None or follower.seq != seq + 1 or follower.prev == work.entries[index].leaf
    if seq - 1 in work.accused:
        return
    if is_vouched_for and seq > first:
        work.accuse(seq - 1, f"the line is not what was written: line {seq} vouches for another one")
    else:
        work.accuse(seq, "the line is not what was written: it continues another chain")


def _disorder(entries: Sequence[Entry], index: int, expected: int) -> int:
    """How many lines from `index` on are the numbers from `expected` on in another order; 0 when they are not."""
    highest = expected
    for length in range(1, min(_WINDOW, len(entries) - index) + 1):
        seq = entries[index + length - 1].seq
        if seq is None or seq < expected:
            return 0
        highest = max(highest, seq)
        if highest - expected > _WINDOW:
            return 0
        if length > 1 and highest == expected + length - 1:
            numbers = {entry.seq for entry in entries[index : index + length]}
            return length if len(numbers) == length else 0
    return 0
