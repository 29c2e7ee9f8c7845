"""Putting the scanned segments of a stream together: does each continue the one before, and does the last one end
where the head says? What is absent is explained, and what the ledger itself said it lost is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from logkit.audit.files.head import Head, boot_id
from logkit.audit.files.segments import GENESIS, TORN_SUFFIX, Segment
from logkit.audit.verify.absence import Absence, explain_absence
from logkit.audit.verify.keychain import Anchor, KeyChain
from logkit.audit.verify.receipts import Receipt
from logkit.audit.verify.scan import Scanned
from logkit.audit.verify.verdicts import Finding, SegmentReport, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of every stream."""

    since: datetime | None = None
    until: datetime | None = None
    anchors: tuple[Anchor, ...] = ()
    require_anchor: bool = False
    retention: Mapping[str, timedelta] = field(default_factory=dict)
    jobs: int = 1


@dataclass(slots=True)
class Work:
    """One stream while it is looked at."""

    directory: Path
    question: Question
    chain: KeyChain
    head: Head | None
    mark: int
    segments: list[Segment]
    receipts: list[Receipt] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    scanned: dict[str, Scanned] = field(default_factory=dict)

    @property
    def sealed_next(self) -> int:
        return max((checkpoint.next for checkpoint in self.chain.checkpoints), default=1)

    @property
    def is_partial(self) -> bool:
        return self.question.since is not None or self.question.until is not None


def stitch(work: Work) -> Iterator[SegmentReport]:
    """Follow the chain through the segments, naming what is absent between them; one report per segment."""
    expected, prev = 1, GENESIS
    before: Scanned | None = None
    last: Scanned | None = (
        None  # the last segment that is there at all: what is absent after it was cut from it
    )
    is_known = True  # does `prev` say what the next segment must continue?
    for segment in work.segments:
        found = work.scanned.get(segment.name)
        if segment.first > expected and not (work.is_partial and before is None):
            yield from _absent(work, last, expected, segment)
            is_known = False
        elif segment.first < expected and (found is None or found.records):
            why = f"its first line should be {expected}: the segment was put here, or lines were added before it"
            work.findings.append(Finding("ALTERED", why, segment.name, segment.first, expected - 1))
            is_known = False
        last = found
        if found is None:
            yield SegmentReport(segment.name, segment.first, segment.first, None, 0, "SKIPPED")
            expected, is_known, before = max(expected, _skipped_next(work, segment)), False, None
            continue
        if not found.is_readable:
            work.findings += found.findings
            yield SegmentReport(segment.name, segment.first, segment.first, None, 0, "ALTERED")
            expected, is_known, before = _skipped_next(work, segment), False, None
            continue
        if found.records == 0:
            if not found.torn and not found.findings:
                yield SegmentReport(segment.name, segment.first, segment.first - 1, 0, 0, "OK")
            continue
        if is_known and found.first_prev is not None and found.first_prev != prev:
            _accuse_link(work, before, segment)
        work.findings += found.findings
        expected, before = found.next_seq, found
        prev, is_known = found.last_hash or b"", found.last_hash is not None
        yield _segment_report(work, segment, found)
    yield from _ending(work, last, expected)


def _skipped_next(work: Work, segment: Segment) -> int:
    index = work.segments.index(segment)
    return work.segments[index + 1].first if index + 1 < len(work.segments) else segment.first


def _accuse_link(work: Work, before: Scanned | None, segment: Segment) -> None:
    if before is None:
        why = "the first line of the stream does not begin a chain"
        work.findings.append(Finding("ALTERED", why, segment.name, segment.first, segment.first))
        return
    last = before.next_seq - 1
    if not any(
        finding.first is not None and finding.first <= last <= (finding.last or 0)
        for finding in before.findings
    ):
        why = f"the line is not what was written: line {segment.first} vouches for another one"
        before.findings.append(Finding("ALTERED", why, before.name, last, last))
        work.findings.append(before.findings[-1])


def _absent(
    work: Work, before: Scanned | None, first: int, follower: Segment | None
) -> Iterator[SegmentReport]:
    last = (follower.first if follower else _end_of(work)) - 1
    absence = Absence(
        stream=work.directory.name,
        first=first,
        last=last,
        before=before.name if before else None,
        followed_at=follower.started if follower else None,
    )
    known = [checkpoint for checkpoint in work.chain.checkpoints if checkpoint.next > first]
    retention = work.question.retention.get(work.directory.name)
    for finding in explain_absence(absence, known, work.receipts, retention, datetime.now(UTC)):
        work.findings.append(finding)
        if finding.segment is not None and (before is None or finding.segment != before.name):
            begin, end = finding.first or first, finding.last or last
            yield SegmentReport(finding.segment, begin, end, None, 0, finding.verdict)


