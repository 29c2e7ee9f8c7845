"""One file that proves one record: its line, the way to a signed Merkle root, and the keys back to the pinned one.

`checker.py` verifies it offline, without logkit and without the trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from logkit.audit.files.checkpoints import Checkpoint, parse_checkpoint, read_checkpoints
from logkit.audit.files.merkle import inclusion_path, root_of
from logkit.audit.files.segments import leaf_hash, list_segments, read_lines, split_line
from logkit.audit.query import Filter, Progress, search
from logkit.errors import LogkitError

VERSION = 1


class ProofError(LogkitError):
    """The record cannot be proved; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A record and what binds it to the first public key."""

    stream: str
    seq: int
    line: bytes
    index: int
    size: int
    path: tuple[bytes, ...]
    checkpoints: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The proof file: JSON, texts as they stand in the trail."""
        first, last = parse_checkpoint(self.checkpoints[0]), parse_checkpoint(self.checkpoints[-1])
        return orjson.dumps(
            {
                "logkit_audit_proof": VERSION,
                "stream": self.stream,
                "seq": self.seq,
                "line": self.line.decode(),
                "index": self.index,
                "size": self.size,
                "path": [node.hex() for node in self.path],
                "root": last.root.hex(),
                "first_key": first.pk.hex(),
                "checkpoints": [line.decode() for line in self.checkpoints],
            },
            option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
        )


def prove(directories: Sequence[Path], identifier: str, *, progress: Progress | None = None) -> Proof:
    """Prove the record with the event id `identifier`, or the line `stream:seq`. Raises `ProofError`, `OSError`."""
    directory, seq, line = _found(directories, identifier, progress)
    lines = list(read_checkpoints(directory))
    for index, checkpoint_line in enumerate(lines):
        checkpoint = parse_checkpoint(checkpoint_line)
        if checkpoint.first <= seq < checkpoint.next:
            leaves = _leaves(directory, checkpoint)
            position = seq - checkpoint.first
            if root_of(leaves) != checkpoint.root or leaves[position] != leaf_hash(line):
                signed = f"what checkpoint {checkpoint.epoch} signed: run `logkit audit verify`"
                raise ProofError(f"line {seq} of {directory.name} is not {signed}")
            path = tuple(inclusion_path(leaves, position))
            return Proof(directory.name, seq, line, position, len(leaves), path, tuple(lines[: index + 1]))
    raise ProofError(f"line {seq} of {directory.name} is not sealed yet: run `logkit audit seal` first")


def _found(
    directories: Sequence[Path], identifier: str, progress: Progress | None
) -> tuple[Path, int, bytes]:
    stream, colon, number = identifier.partition(":")
    if colon and number.isdecimal():
        for directory in directories:
            if directory.name == stream:
                for segment in reversed(list_segments(directory)):
                    if segment.first <= int(number):
                        for line in read_lines(segment):
                            if line.startswith(b'{"seq":%d,' % int(number)):
                                return directory, int(number), line
                        break
        raise ProofError(f"there is no line {number} in the stream {stream!r}")
    for hit in search(directories, Filter(ids=(identifier,)), progress=progress):
        if hit.record.get("id") == identifier:
            directory = next(each for each in directories if each.name == hit.stream)
            return directory, split_line(hit.line)[0], hit.line
    raise ProofError(f"no record has the id {identifier!r}; an id is an event's `id`, or STREAM:SEQ")


def _leaves(directory: Path, checkpoint: Checkpoint) -> list[bytes]:
    segment = next((each for each in list_segments(directory) if each.name == checkpoint.segment), None)
    if segment is None:
        raise ProofError(f"the segment {checkpoint.segment} is gone")
    leaves = [leaf_hash(line) for line in read_lines(segment)]
    first, last = checkpoint.first - segment.first, checkpoint.next - segment.first
    if len(leaves) < last:
        raise ProofError(f"the segment {checkpoint.segment} was cut: run `logkit audit verify`")
    return leaves[first:last]
