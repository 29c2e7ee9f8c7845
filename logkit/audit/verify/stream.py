"""Verification of a stream: head, segments, checkpoints and anchors against each other. Reads only, takes no lock.

Everything is a plain function over directories. The order of reading matters while others write: key and checkpoints
first, then the head, then the segments, so that what was read earlier is never ahead of what is read later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from logkit.audit.files.checkpoints import Checkpoint
from logkit.audit.files.head import read_head
from logkit.audit.files.segments import Segment, list_segments
from logkit.audit.notices import utc_text
from logkit.audit.verify.keychain import check_anchors, read_keychain
from logkit.audit.verify.receipts import read_receipts
from logkit.audit.verify.scan import Scanned, scan
from logkit.audit.verify.stitch import Question, Work, say_gaps, say_not_as_signed, say_torn, stitch
from logkit.audit.verify.verdicts import Finding, SegmentReport, StreamReport

__all__ = ["Progress", "Question", "verify_stream"]

Progress = Callable[[str, int, int], None]  # what, done bytes, all bytes
_PARALLEL_FROM = 64_000_000  # bytes; below, starting processes costs more than it saves


def verify_stream(
    directory: Path,
    question: Question,
    *,
    pin: bytes | None = None,
    key_path: Path | None = None,
    progress: Progress | None = None,
) -> StreamReport:
    """Verify the stream in `directory`, with the first public key `pin` (32 bytes) and its key file where readable.

    Raises `OSError` for what cannot be read, `FileNotFoundError` when there is no such stream and no trace of one.
    """
    chain = read_keychain(directory, pin=pin, key_path=key_path)
    if not directory.is_dir() and not chain.findings and not _is_anchored(directory.name, question):
        raise FileNotFoundError(f"{directory} is no stream: there is no such directory")
    head, mark = read_head(directory)
    work = Work(directory, question, chain, head, mark, list_segments(directory))
    wanted = [segment for segment, _ in _in_range(work)]
    work.scanned = _scan_all(work, wanted, progress)
    work.segments = [each for each in work.segments if each not in wanted or each.name in work.scanned]
    # After the segments: a receipt is written before its segment goes, so what was not there any more has one.
    work.receipts = read_receipts(directory.parent, directory.name)
    work.findings += chain.findings
    work.findings += check_anchors(
        chain, directory.name, question.anchors, is_required=question.require_anchor
    )
    reports = list(stitch(work))
    say_not_as_signed(work)
    say_gaps(work)
    say_torn(work)
    return _report(work, reports)


def _in_range(work: Work) -> Iterator[tuple[Segment, datetime | None]]:
    """The segments that may hold records between since and until, each with the beginning of the next one."""
    since, until = work.question.since, work.question.until
    for index, segment in enumerate(work.segments):
        after = work.segments[index + 1].started if index + 1 < len(work.segments) else None
        if since is not None and after is not None and after + timedelta(seconds=1) < since:
            continue
        if until is not None and segment.started > until:
            continue
        yield segment, after


def _scan_all(work: Work, wanted: Sequence[Segment], progress: Progress | None) -> dict[str, Scanned]:
    since, until = (
        utc_text(moment) if moment else None for moment in (work.question.since, work.question.until)
    )
    jobs = []
    for segment in wanted:
        checkpoints = [each for each in work.chain.checkpoints if each.segment == segment.name]
        size = work.head.size if work.head and work.head.segment == segment.name else None
        jobs.append((segment, checkpoints, size, since, until))
    sizes = [segment.path.stat().st_size if segment.path.exists() else 0 for segment in wanted]
    found: dict[str, Scanned] = {}
    done, total = 0, sum(sizes)

    def take(result: Scanned | None, size: int) -> None:
        nonlocal done
        if result is not None:
            found[result.name] = result
        done += size
        if progress:
            progress(work.directory.name, done, total)

    if work.question.jobs > 1 and len(wanted) > 1 and total >= _PARALLEL_FROM:
        with ProcessPoolExecutor(work.question.jobs, mp_context=get_context("spawn")) as pool:
            for result, size in zip(pool.map(_scan, *zip(*jobs, strict=True)), sizes, strict=True):
                take(result, size)
    else:
        for job, size in zip(jobs, sizes, strict=True):
            take(_scan(*job), size)
    return found


def _scan(
    segment: Segment, checkpoints: list[Checkpoint], size: int | None, since: str | None, until: str | None
) -> Scanned | None:
    try:
        return scan(segment, checkpoints, size, since, until)
    except FileNotFoundError:
        return None  # expired since it was listed


def _is_anchored(stream: str, question: Question) -> bool:
    return any(anchor.stream == stream for anchor in question.anchors)


def _report(work: Work, reports: list[SegmentReport]) -> StreamReport:
    scanned = sorted(work.scanned.values(), key=lambda found: found.first)
    records = sum(found.records for found in scanned)
    sealed = sum(report.sealed for report in reports)
    read = [found for found in scanned if found.records]
    if work.is_partial and not sum(found.asked for found in scanned):
        work.findings.append(
            Finding("EMPTY-RANGE", "no record of this stream lies in the range that was asked for")
        )
    asked = {
        "since": utc_text(work.question.since) if work.question.since else None,
        "until": utc_text(work.question.until) if work.question.until else None,
    }
    proved: dict[str, object] = {
        "first": read[0].first if read else None,
        "last": read[-1].next_seq - 1 if read else None,
        "since": read[0].times[0] if read else None,
        "until": read[-1].times[1] if read else None,
        "in_range": sum(found.asked for found in scanned) if work.is_partial else records,
    }
    worst = {
        each.segment: each.verdict
        for each in sorted(work.findings, key=lambda each: each.code == 1)
        if each.code
    }
    reports = [replace(report, verdict=worst.get(report.name, report.verdict)) for report in reports]
    return StreamReport(
        stream=work.directory.name,
        asked=asked,
        proved=proved,
        segments=tuple(reports),
        findings=tuple(sorted(work.findings, key=lambda finding: (-(finding.code == 1), -finding.code))),
        records=records,
        sealed=sealed,
        unsealed=max(records - sealed, 0),
        checkpoints=len(work.chain.lines),
        pinned=work.chain.is_pinned,
        key_checked=work.chain.is_key_checked,
        anchors=sum(anchor.stream == work.directory.name for anchor in work.question.anchors),
    )
