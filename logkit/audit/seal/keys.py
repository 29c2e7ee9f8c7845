"""The sealing key of a stream: one-time Ed25519 keys in two slots, so that moving on survives a crash.

Format of `<stream>.key`, mode 0600: two 4096-byte slots, each magic 8, version u32, epoch u64, secret key 32, length
u32, pending checkpoint line, SHA-256 of all that, zeros; little endian. The valid slot with the highest epoch counts.
Erasing the old slot is best effort on SSDs and copy-on-write file systems.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from logkit.audit.files.segments import fdatasync, sync_directory
from logkit.errors import LogkitError

SLOT_SIZE = 4096
_FIELDS = struct.Struct("<8sIQ32sI")
_MAGIC = b"LKAUDKEY"
_VERSION = 1
_DIGEST = 32
_ROOM = SLOT_SIZE - _FIELDS.size - _DIGEST


class SealError(LogkitError):
    """Something about keys, checkpoints or sealed lines is not as a crash could have left it."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """The current key: its epoch, the secret, and the checkpoint line that its predecessor signed."""

    epoch: int
    secret: bytes
    pending: bytes
    has_stale_slot: bool

    def __repr__(self) -> str:
        return f"KeyState(epoch={self.epoch})"

    @property
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def new_secret() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes_raw()


def create_key(path: Path) -> KeyState:
    """Make the key of epoch 0. Raises `FileExistsError` when there is a key file, whatever is in it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    secret = new_secret()
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _write(descriptor, _slot(0, secret, b"").ljust(2 * SLOT_SIZE, b"\0"), 0)
        os.fsync(descriptor)
        os.link(temporary, path)
    finally:
        os.close(descriptor)
        temporary.unlink()
    sync_directory(path.parent)
    return KeyState(0, secret, b"", has_stale_slot=False)


def read_key(path: Path) -> KeyState | None:
    """The current key, or None when there is no key file. Raises `SealError` for one that cannot be believed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        raw = os.pread(descriptor, 2 * SLOT_SIZE, 0)
    finally:
        os.close(descriptor)
    if mode & 0o077:
        raise SealError(f"{path} has mode {mode:04o}, so others may have read the key: chmod 600 it")
    slots = [raw[:SLOT_SIZE], raw[SLOT_SIZE:]]
    states = [_parse(slot) for slot in slots]
    valid = [state for state in states if state is not None]
    if not valid:
        raise SealError(f"{path} holds no valid key: the records after the last checkpoint stay unsealed")
    epoch, secret, pending = max(valid)
    other = slots[1 - epoch % 2]
    return KeyState(epoch, secret, pending, has_stale_slot=any(other))


def evolve(path: Path, epoch: int, secret: bytes, pending: bytes) -> None:
    """Write the key of `epoch` into its slot and make it durable: the commit point of a checkpoint."""
    _into_slot(path, epoch, _slot(epoch, secret, pending))


def erase_slot_before(path: Path, epoch: int) -> None:
    """Overwrite the slot of the key before `epoch` with zeros."""
    _into_slot(path, epoch + 1, b"")


def _into_slot(path: Path, epoch: int, content: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        _write(descriptor, content.ljust(SLOT_SIZE, b"\0"), epoch % 2 * SLOT_SIZE)
        fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _slot(epoch: int, secret: bytes, pending: bytes) -> bytes:
    if len(pending) > _ROOM:
        raise SealError(f"a checkpoint line of {len(pending)} bytes does not fit into the key file")
    content = _FIELDS.pack(_MAGIC, _VERSION, epoch, secret, len(pending)) + pending
    return content + sha256(content).digest()


def _parse(slot: bytes) -> tuple[int, bytes, bytes] | None:
    if len(slot) < SLOT_SIZE:
        return None
    magic, version, epoch, secret, length = _FIELDS.unpack_from(slot)
    if magic != _MAGIC or version != _VERSION or length > _ROOM:
        return None
    content = slot[: _FIELDS.size + length]
    if sha256(content).digest() != slot[len(content) : len(content) + _DIGEST]:
        return None
    return epoch, secret, content[_FIELDS.size :]


def _write(descriptor: int, content: bytes, offset: int) -> None:
    if os.pwrite(descriptor, content, offset) != len(content):
        raise OSError("the key file could not be written whole")
