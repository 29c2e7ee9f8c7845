"""What verification can find, and which exit code each word means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal

Verdict = Literal[
    "OK", "EXPIRED", "TORN-RECOVERED", "UNSEALED", "SKIPPED",
    "ALTERED", "REORDERED", "TRUNCATED", "EARLY-DELETED", "BAD-SIGNATURE", "KEY-CHAIN-BREAK",
    "MISSING", "GAP", "EMPTY-RANGE", "NO-ANCHOR",
]  # fmt: skip

FINE, TAMPERED, INCOMPLETE, UNUSABLE = 0, 1, 2, 3  # exit codes; UNUSABLE: usage or I/O
_CODES: dict[Verdict, int] = {
    "ALTERED": TAMPERED,
    "REORDERED": TAMPERED,
    "TRUNCATED": TAMPERED,
    "EARLY-DELETED": TAMPERED,
    "BAD-SIGNATURE": TAMPERED,
    "KEY-CHAIN-BREAK": TAMPERED,
    "MISSING": INCOMPLETE,
    "GAP": INCOMPLETE,
    "EMPTY-RANGE": INCOMPLETE,
    "NO-ANCHOR": INCOMPLETE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: where (`segment`, lines `first` to `last`) and in words why."""

    verdict: Verdict
    why: str
    segment: str | None = None
    first: int | None = None
    last: int | None = None

    @property
    def code(self) -> int:
        return _CODES.get(self.verdict, FINE)


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """One segment's verdict. `sealed` of its `records` are under a checkpoint; `records` None: not read."""

    name: str
    first: int
    last: int
    records: int | None
    sealed: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """What was asked of one stream, and what was proved."""

    stream: str
    asked: dict[str, str | None]
    proved: dict[str, object]
    segments: tuple[SegmentReport, ...]
    findings: tuple[Finding, ...]
    records: int
    sealed: int
    unsealed: int
    checkpoints: int
    pinned: bool
    key_checked: bool
    anchors: int

    @property
    def exit_code(self) -> int:
        return exit_code_of(self.findings)

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "exit_code": self.exit_code}


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Tampering outweighs incompleteness."""
    codes = {finding.code for finding in findings}
    return TAMPERED if TAMPERED in codes else INCOMPLETE if INCOMPLETE in codes else FINE


@dataclass(frozen=True, slots=True)
class Verification:
    """All streams that were looked at."""

    streams: tuple[StreamReport, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        return exit_code_of(finding for stream in self.streams for finding in stream.findings)

    def as_json(self) -> dict[str, object]:
        return {"exit_code": self.exit_code, "streams": [stream.as_json() for stream in self.streams]}
