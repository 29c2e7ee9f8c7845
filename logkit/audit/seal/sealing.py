"""Sealing: a signed Merkle root over what was written since the last checkpoint, and on to the next one-time key.

The order is the safety: what is signed is durable first; the new key with the signed line as pending is the commit
point; only then is the old key erased and the line appended. A crash anywhere is finished by the next `seal`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from logkit.audit.files.checkpoints import (
    CHECKPOINTS_NAME,
    Checkpoint,
    checkpoint_hash,
    last_checkpoint_line,
    parse_checkpoint,
    sign,
)
from logkit.audit.files.descriptor import Descriptor
from logkit.audit.files.head import Position
from logkit.audit.files.locks import alone
from logkit.audit.files.merkle import root_of
from logkit.audit.files.segments import (
    GENESIS,
    Segment,
    fdatasync,
    leaf_hash,
    list_segments,
    open_segment,
    prefix_of,
    split_line,
    sync_directory,
)
from logkit.audit.notices import utc_text
from logkit.audit.seal.keys import (
    KeyState,
    SealError,
    create_key,
    erase_slot_before,
    evolve,
    new_secret,
    public_bytes,
    read_key,
)

SEAL_LOCK_NAME = ".seal.lock"  # taken without waiting: busy means that somebody else is sealing
NO_CHECKPOINT = bytes(32)  # `prev_cp` of the first


@dataclass(frozen=True, slots=True)
class Sealing:
    """What one run did. `is_busy`: another process was sealing, nothing was looked at."""

    lines: tuple[bytes, ...] = ()
    closed: tuple[Checkpoint, ...] = ()  # those that reach the end of a segment that takes no more lines
    alarms: tuple[str, ...] = ()
    new_key: bytes | None = None
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class _Range:
    """Lines of one segment that no checkpoint covers."""

    segment: Segment
    off: int
    end: int
    first: int
    is_open: bool


def seal(
    directory: Path, key_path: Path, position: Callable[[], Position], *, file_mode: int = 0o640
) -> Sealing:
    """Seal what is written in the stream `directory`; `position` says where it ends, under the write lock.

    Lines that do not chain are not signed: they are named in `alarms` and stay unsealed. Raises `SealError` when keys
    and checkpoints contradict each other, `OSError` when something cannot be written; nothing is half-done after.
    """
    with alone(directory / SEAL_LOCK_NAME, mode=file_mode) as is_alone:
        if not is_alone:
            return Sealing(is_busy=True)
        key, last_line, new_key = _recovered(directory, key_path, file_mode)
        last = parse_checkpoint(last_line) if last_line else None
        end = position()
        reached = (last.next, last.head) if last else (1, GENESIS)
        lines: list[bytes] = []
        closed: list[Checkpoint] = []
        alarms: list[str] = []
        for wanted in _unsealed(directory, last, end, alarms):
            prev = reached[1] if wanted.first == reached[0] else None
            try:
                checkpoint = _scanned(directory.name, wanted, prev, end)
            except ValueError as error:
                alarms.append(f"{wanted.segment.name}: {error}; it stays unsealed")
                continue
            last_line, key = _signed(directory, key_path, file_mode, key, checkpoint, last_line)
            reached = (checkpoint.next, checkpoint.head)
            lines.append(last_line)
            if not wanted.is_open:
                closed.append(checkpoint)
        return Sealing(tuple(lines), tuple(closed), tuple(alarms), new_key)


def _recovered(
    directory: Path, key_path: Path, file_mode: int
) -> tuple[KeyState, bytes | None, bytes | None]:
    """The key, the last checkpoint's line, and the first public key when it was made just now."""
    path = directory / CHECKPOINTS_NAME
    key = read_key(key_path)
    if key is None:
        if path.exists() and path.stat().st_size:
            raise SealError(
                f"the key {key_path} is gone, but there are checkpoints: restore it from a backup"
            )
        key = create_key(key_path)
        return key, None, public_bytes(key.key)
    _cut_torn_tail(path, key)
    last_line = last_checkpoint_line(directory)
    last = parse_checkpoint(last_line) if last_line else None
    epoch = last.epoch if last else -1
    if key.epoch == epoch + 1:
        if last_line != (key.pending or None):
            raise SealError(
                f"the last checkpoint, of epoch {epoch}, is not the one that this key's predecessor signed"
            )
    elif key.epoch == epoch + 2 and _continues(key.pending, last_line):
        _append(path, key.pending, file_mode)  # committed, but not written before the crash
        last_line = key.pending
    else:
        raise SealError(
            f"the key is of epoch {key.epoch}, the checkpoints end at epoch {epoch}: some were removed"
        )
    if key.has_stale_slot:
        erase_slot_before(key_path, key.epoch)
    return key, last_line, None


