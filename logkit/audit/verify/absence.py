"""Lines that are not there: expired, cut, deleted too early, or missing?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from logkit.audit.files.checkpoints import Checkpoint
from logkit.audit.files.segments import parse_segment
from logkit.audit.verify.receipts import Receipt, covered_by
from logkit.audit.verify.verdicts import Finding
from logkit.parsers import period


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Lines `first` to `last`, which should stand after the segment `before`; a segment begun at `followed_at` comes
    next."""

    stream: str
    first: int
    last: int
    before: str | None
    followed_at: datetime | None


def explain_absence(
    absence: Absence,
    checkpoints: Sequence[Checkpoint],
    receipts: Sequence[Receipt],
    retention: timedelta | None,
    now: datetime,
) -> Iterator[Finding]:
    """One finding per range. Without evidence of a whole segment, lines that are gone were cut."""
    for first, last, is_covered in covered_by(receipts, absence.first, absence.last):
        if is_covered:
            receipt = next(each for each in receipts if each.first <= first and each.last >= last)
            yield _expired(absence, receipt, checkpoints, first, last)
        else:
            yield from _unexplained(absence, first, last, checkpoints, retention, now)


def _expired(
    absence: Absence, receipt: Receipt, checkpoints: Sequence[Checkpoint], first: int, last: int
) -> Finding:
    where = (receipt.segment or f"{absence.stream} {first}-{last}", first, last)
    newest = max(
        (each.time for each in checkpoints if each.first >= first and each.next <= last + 1), default=None
    )
    if newest and (allowed := _policy_of(receipt)) is not None:
        due = datetime.fromisoformat(newest) + allowed
        # A checkpoint is younger than the records it seals by at most the sealing interval, or a day for idle streams.
        if datetime.fromisoformat(receipt.time) < due - timedelta(days=1, minutes=5):
            why = f"removed on {receipt.time[:10]}, due on {due.date()} by its own receipt ({receipt.policy})"
            return Finding("EARLY-DELETED", why, *where)
    return Finding(
        "EXPIRED", f"removed on {receipt.time[:10]} under {receipt.policy}, with a receipt", *where
    )


def _policy_of(receipt: Receipt) -> timedelta | None:
    match = re.match(r"\d+(?:\.\d+)? [a-z]+", receipt.policy)
    try:
        return period(match[0]) if match else None
    except ValueError:
        return None


def _unexplained(
    absence: Absence,
    first: int,
    last: int,
    checkpoints: Sequence[Checkpoint],
    retention: timedelta | None,
    now: datetime,
) -> Iterator[Finding]:
    at = first
    for name, begin, end, sealed_at in _sealed_segments(checkpoints, first, last):
        if begin > at:
            yield _cut(absence, at, begin - 1)
        if name == absence.before:
            yield _cut(absence, begin, end)
        else:
            yield _deleted(name, begin, end, absence.followed_at or sealed_at, retention, now)
        at = end + 1
    if at <= last:
        yield _cut(absence, at, last)


def _sealed_segments(
    checkpoints: Sequence[Checkpoint], first: int, last: int
) -> Iterator[tuple[str, int, int, datetime]]:
    """Segments that checkpoints speak of between `first` and `last`: name, first, last, time of the last seal."""
    found: dict[str, tuple[int, int, datetime]] = {}
    for checkpoint in checkpoints:
        begin, end = max(checkpoint.first, first), min(checkpoint.next - 1, last)
        if begin > end:
            continue
        start = found.get(checkpoint.segment, (begin, end, None))[0]
        found[checkpoint.segment] = (min(start, begin), end, datetime.fromisoformat(checkpoint.time))
    for name, (begin, end, sealed_at) in found.items():
        yield name, begin, end, sealed_at


def _cut(absence: Absence, first: int, last: int) -> Finding:
    count = f"line {first} is" if first == last else f"lines {first} to {last} are"
    return Finding("TRUNCATED", f"{count} gone: the end was cut", absence.before, first, last)


def _deleted(
    name: str, first: int, last: int, newest: datetime, retention: timedelta | None, now: datetime
) -> Finding:
    segment = parse_segment(Path(name))
    began = segment.started if segment else newest
    age = f"its records are of {began.date()} to {newest.astimezone(UTC).date()}"
    if retention is not None and newest + retention > now:
        due = (newest + retention).date()
        why = f"deleted without a receipt before its time: {age}, kept until {due}"
        return Finding("EARLY-DELETED", why, name, first, last)
    return Finding("MISSING", f"gone without a receipt: {age}", name, first, last)
