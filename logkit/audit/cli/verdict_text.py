"""A verification as text for people: what was asked, what was proved, and per stream and segment what was found."""

from __future__ import annotations

from collections.abc import Iterator

from logkit.audit.verify.verdicts import (
    FINE,
    INCOMPLETE,
    TAMPERED,
    Finding,
    SegmentReport,
    StreamReport,
    Verification,
)
from logkit.terminal import BOLD, DIM, GREEN, RED, YELLOW, paint, safe

_COLOURS = {FINE: GREEN, TAMPERED: RED, INCOMPLETE: YELLOW}
_WORDS = {FINE: "PROVED", TAMPERED: "TAMPERED", INCOMPLETE: "INCOMPLETE"}
_QUIET = ("OK", "EXPIRED", "SKIPPED")
_SHOWN_SEGMENTS = 12


def render(verification: Verification, *, where: str, colour: bool, verbose: bool = False) -> str:
    """The report; without `verbose`, long runs of segments that are fine are counted, not listed."""
    lines = [f"{paint('AUDIT TRAIL', BOLD, colour)}  {safe(where)}", ""]
    for stream in verification.streams:
        lines += _stream(stream, colour, verbose)
        lines.append("")
    lines.append(_conclusion(verification, colour))
    return "\n".join(lines) + "\n"


def _stream(report: StreamReport, colour: bool, verbose: bool) -> Iterator[str]:
    code = report.exit_code
    word = paint(_WORDS[code], _COLOURS[code] + BOLD, colour)
    yield f"{paint(report.stream, BOLD, colour)}  {word}"
    since, until = report.asked["since"], report.asked["until"]
    asked = f"from {_moment(since) if since else 'the beginning'} to {_moment(until) if until else 'now'}"
    yield f"  asked     {asked}"
    yield f"  {'read  ' if code == TAMPERED else 'proved'}    {_proved(report)}"
    yield f"  sealed    {_sealed(report)}"
    yield f"  against   {_against(report)}"
    if report.segments:
        yield from _segments(report.segments, colour, verbose)
    for finding in report.findings:
        if finding.verdict != "EXPIRED" or verbose:
            yield from _finding(finding, colour)


def _proved(report: StreamReport) -> str:
    first, last = report.proved["first"], report.proved["last"]
    if first is None:
        return "nothing: no record was read"
    count = f"{_number(report.records, 'record')}, lines {first:,} to {last:,}"
    times = f"{_moment(str(report.proved['since']))} to {_moment(str(report.proved['until']))}"
    if any(report.asked.values()):
        count += f", of which {report.proved['in_range']:,} in the range"
    return f"{count}; {times}"


def _sealed(report: StreamReport) -> str:
    if not report.checkpoints:
        return "nothing yet: the lines are bound by their chain and the head only (UNSEALED)"
    if report.exit_code == TAMPERED:
        return f"{report.sealed:,} of {_number(report.records, 'record')} are what the checkpoints signed"
    text = f"{_number(report.sealed, 'record')} under {_number(report.checkpoints, 'checkpoint')}"
    return text + (
        f"; {report.unsealed:,} UNSEALED up to the head" if report.unsealed else "; up to the last line"
    )


def _against(report: StreamReport) -> str:
    parts = [
        "the pinned first key"
        if report.pinned
        else "its own first key only (NOT PINNED: see `audit keys pin`)"
    ]
    parts.append("the key file" if report.key_checked else "no key file")
    parts.append(_number(report.anchors, "anchor") if report.anchors else "no anchor")
    return ", ".join(parts)


def _segments(segments: tuple[SegmentReport, ...], colour: bool, verbose: bool) -> Iterator[str]:
    shown = list(segments)
    hidden = 0
    if not verbose and len(shown) > _SHOWN_SEGMENTS:
        kept = [each for each in shown[:-2] if each.verdict not in _QUIET] + shown[-2:]
        hidden, shown = len(shown) - len(kept), kept
    yield paint("  segments", DIM, colour)
    if hidden:
        yield paint(
            f"    {hidden:,} more that are OK, EXPIRED or outside of the range (-v lists them)", DIM, colour
        )
    width = max(len(each.name) for each in shown)
    for each in shown:
        records = "" if each.records is None else f"{each.records:>9,} records"
        code = Finding(each.verdict, "").code
        verdict = paint(each.verdict, _COLOURS[code], colour)
        yield f"    {safe(each.name):<{width}}  {_span(each.first, each.last):>21}  {records:>17}  {verdict}"


def _span(first: int, last: int) -> str:
    if last < first:
        return "empty"
    return f"{first:,}" if first == last else f"{first:,}-{last:,}"


def _finding(finding: Finding, colour: bool) -> Iterator[str]:
    where = safe(finding.segment or "")
    if finding.first is not None:
        last = finding.last if finding.last is not None else finding.first
        where += (
            f"  line {finding.first:,}" if finding.first == last else f"  lines {finding.first:,} to {last:,}"
        )
    yield f"  {paint(finding.verdict, _COLOURS[finding.code] + BOLD, colour)}  {where.strip()}".rstrip()
    yield f"      {safe(finding.why)}"


def _conclusion(verification: Verification, colour: bool) -> str:
    code = verification.exit_code
    findings = [finding for stream in verification.streams for finding in stream.findings if finding.code]
    records = sum(stream.records for stream in verification.streams)
    sentence = {
        FINE: f"{_number(records, 'record')}, all there, in order and unaltered.",
        TAMPERED: f"{_number(len(findings), 'finding')}: this trail is not as it was written.",
        INCOMPLETE: f"{_number(len(findings), 'finding')}: what is there is unaltered, but not everything is there.",
    }[code]
    return f"{paint(_WORDS[code], _COLOURS[code] + BOLD, colour)}  {sentence}  (exit {code})"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _moment(text: str) -> str:
    return f"{text[:10]} {text[11:19]} UTC" if len(text) >= 19 else "an unknown time"
