"""A checkpoint: a signed statement of what a range of one segment contains. One line of `checkpoints.jsonl`.

Checkpoint `epoch` is signed with that epoch's one-time Ed25519 key and names the next one, so that the first public key
vouches for all that follow, and a key that is stolen later cannot sign an earlier epoch again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

T = TypeVar("T")

CHECKPOINTS_NAME = "checkpoints.jsonl"
VERSION = 1
_CONTEXT = b"logkit audit checkpoint v1\0"  # so that no other protocol's signature is one of ours
_TAIL = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Lines `[first, next)`, which are bytes `[off, end)` of `segment`; `head` is the hash of the last one."""

    stream: str
    epoch: int
    segment: str
    first: int
    next: int
    off: int
    end: int
    root: bytes
    head: bytes
    prev_cp: bytes
    pk: bytes
    next_pk: bytes
    time: str

    def statement(self) -> bytes:
        """The bytes that are signed: the line without its last member."""
        return orjson.dumps(
            {
                "v": VERSION,
                "stream": self.stream,
                "epoch": self.epoch,
                "segment": self.segment,
                "first": self.first,
                "next": self.next,
                "off": self.off,
                "end": self.end,
                "root": self.root.hex(),
                "head": self.head.hex(),
                "prev_cp": self.prev_cp.hex(),
                "pk": self.pk.hex(),
                "next_pk": self.next_pk.hex(),
                "time": self.time,
            }
        )


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> bytes:
    """The checkpoint's line, with its newline."""
    statement = checkpoint.statement()
    signature = key.sign(_CONTEXT + statement).hex().encode()
    return b'%b,"sig":"%b"}\n' % (statement[:-1], signature)


def parse_checkpoint(line: bytes) -> Checkpoint:
    """The statement of a line, its signature not looked at; raises `ValueError` when it is not a checkpoint."""
    try:
        members = orjson.loads(line)
        if members["v"] != VERSION:
            raise ValueError(f"its version is {members['v']!r}, this logkit knows {VERSION}")
        return Checkpoint(
            stream=_typed(members["stream"], str),
            epoch=_typed(members["epoch"], int),
            segment=_typed(members["segment"], str),
            first=_typed(members["first"], int),
            next=_typed(members["next"], int),
            off=_typed(members["off"], int),
            end=_typed(members["end"], int),
            root=_hash(members["root"]),
            head=_hash(members["head"]),
            prev_cp=_hash(members["prev_cp"]),
            pk=_hash(members["pk"]),
            next_pk=_hash(members["next_pk"]),
            time=_typed(members["time"], str),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a checkpoint: {error}") from None


def _typed(value: object, wanted: type[T]) -> T:
    if type(value) is not wanted:
        raise ValueError(f"{value!r} is not {wanted.__name__}")
    return value


def _hash(value: object) -> bytes:
    digest = bytes.fromhex(_typed(value, str))
    if len(digest) != 32:
        raise ValueError("a hash or key has the wrong length")
    return digest


def has_good_signature(line: bytes, checkpoint: Checkpoint) -> bool:
    """Is `line`, byte for byte, what the key `checkpoint.pk` signed?"""
    statement, comma, tail = line.rpartition(b',"sig":"')
    if not comma or not tail.endswith(b'"}\n') or statement + b"}" != checkpoint.statement():
        return False
    try:
        signature = bytes.fromhex(tail[:-3].decode("ascii"))
        Ed25519PublicKey.from_public_bytes(checkpoint.pk).verify(signature, _CONTEXT + statement + b"}")
    except (ValueError, InvalidSignature):
        return False
    return True


def checkpoint_hash(line: bytes) -> bytes:
    """What the next checkpoint's `prev_cp` and an anchor say about this one."""
    return sha256(line).digest()


def read_checkpoints(directory: Path) -> Iterator[bytes]:
    """The lines of `checkpoints.jsonl`; a torn last one comes without its newline."""
    try:
        with (directory / CHECKPOINTS_NAME).open("rb") as file:
            yield from file
    except FileNotFoundError:
        return


def last_checkpoint_line(directory: Path) -> bytes | None:
    """The last whole line, read from the end of the file."""
    try:
        descriptor = os.open(directory / CHECKPOINTS_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, _TAIL, max(0, size - _TAIL))
    finally:
        os.close(descriptor)
    whole = tail[: tail.rfind(b"\n") + 1]
    return whole[whole.rfind(b"\n", 0, -1) + 1 :] or None


def last_checkpoint(directory: Path) -> Checkpoint | None:
    line = last_checkpoint_line(directory)
    try:
        return parse_checkpoint(line) if line else None
    except ValueError:
        return None  # verify and seal name it; it tells nothing about where the stream ends
