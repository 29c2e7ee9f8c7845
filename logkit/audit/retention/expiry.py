"""Retention: whole segments whose time is over are removed, each with a receipt in the trail before it goes.

Kept are the open segment, what is not sealed, what is under a hold, and what does not verify: evidence is not removed.
A run that was killed half-way is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import orjson

from logkit.audit.files.checkpoints import Checkpoint, parse_checkpoint, read_checkpoints
from logkit.audit.files.head import read_head
from logkit.audit.files.locks import alone
from logkit.audit.files.merkle import root_of
from logkit.audit.files.segments import Segment, leaf_hash, list_segments, read_lines, sync_directory
from logkit.audit.ledger import Ledger
from logkit.audit.notices import Emit
from logkit.audit.retention.compress import compress
from logkit.audit.retention.holds import Hold, active_holds, replay, restate
from logkit.audit.verify.receipts import (
    HOLD_EVENT,
    KEEPER,
    RECEIPT_EVENT,
    Receipt,
    covered_by,
    read_receipts,
    receipt_of,
    records_of,
)
from logkit.audit.verify.scan import scan
from logkit.errors import LogkitError

LOCK_NAME = ".retention.lock"
Do = Literal["keep", "expire", "finish", "compress"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen to one segment, and why. `finish`: its receipt is written, a killed run left the file."""

    segment: Segment
    do: Do
    why: str
    last: int = 0
    root: str = ""


class RetentionRefused(LogkitError):  # noqa: N818 - says what happened, like its siblings in logkit.errors
    """Nothing may be removed now."""


def policy_text(keep: timedelta) -> str:
    """`365 days`, as a receipt states the policy."""
    return (
        f"{keep.days} days"
        if keep.seconds == 0 and not keep.microseconds
        else f"{keep.total_seconds():.0f} seconds"
    )


def plan(
    directory: Path, *, keep: timedelta, now: datetime, holds: Sequence[Hold], packs: bool = True
) -> list[Decision]:
    """Decide about every segment of the stream in `directory`. Reads only; raises `OSError`."""
    head, _ = read_head(directory)
    segments = list_segments(directory)
    receipts = read_receipts(directory.parent, directory.name)
    checkpoints = _checkpoints(directory)
    decisions = []
    for index, segment in enumerate(segments):
        follower = segments[index + 1] if index + 1 < len(segments) else None
        if follower is None or (head is not None and segment.name == head.segment):
            decisions.append(Decision(segment, "keep", "it is open"))
        elif any(receipt.segment == segment.name for receipt in receipts):
            decisions.append(Decision(segment, "finish", "its receipt is written already"))
        elif follower.started + keep > now:
            decisions.append(_young(segment, follower, keep, checkpoints, packs))
        else:
            decisions.append(_old(segment, keep, now, holds, checkpoints, packs))
    return decisions


def _young(
    segment: Segment, follower: Segment, keep: timedelta, checkpoints: Sequence[Checkpoint], packs: bool
) -> Decision:
    why = f"due on {(follower.started + keep).date()}"
    is_sealed = any(each.segment == segment.name and each.next == follower.first for each in checkpoints)
    if packs and is_sealed and not segment.is_compressed:
        return Decision(segment, "compress", why)
    return Decision(segment, "keep", why)


def _old(
    segment: Segment,
    keep: timedelta,
    now: datetime,
    holds: Sequence[Hold],
    checkpoints: Sequence[Checkpoint],
    packs: bool,
) -> Decision:
    """One that may be due: its records decide, not its name, because the clock may have been set back. (A09)"""
    stream = segment.path.parent.name
    mine = [each for each in checkpoints if each.segment == segment.name]
    checked = scan(segment, mine)
    if checked.findings or checked.not_as_signed or checked.torn:
        return Decision(segment, "keep", "it does not verify, so it is evidence")
    if not mine or mine[-1].next != checked.next_seq:
        return Decision(segment, "keep", "it is not sealed to its end")
    tests = [(hold, hold.matcher(stream)) for hold in holds]
    newest, leaves = "", []
    for line in read_lines(segment):
        record = orjson.loads(line)
        newest = max(newest, record.get("time") or "")
        held = next((hold for hold, covers in tests if covers(record)), None)
        if held is not None:
            return _packed(segment, f"under {held.id}: {held.reason}", packs)
        leaves.append(leaf_hash(line))
    due = (datetime.fromisoformat(newest) if newest else segment.started) + keep
    if due > now:
        return _packed(segment, f"due on {due.date()}", packs)
    return Decision(segment, "expire", f"due since {due.date()}", checked.next_seq - 1, root_of(leaves).hex())


