"""Disks that fill up. One needs no right: a limit on the size of files, which the kernel answers with a short write and
then EFBIG. The other is a small tmpfs, where this machine lets us mount one."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

ROOMY = 8 * 1024 * 1024
SMALLEST = 600  # bytes: more than the head, less than a record of the tests


class SmallDisk(Protocol):
    """A directory for a trail. Everything on it is written by children, because a limit binds its whole process."""

    path: Path

    def fill_up(self, *, largest: int = SMALLEST) -> None:
        """From now on little can be written: 64 KiB on the disk, or files of `largest` bytes by this process."""

    def make_room(self) -> None:
        """As if somebody had cleaned up."""


class LimitedFiles:
    def __init__(self, path: Path) -> None:
        self.path = path

    def fill_up(self, *, largest: int = SMALLEST) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))

    def make_room(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


class Tmpfs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def fill_up(self, *, largest: int = SMALLEST) -> None:
        while (has := os.statvfs(self.path)).f_blocks * has.f_frsize == ROOMY:
            used = (has.f_blocks - has.f_bfree) * has.f_frsize
            with suppress(subprocess.CalledProcessError):  # another process wrote more meanwhile
                mount("-o", f"remount,size={used + 64 * 1024}", str(self.path))

    def make_room(self) -> None:
        mount("-o", f"remount,size={ROOMY}", str(self.path))


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@contextmanager
def mounted(point: Path) -> Iterator[None]:
    """A tmpfs at `point`; raises `CalledProcessError` where this machine lets nobody mount one."""
    mount("-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", str(point))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


def _may_mount() -> bool:
    with tempfile.TemporaryDirectory() as directory:
        try:
            with mounted(Path(directory)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


MAY_MOUNT = _may_mount()
KINDS = ("limit", "tmpfs") if MAY_MOUNT else ("limit",)


@contextmanager
def small_disk(kind: str, path: Path) -> Iterator[SmallDisk]:
    path.mkdir()
    if kind == "limit":
        yield LimitedFiles(path)
        return
    with mounted(path):
        yield Tmpfs(path)
