"""Files that were rotated: their names, their compression, their end.

`app.jsonl` becomes `app-20261123T140211.123456Z.jsonl` (UTC, so names sort by time) and then the same with `.gz`.
Whoever writes to a file holds a shared `flock` on it; compression takes the exclusive one, so no late line is lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

_STAMP = "%Y%m%dT%H%M%S.%fZ"
_PATTERN = r"(\d{8}T\d{6}\.\d{6}Z)"
_PART = ".part"


def rotated(path: Path) -> list[tuple[datetime, Path]]:
    """The rotated files of `path`, compressed or not, oldest first, with the time of their rotation."""
    pattern = re.compile(re.escape(path.stem) + "-" + _PATTERN + re.escape(path.suffix) + r"(?:\.gz)?")
    found = []
    for file in path.parent.iterdir():
        if match := pattern.fullmatch(file.name):
            with contextlib.suppress(ValueError):
                found.append((datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC), file))
    return sorted(found)


def next_name(path: Path) -> Path:
    """A name for `path` as it is rotated now: later than every other, even when the clock went back."""
    moment = datetime.now(UTC)
    if existing := rotated(path):
        moment = max(moment, existing[-1][0] + timedelta(microseconds=1))
    return path.with_name(f"{path.stem}-{moment.strftime(_STAMP)}{path.suffix}")


def needs_tidying(path: Path, retention: timedelta) -> bool:
    files = rotated(path)
    oldest = datetime.now(UTC) - retention
    return any(file.suffix != ".gz" or moment < oldest for moment, file in files) or any(_parts(path))


def tidy(path: Path, retention: timedelta) -> None:
    """Delete the rotated files of `path` older than `retention`, compress the others; also what a kill left half-done.

    What cannot be done now, because a process still writes to it or the disk is full, is left for the next time.
    """
    oldest = datetime.now(UTC) - retention
    for moment, file in rotated(path):
        with contextlib.suppress(OSError):
            if moment < oldest:
                file.unlink()
            elif file.suffix != ".gz":
                compress(file)
    for part in _parts(path):
        if not part.with_name(part.name.removesuffix(_PART).removesuffix(".gz").removeprefix(".")).exists():
            part.unlink(missing_ok=True)


def compress(file: Path) -> bool:
    """Replace `file` by `file`.gz; False when somebody writes to it or is compressing it.

    A kill leaves a `.part`, which the next attempt overwrites, or both files, of which the `.gz` is then complete.
    """
    with file.open("rb") as source:
        try:
            fcntl.flock(source, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        status = os.fstat(source.fileno())
        if not status.st_nlink:
            return False  # another process was faster
        packed = file.with_name(file.name + ".gz")
        if not packed.exists():
            part = file.with_name(f".{packed.name}{_PART}")
            try:
                _pack(source.fileno(), part, status)
                part.rename(packed)
            except OSError:
                part.unlink(missing_ok=True)
                raise
        file.unlink()
        return True


def _pack(source: int, part: Path, status: os.stat_result) -> None:
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        os.fchmod(target.fileno(), status.st_mode & 0o777)
        with (
            gzip.GzipFile("", "wb", 6, target, mtime=status.st_mtime) as packer,
            os.fdopen(os.dup(source), "rb") as lines,
        ):
            shutil.copyfileobj(lines, packer, 1 << 20)
        target.flush()
        os.utime(target.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(target.fileno())


def _parts(path: Path) -> Iterator[Path]:
    pattern = re.compile(rf"\.{re.escape(path.stem)}-{_PATTERN}{re.escape(path.suffix)}\.gz\{_PART}")
    return (file for file in path.parent.iterdir() if pattern.fullmatch(file.name))
