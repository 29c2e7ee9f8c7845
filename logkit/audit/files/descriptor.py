"""A file descriptor with an owner, so that a number that was closed and given out again is never used."""

from __future__ import annotations

import os


class Descriptor:
    """A file descriptor that is closed with its last user: a sync in another thread never meets a reused one."""

    __slots__ = ("fd", "name")

    def __init__(self, fd: int, name: str = "") -> None:
        self.fd = fd
        self.name = name

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