def _continues(pending: bytes, last_line: bytes | None) -> bool:
    try:
        return parse_checkpoint(pending).prev_cp == (
            checkpoint_hash(last_line) if last_line else NO_CHECKPOINT
        )
    except ValueError:
        return False


def _cut_torn_tail(path: Path, key: KeyState) -> None:
    """A torn last line must be the beginning of the pending one; anything else was no crash."""
    try:
        descriptor = Descriptor(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        return
    size = os.fstat(descriptor.fd).st_size
    tail = os.pread(descriptor.fd, 8192, max(0, size - 8192))
    torn = tail[tail.rfind(b"\n") + 1 :]
    if not torn:
        return
    if not key.pending.startswith(torn):
        raise SealError(f"{path.name} ends in {len(torn)} bytes that no crash of ours left there")
    os.ftruncate(descriptor.fd, size - len(torn))
    fdatasync(descriptor.fd)


def _unsealed(directory: Path, last: Checkpoint | None, end: Position, alarms: list[str]) -> Iterator[_Range]:
    """The ranges after `last`, one per segment."""
    for segment in list_segments(directory):
        is_open = segment.name == end.segment
        begun = last is not None and segment.name == last.segment
        if last is not None and not begun and segment.first < last.next:
            continue
        off = last.end if last is not None and begun else 0
        first = last.next if last is not None and begun else segment.first
        size = end.size if is_open else _size(segment)
        if size < off:
            alarms.append(f"{segment.name} has {size} bytes, but {off} of it are sealed: it was cut")
        elif size > off:
            yield _Range(segment, off, size, first, is_open)
        if is_open:
            return


def _size(segment: Segment) -> int:
    if not segment.is_compressed:
        return segment.path.stat().st_size
    with open_segment(segment) as file:
        return file.seek(0, os.SEEK_END)


def _scanned(stream: str, wanted: _Range, prev: bytes | None, end: Position) -> Checkpoint:
    """A checkpoint of the range without its keys. Raises `ValueError` when its lines do not chain.

    `prev` is None where the line before is gone, so that the first line's own word has to do.
    """
    with open_segment(wanted.segment) as file:
        if not wanted.segment.is_compressed:
            fdatasync(file.fileno())  # never sign what is not durable
        file.seek(wanted.off)
        rest = wanted.end - wanted.off
        seq = wanted.first
        leaves: list[bytes] = []
        while rest > 0 and (line := file.readline(rest)):
            rest -= len(line)
            if prev is None:
                prev = split_line(line)[1]
            if not line.startswith(prefix_of(seq, prev)) or not line.endswith(b"}\n"):
                raise ValueError(f"line {seq} does not continue the line before it")
            prev = leaf_hash(line)
            leaves.append(prev)
            seq += 1
    if rest or prev is None:
        raise ValueError(f"it ends {rest} bytes too early")
    if wanted.is_open and (seq, prev) != (end.next_seq, end.last_hash):
        raise ValueError("its last line is not the one that the head names")
    return Checkpoint(
        stream=stream,
        epoch=0,
        segment=wanted.segment.name,
        first=wanted.first,
        next=seq,
        off=wanted.off,
        end=wanted.end,
        root=root_of(leaves),
        head=prev,
        prev_cp=NO_CHECKPOINT,
        pk=b"",
        next_pk=b"",
        time=utc_text(datetime.now(UTC)),
    )


def _signed(
    directory: Path,
    key_path: Path,
    file_mode: int,
    key: KeyState,
    checkpoint: Checkpoint,
    last_line: bytes | None,
) -> tuple[bytes, KeyState]:
    """Sign, commit, erase, append; the line and the key that comes next."""
    secret = new_secret()
    complete = replace(
        checkpoint,
        epoch=key.epoch,
        prev_cp=checkpoint_hash(last_line) if last_line else NO_CHECKPOINT,
        pk=public_bytes(key.key),
        next_pk=public_bytes(Ed25519PrivateKey.from_private_bytes(secret)),
    )
    line = sign(complete, key.key)
    evolve(key_path, key.epoch + 1, secret, line)
    erase_slot_before(key_path, key.epoch + 1)
    _append(directory / CHECKPOINTS_NAME, line, file_mode)
    return line, KeyState(key.epoch + 1, secret, line, has_stale_slot=False)


def _append(path: Path, line: bytes, file_mode: int) -> None:
    is_new = not path.exists()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = Descriptor(os.open(path, flags, file_mode))
    if is_new:
        os.fchmod(file.fd, file_mode)
        if os.fstat(file.fd).st_gid != (group := path.parent.stat().st_gid):
            os.fchown(file.fd, -1, group)  # who may read the segments may read what seals them
        sync_directory(path.parent)
    if os.write(file.fd, line) != len(line):
        raise OSError(errno.ENOSPC, "a checkpoint could not be written whole; the next seal completes it")
    fdatasync(file.fd)
