"""Compressing a closed segment: outside of any lock, checked before the original goes, safe to kill at any moment."""

from __future__ import annotations

import gzip
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from logkit.audit.files.segments import Segment, sync_directory

_TEMPORARY = ".compressing-"


def compress(segment: Segment) -> Path:
    """Replace `segment` by its `.gz`. Raises `OSError`, the original then untouched.

    Killed before the rename, a temporary file is left, which the next run replaces; killed after it, both are there
    and the original counts until it is compressed again.
    """
    directory, name = segment.path.parent, segment.path.name
    temporary = directory / f"{_TEMPORARY}{name}"
    status = segment.path.stat()
    try:
        with segment.path.open("rb") as source, temporary.open("wb") as raw:
            os.fchmod(raw.fileno(), status.st_mode & 0o777)
            if os.fstat(raw.fileno()).st_gid != status.st_gid:
                os.fchown(raw.fileno(), -1, status.st_gid)
            with gzip.GzipFile(filename=name, mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed:
                shutil.copyfileobj(source, packed, 1 << 20)
            raw.flush()
            os.fsync(raw.fileno())
        with segment.path.open("rb") as source, gzip.open(temporary) as packed_again:
            if _digest(source) != _digest(cast(BinaryIO, packed_again)):
                raise OSError(f"{name} does not come out of its compressed copy as it went in")
        target = directory / f"{name}.gz"
        temporary.rename(target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(directory)
    segment.path.unlink()
    sync_directory(directory)
    return target


def _digest(file: BinaryIO) -> bytes:
    digest = sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.digest()
