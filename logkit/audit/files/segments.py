"""The files of a stream: segment names, and lines that are chained by SHA-256.

A line starts exactly `{"seq":N,"prev":"<64 hex>",`; `prev` is SHA-256(0x00 || previous line with its newline), which is
also that line's RFC 6962 leaf hash, so one hash serves the chain and the Merkle tree.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

LINE_LIMIT = 16 * 1024
GENESIS = bytes(32)  # `prev` of the first line of a stream
TORN_SUFFIX = ".torn"
LEAF = sha256(b"\0")  # begun once and copied for each line, which is faster than joining the two

_NAME = re.compile(r"(\d{8}T\d{6})Z-(\d{12,20})\.jsonl(\.gz)?")
_TIME = "%Y%m%dT%H%M%S"

fdatasync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a stream: where it is, its first sequence number, when it was begun."""

    path: Path
    first: int
    started: datetime

    @property
    def name(self) -> str:
        """The name that heads and checkpoints use: without `.gz`."""
        return self.path.name.removesuffix(".gz")

    @property
    def is_compressed(self) -> bool:
        return self.path.suffix == ".gz"


def segment_name(started: datetime, first: int) -> str:
    return f"{started.astimezone(UTC).strftime(_TIME)}Z-{first:012}.jsonl"


def parse_segment(path: Path) -> Segment | None:
    """The segment that `path` names, or None when it is another kind of file."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        started = datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
    return Segment(path, int(match[2]), started)


def list_segments(directory: Path) -> list[Segment]:
    """The segments of a stream by first sequence number; the clock in their names may have been set back.

    A `.gz` beside its original is a compression that did not finish, so the original counts. (A08)
    """
    found: dict[str, Segment] = {}
    try:
        entries = list(directory.iterdir())
    except FileNotFoundError:
        return []
    for path in entries:
        segment = parse_segment(path)
        if segment and (segment.name not in found or not segment.is_compressed):
            found[segment.name] = segment
    return sorted(found.values(), key=lambda segment: (segment.first, segment.started, segment.name))


def leaf_hash(line: bytes) -> bytes:
    """The hash of a line with its newline: the next line's `prev` and the line's Merkle leaf."""
    leaf = LEAF.copy()
    leaf.update(line)
    return leaf.digest()


def prefix_of(seq: int, prev: bytes) -> bytes:
    return b'{"seq":%d,"prev":"%b",' % (seq, prev.hex().encode())


def line_of(seq: int, prev: bytes, body: bytes) -> bytes:
    """`body`, one JSON object that starts with `{"`, as the line number `seq`."""
    return b'{"seq":%d,"prev":"%b",%b\n' % (seq, prev.hex().encode(), body[1:])


def split_line(line: bytes) -> tuple[int, bytes, bytes]:
    """Sequence number, `prev` and body of a whole line; raises `ValueError` when it is not one."""
    if not line.startswith(b'{"seq":') or not line.endswith(b"}\n"):
        raise ValueError("a line starts with a sequence number and ends with a newline")
    number, middle, rest = line[7:].partition(b',"prev":"')
    if not middle or not number.isdigit() or rest[64:66] != b'",' or str(int(number)).encode() != number:
        raise ValueError("a line starts with a sequence number and the hash of the line before")
    return int(number), bytes.fromhex(rest[:64].decode("ascii", "replace")), b"{" + rest[66:-1]


def check_body(body: bytes) -> None:
    """Raise `ValueError` unless `body` can be a line: one JSON object on one line, short enough."""
    if not body.startswith(b'{"') or not body.endswith(b"}"):
        raise ValueError(f"an audit record is one JSON object in UTF-8, not {body[:40]!r}")
    if b"\n" in body:
        raise ValueError("an audit record is one line: write newlines inside strings as \\n")
    if len(body) > LINE_LIMIT - 128:
        raise ValueError(
            f"an audit record has at most {LINE_LIMIT - 128} bytes, this one has {len(body)}: shorten its detail"
        )


def open_segment(segment: Segment) -> BinaryIO:
    """The segment's bytes, decompressed; one that was compressed since it was listed is found."""
    try:
        if segment.is_compressed:
            return cast(BinaryIO, gzip.open(segment.path))
        return segment.path.open("rb", buffering=1 << 20)
    except FileNotFoundError:
        twin = segment.path.with_name(segment.name + ("" if segment.is_compressed else ".gz"))
        return cast(BinaryIO, gzip.open(twin)) if twin.suffix == ".gz" else twin.open("rb")


def read_lines(segment: Segment) -> Iterator[bytes]:
    """The segment's lines, each with its newline; a torn last one comes without."""
    with open_segment(segment) as file:
        yield from file


def sync_directory(directory: Path) -> None:
    """Make names in `directory` durable: a new file's data alone does not survive a power cut with its name."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