def _packed(segment: Segment, why: str, packs: bool) -> Decision:
    return Decision(segment, "compress" if packs and not segment.is_compressed else "keep", why)


def apply(
    ledger: Ledger,
    *,
    keep: timedelta,
    emit: Emit,
    now: datetime | None = None,
    say: Callable[[Decision], None] = lambda decision: None,
) -> list[Decision]:
    """Seal, then do what `plan` says for `ledger`'s stream; `emit` writes the receipts and must be durable.

    What was decided. Empty when another process is at it. Raises `OSError`, `SealError`, `RetentionRefused`, and what
    `emit` raises: a segment without a receipt stays.
    """
    now = now or datetime.now(UTC)
    directory = ledger.directory
    if not directory.is_dir():
        return []
    with alone(directory / LOCK_NAME) as is_alone:
        if not is_alone:
            return []
        open_one = next((each for each in reversed(list_segments(directory)) if not each.is_compressed), None)
        if open_one and open_one.path.stat().st_size and open_one.started + keep <= now:
            ledger.rotate()  # an idle stream's open segment would never expire
        ledger.seal()
        _believable(directory.parent / KEEPER)
        decisions = plan(directory, keep=keep, now=now, holds=active_holds(directory.parent))
        for decision in decisions:
            _do(directory, decision, keep, emit)
            say(decision)
        ledger.tend()
        return decisions


def _believable(keeper: Path) -> None:
    """Holds and receipts are only as good as the stream that says them: nothing expires while it is damaged."""
    checkpoints = _checkpoints(keeper)
    for segment in list_segments(keeper):
        checked = scan(segment, [each for each in checkpoints if each.segment == segment.name])
        for finding in (*checked.findings, *checked.not_as_signed):
            raise RetentionRefused(
                f"nothing is removed, because the stream that holds the receipts and legal holds does not verify:"
                f" {finding.verdict} {segment.name} line {finding.first}"
            )


def _do(directory: Path, decision: Decision, keep: timedelta, emit: Emit) -> None:
    segment = decision.segment
    if decision.do == "compress":
        compress(segment)
    elif decision.do == "expire":
        if directory.name == KEEPER:
            _carry_forward(directory, segment, emit)
        emit(
            RECEIPT_EVENT,
            {
                "segment": f"{directory.name}/{segment.name}",
                "first": segment.first,
                "last": decision.last,
                "root": decision.root,
                "policy": policy_text(keep),
                "stream": directory.name,
            },
        )
    if decision.do in ("expire", "finish"):
        for path in (segment.path, segment.path.with_name(segment.name + ".gz")):
            path.unlink(missing_ok=True)
        sync_directory(directory)


def _carry_forward(directory: Path, segment: Segment, emit: Emit) -> None:
    """Say again what only this segment says and what still matters: receipts, and holds in force."""
    stays: list[Receipt] = []
    goes: list[Receipt] = []
    hold_ids: set[str] = set()
    for name, record in records_of(directory, [RECEIPT_EVENT, HOLD_EVENT]):
        if record["event"] == HOLD_EVENT:
            if name == segment.name:
                hold_ids |= set(replay([record]))
            else:
                hold_ids -= set(replay([record]))
        elif receipt := receipt_of(record):
            (goes if name == segment.name else stays).append(receipt)
    for hold in active_holds(directory.parent):
        if hold.id in hold_ids:
            restate(emit, hold)
    for stream in sorted({receipt.stream for receipt in goes}):
        others = [receipt for receipt in stays if receipt.stream == stream]
        for first, last, latest in _merged([receipt for receipt in goes if receipt.stream == stream]):
            if any(not is_covered for *_, is_covered in covered_by(others, first, last)):
                detail = {"segment": f"{stream}/", "first": first, "last": last, "root": latest.root}
                emit(RECEIPT_EVENT, {**detail, "policy": latest.policy, "stream": stream})


def _merged(receipts: Sequence[Receipt]) -> Iterator[tuple[int, int, Receipt]]:
    """Neighbouring ranges as one, with the latest receipt of it."""
    ordered = sorted(receipts, key=lambda each: each.first)
    first, last, latest = ordered[0].first, ordered[0].last, ordered[0]
    for receipt in ordered[1:]:
        if receipt.first <= last + 1:
            last, latest = max(last, receipt.last), receipt
            continue
        yield first, last, latest
        first, last, latest = receipt.first, receipt.last, receipt
    yield first, last, latest


def _checkpoints(directory: Path) -> list[Checkpoint]:
    found = []
    for line in read_checkpoints(directory):
        try:
            found.append(parse_checkpoint(line))
        except ValueError:
            continue  # what it covers is not sealed, then
    return found
