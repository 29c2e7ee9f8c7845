"""Following files as they grow, are renamed, cut short, deleted and made again; no line lost, none doubled.

Polls: it works on every file system, and one look at a quiet file costs microseconds.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from logkit.tail.sources import BLOCK, InputError, end_of_lines, lines_backwards

Lines = list[bytes]

_INTERVAL_MS = 25
_MARK = 256  # bytes before our position by which a file is recognised
_RETIRED_SECONDS = 30.0  # how long a renamed file is still read: its writers learn late of the new one


class _Open:
    """An open file, read up to `position`; `partial` is the start of a line whose end is not written yet."""

    def __init__(self, path: Path, *, at_end: bool = False) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.position = position = end_of_lines(self.fd) if at_end else 0
        self.partial = b""
        self.mark = os.pread(self.fd, min(_MARK, position), max(position - _MARK, 0))
        self.quiet_since = time.monotonic()
        self._seen_mtime = 0

    @property
    def identity(self) -> tuple[int, int]:
        stat = os.fstat(self.fd)
        return stat.st_dev, stat.st_ino

    def read(self) -> Lines:
        """Whole lines that came since the last look."""
        lines: Lines = []
        while data := os.pread(self.fd, BLOCK, self.position):
            lines += self.take(data)
        return lines

    def take(self, data: bytes) -> Lines:
        self.position += len(data)
        self.mark = (self.mark + data)[-_MARK:]
        self.quiet_since = time.monotonic()
        *lines, self.partial = (self.partial + data).split(b"\n")
        # A writer that did not open for appending leaves a hole of zeros where a cut file used to be.
        return [line.lstrip(b"\0") for line in lines]

    def was_cut(self) -> bool:
        """Is what we read no longer there? Then the file was truncated, and may have grown again since."""
        stat = os.fstat(self.fd)
        if stat.st_size < self.position:
            return True
        if stat.st_mtime_ns == self._seen_mtime:
            return False
        self._seen_mtime = stat.st_mtime_ns
        return os.pread(self.fd, len(self.mark), self.position - len(self.mark)) != self.mark

    def start_again(self) -> Lines:
        """Begin at the start of the file; a line that never got its end counts as one."""
        rest = [self.partial] if self.partial else []
        self.position, self.partial, self.mark = 0, b"", b""
        return rest

    def close(self) -> Lines:
        os.close(self.fd)
        return [self.partial] if self.partial else []


class Followed:
    """One path through all its lives."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._retired: list[_Open] = []
        self._known = self._siblings()
        self.latest = ""  # the time to merge by, never going back
        try:
            self._current: _Open | None = _Open(self._path, at_end=True)
        except FileNotFoundError:
            self._current = None
        except OSError as error:
            raise InputError(path, error) from None

    @property
    def exists(self) -> bool:
        return self._current is not None

    def lines_before(self) -> Iterator[bytes]:
        """The lines that were there at the start, the last one first; to be read before the first poll."""
        return lines_backwards(self._current.fd, self._current.position) if self._current else iter(())

    def poll(self) -> Lines:
        """Whole lines that came since the last look, in the order they were written."""
        lines: Lines = []
        for old in list(self._retired):
            lines += old.read()
            if time.monotonic() - old.quiet_since > _RETIRED_SECONDS:
                self._retired.remove(old)
                lines += old.close()
        current = self._current
        if current is not None:
            if current.was_cut():
                lines += self._lost_to_the_cut(current) + current.start_again()
                self._known = self._siblings()
            lines += current.read()
        if self._is_another():
            lines += self._move_on()
        return lines

    def close(self) -> None:
        for file in [*self._retired, *([self._current] if self._current else [])]:
            file.close()

    def _is_another(self) -> bool:
        try:
            stat = self._path.stat()
        except OSError:
            return False  # deleted or renamed away, and not made again yet: our descriptor still reads the old one
        return self._current is None or (stat.st_dev, stat.st_ino) != self._current.identity

    def _move_on(self) -> Lines:
        """The path is another file now: read the old one to its end, what came and went in between, and the new one."""
        try:
            new = _Open(self._path)
        except OSError:  # gone again, or not readable yet: looked at again soon
            return []
        lines: Lines = []
        if self._current is not None:
            lines += self._current.read()
            self._retired.append(self._current)
            lines += self._came_and_went(new)
        self._current = new
        self._known = self._siblings()
        return lines + new.read()

    def _came_and_went(self, new: _Open) -> Lines:
        """Lines of files that had the path, and lost it to the next rotation, since the last look."""
        lines: Lines = []
        seen = {new.identity, *(old.identity for old in self._retired)}
        heads = {self._head(old.fd) for old in self._retired}
        for path, identity in sorted(self._siblings().items(), key=lambda item: item[0].stat().st_mtime_ns):
            if identity in seen or identity in self._known.values() or path.suffix == ".gz":
                continue
            file = _Open(path)
            if self._head(file.fd) in heads:  # a copy of what we read already
                file.close()
                continue
            lines += file.read()
            self._retired.append(file)
        return lines

    def _lost_to_the_cut(self, current: _Open) -> Lines:
        """Lines between our position and the cut. Log rotation by copying left them in the copy, if anywhere."""
        if not current.mark:
            return []
        for path in sorted(self._siblings(), key=lambda path: path.stat().st_mtime_ns, reverse=True):
            with path.open("rb") as copy:
                copy.seek(current.position - len(current.mark))
                if copy.read(len(current.mark)) == current.mark:
                    return current.take(copy.read())
        return []

    def _siblings(self) -> dict[Path, tuple[int, int]]:
        """Files beside this one whose names begin with its own: where rotation puts what it takes away."""
        found = {}
        for path in self._path.parent.glob(f"{_escaped(self._path.name)}?*"):
            try:
                stat = path.stat()
            except OSError:
                continue
            if path.is_file():
                found[path] = (stat.st_dev, stat.st_ino)
        return found

    @staticmethod
    def _head(fd: int) -> bytes:
        return os.pread(fd, _MARK, 0)


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def batches(followed: list[Followed]) -> Iterator[list[tuple[Followed, Lines]]]:
    """What came, each time something came. Ends with `BrokenPipeError` when nobody reads standard output any more."""
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)
    while True:
        came = [(file, lines) for file in followed if (lines := file.poll())]
        if came:
            yield came
        elif reader.poll(_INTERVAL_MS):
            raise BrokenPipeError
