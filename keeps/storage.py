"""Files that are there whole or not at all: written beside their name, made durable, then renamed.

`atomic_writer` for any path; `AtomicStorage` for Django's file fields, under MEDIA_ROOT.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.utils.deconstruct import deconstructible

PARTIAL = ".partial-"  # what begins so was left by a killed process


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """A file to write (and read back) that becomes `path` when the block ends well, and is gone otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # the rename itself
    finally:
        os.close(descriptor)


def sha256_of(file: IO[bytes]) -> str:
    """The digest of all of `file`, in hex; leaves it at its start."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    return digest


@deconstructible(path="keeps.storage.AtomicStorage")
class AtomicStorage(FileSystemStorage):
    """MEDIA_ROOT with atomic writes. A name is used again on purpose: the new content replaces the old."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: File[bytes]) -> str:
        with atomic_writer(Path(self.path(name))) as file:
            for chunk in content.chunks():
                file.write(chunk)
        return name