def _end_of(work: Work) -> int:
    return max(work.head.next_seq if work.head else 1, work.sealed_next)


def _ending(work: Work, before: Scanned | None, expected: int) -> Iterator[SegmentReport]:
    """The end of the stream: does the last segment end where the head says?"""
    head = work.head
    if head is None:
        if work.segments or work.chain.checkpoints:
            why = ".head is missing or not whole: whether the end was cut cannot be told beyond the last checkpoint"
            work.findings.append(Finding("MISSING", why, ".head"))
        if expected < work.sealed_next and not work.is_partial:
            yield from _absent(work, before, expected, None)
        return
    if head.next_seq < work.sealed_next:
        why = f"the head was put back to line {head.next_seq}, but {work.sealed_next - 1} lines are sealed"
        work.findings.append(Finding("TRUNCATED", why, head.segment, head.next_seq, work.sealed_next - 1))
    found = work.scanned.get(head.segment)
    if found is None:
        if not any(segment.name == head.segment for segment in work.segments) and expected < head.next_seq:
            yield from _absent(work, before, expected, None)
        return
    begins_here = (
        head.size == 0 and found.first == head.next_seq
    )  # just rotated: the head speaks of the line before
    if begins_here and found.first_prev in (None, head.last_hash):
        return
    if found.at_head == (head.next_seq, head.last_hash):
        return
    if found.size < head.size:
        _say_short(work, found, head)
    elif not found.findings:
        why = "the last line is not the one that the head names"
        work.findings.append(Finding("ALTERED", why, head.segment, head.next_seq - 1, head.next_seq - 1))


def _say_short(work: Work, found: Scanned, head: Head) -> None:
    lost = f"{head.size - found.size} bytes are gone, lines {found.next_seq} to {head.next_seq - 1}"
    where = (head.segment, found.next_seq, head.next_seq - 1)
    sealed_further = work.sealed_next > found.next_seq
    if (
        head.boot_id != boot_id()
        and found.next_seq >= work.mark
        and not sealed_further
        and not found.findings
    ):
        why = f"{lost}: the machine was booted since, and nothing that was durable is missing (power loss)"
        work.findings.append(Finding("GAP", why, *where))
    else:
        work.findings.append(Finding("TRUNCATED", f"the end was cut: {lost}", *where))


def _segment_report(work: Work, segment: Segment, found: Scanned) -> SegmentReport:
    cut = [
        each for each in work.chain.checkpoints if each.segment == segment.name and each.next > found.next_seq
    ]
    is_last = segment.name == work.segments[-1].name
    if cut and is_last and not (work.head and work.head.segment == segment.name):
        why = f"lines {found.next_seq} to {cut[-1].next - 1} are sealed, but gone: the end was cut"
        work.findings.append(Finding("TRUNCATED", why, segment.name, found.next_seq, cut[-1].next - 1))
    verdict: Verdict = "OK" if found.as_signed >= found.records else "UNSEALED"
    return SegmentReport(
        segment.name, segment.first, found.next_seq - 1, found.records, found.as_signed, verdict
    )


def say_not_as_signed(work: Work) -> None:
    """Ranges that differ from what was signed, unless a line in them is accused already."""
    accused = [(each.segment, each.first, each.last or 0) for each in work.findings if each.code == 1]
    for found in work.scanned.values():
        for said in found.not_as_signed:
            first, last = said.first or 0, said.last or 0
            if not any(
                name == said.segment and begin and begin <= last and end >= first
                for name, begin, end in accused
            ):
                work.findings.append(said)


def say_gaps(work: Work) -> None:
    """What the ledger itself said it lost."""
    for name, found in work.scanned.items():
        for said in found.gaps:
            cause, lost, seq = said.get("cause"), said.get("lost"), said.get("seq")
            if cause == "torn":
                why = f"line {seq} reports a torn line of {said.get('stream')}, set aside; it was never acknowledged"
                work.findings.append(Finding("TORN-RECOVERED", why, name, seq, seq))
            elif lost:
                why = f"line {seq} reports {lost} lost records of {said.get('stream')}: {cause}"
                work.findings.append(Finding("GAP", why, name, seq, seq))


def say_torn(work: Work) -> None:
    aside = sorted(path.name for path in work.directory.glob(f"*{TORN_SUFFIX}"))
    for name in aside:
        why = "bytes of a line that was never acknowledged, set aside after a crash"
        work.findings.append(Finding("TORN-RECOVERED", why, name))
    for found in work.scanned.values():
        if found.torn and not found.findings:
            why = f"{found.torn} bytes of an unfinished line; the next append sets them aside"
            work.findings.append(Finding("TORN-RECOVERED", why, found.name, found.next_seq, found.next_seq))
