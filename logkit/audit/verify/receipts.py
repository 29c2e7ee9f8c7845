"""Receipts: `audit.segment.expired` records of the compliance stream, written before a segment is removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from logkit.audit.files.segments import list_segments, read_lines

RECEIPT_EVENT = "audit.segment.expired"
HOLD_EVENT = "audit.hold.changed"
KEEPER = "compliance"  # the stream that holds them


@dataclass(frozen=True, slots=True)
class Receipt:
    """Lines `first` to `last` of `stream` were removed under `policy` at `time`."""

    stream: str
    segment: str
    first: int
    last: int
    root: str
    policy: str
    time: str
    seq: int


def records_of(directory: Path, events: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(segment, record) of every whole record of one of `events` in the stream `directory`. Raises `OSError`."""
    words = [event.encode() for event in events]
    for segment in list_segments(directory):
        for line in read_lines(segment):
            if any(word in line for word in words):
                try:
                    record = orjson.loads(line)
                except ValueError:
                    continue
                if record.get("event", "").encode() in words:
                    yield segment.name, record


def read_receipts(root: Path, stream: str) -> list[Receipt]:
    """Every receipt about `stream`, from the compliance stream beside it."""
    return [
        receipt
        for _, record in records_of(root / KEEPER, [RECEIPT_EVENT])
        if (receipt := receipt_of(record)) is not None and receipt.stream == stream
    ]


def receipt_of(record: dict[str, Any]) -> Receipt | None:
    """The receipt in a record; None for one that says too little, or for an action that did not happen."""
    detail = record.get("detail") or {}
    if record.get("outcome") in ("failure", "denied"):
        return None
    try:
        stream, _, segment = str(detail["segment"]).rpartition("/")
        return Receipt(
            stream or str(detail["stream"]),
            segment,
            int(detail["first"]),
            int(detail["last"]),
            str(detail["root"]),
            str(detail["policy"]),
            str(record.get("time", "")),
            int(record["seq"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def covered_by(receipts: Iterable[Receipt], first: int, last: int) -> list[tuple[int, int, bool]]:
    """`first` to `last` cut into ranges, each with whether receipts cover it."""
    ranges: list[tuple[int, int, bool]] = []
    at = first
    for receipt in sorted(receipts, key=lambda each: each.first):
        if receipt.last < at or receipt.first > last:
            continue
        if receipt.first > at:
            ranges.append((at, receipt.first - 1, False))
            at = receipt.first
        until = min(receipt.last, last)
        ranges.append((at, until, True))
        at = until + 1
        if at > last:
            break
    if at <= last:
        ranges.append((at, last, False))
    return ranges
