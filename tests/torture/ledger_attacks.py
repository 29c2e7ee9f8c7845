"""Random attacks on a copy of a trail, each with the words that may name it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from logkit.audit.files.checkpoints import parse_checkpoint, read_checkpoints, sign
from logkit.audit.files.head import HEAD_NAME, boot_id, encode_head
from logkit.audit.files.segments import Segment, leaf_hash, line_of, list_segments, split_line
from logkit.audit.seal.keys import read_key

Attack = Callable[[Path, random.Random], set[str]]


def _segment(directory: Path, chance: random.Random) -> tuple[Segment, list[bytes]]:
    segment = chance.choice([each for each in list_segments(directory) if each.path.stat().st_size > 2000])
    return segment, segment.path.read_bytes().splitlines(keepends=True)


def flip(directory: Path, chance: random.Random) -> set[str]:
    segment, _ = _segment(directory, chance)
    content = bytearray(segment.path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    segment.path.write_bytes(content)
    return {"ALTERED"}


def flip_several(directory: Path, chance: random.Random) -> set[str]:
    for _ in range(chance.randrange(2, 6)):
        flip(directory, chance)
    return {"ALTERED"}


def remove_lines(directory: Path, chance: random.Random) -> set[str]:
    segment, lines = _segment(directory, chance)
    at = chance.randrange(len(lines) - 3)
    del lines[at : at + chance.randrange(1, 3)]
    segment.path.write_bytes(b"".join(lines))
    return {"ALTERED"}


def insert_line(directory: Path, chance: random.Random) -> set[str]:
    segment, lines = _segment(directory, chance)
    lines.insert(chance.randrange(1, len(lines) - 1), chance.choice(lines))
    segment.path.write_bytes(b"".join(lines))
    return {"ALTERED", "REORDERED"}


def swap_lines(directory: Path, chance: random.Random) -> set[str]:
    segment, lines = _segment(directory, chance)
    one, other = chance.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    segment.path.write_bytes(b"".join(lines))
    return {"REORDERED"}


def rewrite_from(directory: Path, chance: random.Random) -> set[str]:
    """Replace a sealed line and chain everything after it anew, through all segments, head included.

    What is not sealed yet can be rewritten together with the head by whoever may write the head: that is no secret.
    """
    target = chance.randrange(1, parse_checkpoint(list(read_checkpoints(directory))[-1]).next)
    seq, prev, started = 0, b"", False
    name, size = "", 0
    for segment in list_segments(directory):
        lines = segment.path.read_bytes().splitlines(keepends=True)
        made: list[bytes] = []
        for line in lines:
            number, before, body = split_line(line)
            if number == target:
                started, seq, prev, body = True, number, before, body.replace(b'"id":"', b'"id":"forged-', 1)
            if started:
                line = line_of(seq, prev, body)
                seq, prev = seq + 1, leaf_hash(line)
            made.append(line)
        segment.path.write_bytes(b"".join(made))
        name, size = segment.name, sum(map(len, made))
    with (directory / HEAD_NAME).open("r+b") as file:
        file.write(encode_head(seq, name.encode(), size, prev, boot_id()))
    return {"ALTERED"}


def delete_segment(directory: Path, chance: random.Random) -> set[str]:
    segments = list_segments(directory)
    chance.choice(segments[:-1]).path.unlink()
    return {"EARLY-DELETED", "TRUNCATED"}


def cut_tail(directory: Path, chance: random.Random) -> set[str]:
    segment = list_segments(directory)[-1]
    os.truncate(segment.path, chance.randrange(segment.path.stat().st_size))
    return {"TRUNCATED"}


def cut_older(directory: Path, chance: random.Random) -> set[str]:
    segment = chance.choice(list_segments(directory)[:-1])
    os.truncate(segment.path, chance.randrange(1, segment.path.stat().st_size))
    return {"TRUNCATED", "ALTERED"}


def put_back(directory: Path, chance: random.Random) -> set[str]:
    """Cut to an older, sealed state, with a head that agrees."""
    segments = list_segments(directory)
    sealed = [parse_checkpoint(line) for line in read_checkpoints(directory)]
    goal = chance.choice(sealed[:-1])
    for segment in segments:
        if segment.first >= goal.next:
            segment.path.unlink()
        elif segment.name == goal.segment:
            os.truncate(segment.path, goal.end)
    with (directory / HEAD_NAME).open("r+b") as file:
        file.write(encode_head(goal.next, goal.segment.encode(), goal.end, goal.head, boot_id()))
    return {"TRUNCATED", "EARLY-DELETED"}


def _change_checkpoints(directory: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = directory / "checkpoints.jsonl"
    path.write_bytes(b"".join(change(list(read_checkpoints(directory)))))


def flip_checkpoint(directory: Path, chance: random.Random) -> set[str]:
    path = directory / "checkpoints.jsonl"
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content) - 1)] ^= 1 << chance.randrange(7)
    path.write_bytes(content)
    return {"BAD-SIGNATURE", "KEY-CHAIN-BREAK"}


def forge_checkpoint(directory: Path, chance: random.Random) -> set[str]:
    """Another root, signed with the current key or with one of the forger's."""
    key = read_key(directory.parent.parent / "keys/security.key")
    assert key is not None
    signer = key.key if chance.random() < 0.5 else Ed25519PrivateKey.generate()

    def change(lines: list[bytes]) -> list[bytes]:
        at = chance.randrange(len(lines))
        old = parse_checkpoint(lines[at])
        pk = old.pk if chance.random() < 0.5 else signer.public_key().public_bytes_raw()
        lines[at] = sign(replace(old, root=chance.randbytes(32), pk=pk), signer)
        return lines

    _change_checkpoints(directory, change)
    return {"BAD-SIGNATURE", "KEY-CHAIN-BREAK"}


def remove_checkpoints(directory: Path, chance: random.Random) -> set[str]:
    def change(lines: list[bytes]) -> list[bytes]:
        at = chance.randrange(len(lines) - 1)
        count = chance.randrange(1, 4)
        return lines[:at] + lines[at + count :] if at + count < len(lines) else lines[:at]

    _change_checkpoints(directory, change)
    return {"KEY-CHAIN-BREAK"}


def swap_checkpoints(directory: Path, chance: random.Random) -> set[str]:
    def change(lines: list[bytes]) -> list[bytes]:
        at = chance.randrange(len(lines) - 1)
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
        return lines

    _change_checkpoints(directory, change)
    return {"KEY-CHAIN-BREAK"}


ATTACKS: tuple[Attack, ...] = (
    flip, flip_several, remove_lines, insert_line, swap_lines, rewrite_from, delete_segment, cut_tail, cut_older,
    put_back, flip_checkpoint, forge_checkpoint, remove_checkpoints, swap_checkpoints,
)  # fmt: skip
