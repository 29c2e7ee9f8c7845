"""Where lines come from: standard input, files, gzip files; whole lines, in blocks, forwards or backwards."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from logkit.errors import LogkitError

BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 31  # zlib's: a gzip header, the largest window


class InputError(LogkitError):
    """A file that cannot be read; says which, and why."""

    def __init__(self, path: str | Path, error: Exception) -> None:
        super().__init__(f"{path}: {getattr(error, 'strerror', None) or error}")


def blocks(path: str) -> Iterator[list[bytes]]:
    """The lines of a file, without their ends, in blocks as they become available; `-` is standard input.

    Raises `InputError`. A gzip file that was cut off gives the lines it still holds first.
    """
    try:
        if path == "-":
            yield from _split(_plain(_pieces(sys.stdin.fileno())))
            return
        with Path(path).open("rb", buffering=0) as file:
            yield from _split(_plain(_pieces(file.fileno())))
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(path, error) from None


def originals(paths: Iterable[str]) -> list[str]:
    """`paths` without each `.gz` whose original is among them: a compression that was cut short leaves both."""
    given = list(paths)
    return [path for path in given if not path.endswith(".gz") or path.removesuffix(".gz") not in given]


def _pieces(fd: int) -> Iterator[bytes]:
    return iter(lambda: os.read(fd, BLOCK), b"")


def _plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, unpacked if they are gzip; files that were appended to each other are one."""
    first = next(pieces, b"")
    if not first.startswith(_GZIP):
        yield first
        yield from pieces
        return
    unpacker = zlib.decompressobj(_GZIP_FORMAT)
    for piece in chain((first,), pieces):
        left, is_full = piece, False
        while left or (is_full and not unpacker.eof):
            if unpacker.eof:
                unpacker = zlib.decompressobj(_GZIP_FORMAT)
            unpacked = unpacker.decompress(left, BLOCK)
            left, is_full = unpacker.unconsumed_tail or unpacker.unused_data, len(unpacked) == BLOCK
            yield unpacked
    if not unpacker.eof:
        raise EOFError("the gzip file was cut off")


def _split(pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    rest: list[bytes] = []
    for piece in pieces:
        first, *lines = piece.split(b"\n")
        rest.append(first)
        if lines:
            lines.insert(0, b"".join(rest))
            rest = [lines.pop()]
            yield lines
    if last := b"".join(rest):
        yield [last]


def lines_backwards(fd: int, end: int) -> Iterator[bytes]:
    """The lines of an open plain file before byte `end`, the last one first."""
    position, rest, is_last = end, b"", True
    while position > 0:
        size = min(BLOCK, position)
        position -= size
        rest, *lines = (os.pread(fd, size, position) + rest).split(b"\n")
        if is_last and lines:
            is_last = False
            if not lines[-1]:
                lines.pop()  # what follows the last newline
        yield from reversed(lines)
    if rest:
        yield rest


def end_of_lines(fd: int) -> int:
    """The position after the last newline of an open plain file."""
    position = os.fstat(fd).st_size
    while position > 0:
        size = min(BLOCK, position)
        position -= size
        found = os.pread(fd, size, position).rfind(b"\n")
        if found >= 0:
            return position + found + 1
    return 0


def is_plain_file(path: str) -> bool:
    """Can `path` be read backwards? Standard input, pipes and gzip files cannot."""
    file = Path(path)
    if path == "-" or not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(2) != _GZIP
