"""`.head`: where a stream ends. Under 512 bytes, written with one `pwrite`; no mmap (an I/O error would be SIGBUS).

Layout, little endian: magic 4, version u16, length of the segment's name u16, next seq u64, size u64, hash of the last
line 32, boot id 16, segment name 96, CRC-32 u32. At offset 512, on its own: the durable mark u64, "every seq
below it is on the disk".
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

HEAD_NAME = ".head"
_FIELDS = struct.Struct("<4sHHQQ32s16s96s")
_CRC = struct.Struct("<I")
_MARK = struct.Struct("<Q")
_MAGIC = b"LKAH"
_VERSION = 1
HEAD_SIZE = _FIELDS.size + _CRC.size
MARK_OFFSET = 512
_TRIES = 50  # a reader without the lock may meet a write half-way


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a stream: the next sequence number, the open segment and its size, the last line's hash."""

    next_seq: int
    segment: str
    size: int
    last_hash: bytes
    boot_id: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """The end of a stream. `segment` is None when the next line begins a new one."""

    next_seq: int
    last_hash: bytes
    segment: str | None = None
    size: int = 0


@cache
def boot_id() -> bytes:
    """Which boot of the machine this is; zeros where the kernel does not say."""
    try:
        return UUID(Path("/proc/sys/kernel/random/boot_id").read_bytes().decode("ascii").strip()).bytes
    except (OSError, ValueError):
        return bytes(16)


def encode_head(next_seq: int, segment: bytes, size: int, last_hash: bytes, boot: bytes) -> bytes:
    fields = _FIELDS.pack(_MAGIC, _VERSION, len(segment), next_seq, size, last_hash, boot, segment)
    return fields + _CRC.pack(zlib.crc32(fields))


def decode_head(raw: bytes) -> Head | None:
    """The head in `raw`, or None when it is torn or foreign."""
    if len(raw) < HEAD_SIZE or zlib.crc32(raw[: _FIELDS.size]) != _CRC.unpack_from(raw, _FIELDS.size)[0]:
        return None
    magic, version, length, next_seq, size, last_hash, boot, name = _FIELDS.unpack_from(raw)
    if magic != _MAGIC or version != _VERSION:
        return None
    return Head(next_seq, name[:length].decode("ascii", "replace"), size, last_hash, boot)


def read_mark(descriptor: int) -> int:
    raw = os.pread(descriptor, _MARK.size, MARK_OFFSET)
    return int(_MARK.unpack(raw)[0]) if len(raw) == _MARK.size else 0


def store_mark(descriptor: int, mark: int) -> None:
    os.pwrite(descriptor, _MARK.pack(mark), MARK_OFFSET)


def read_head(directory: Path) -> tuple[Head | None, int]:
    """Head and durable mark of a stream without its lock; (None, 0) when there is none, or none that is whole."""
    try:
        descriptor = os.open(directory / HEAD_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None, 0
    try:
        for _ in range(_TRIES):
            if head := decode_head(os.pread(descriptor, HEAD_SIZE, 0)):
                return head, read_mark(descriptor)
        return None, read_mark(descriptor)
    finally:
        os.close(descriptor)
