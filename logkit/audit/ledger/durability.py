"""When a line is on the disk: the policy of AUDIT_FSYNC, and the durable mark that spares the others their sync."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from logkit.audit.files.descriptor import Descriptor
from logkit.audit.files.head import read_head, read_mark, store_mark
from logkit.audit.files.segments import fdatasync

SYNC_EVERY = 1.0  # seconds between syncs with AUDIT_FSYNC=interval


class Durability:
    """Makes lines of one stream durable: `always` before the acknowledgement, `interval` once a second, `never`."""

    def __init__(self, directory: Path, policy: str) -> None:
        self._directory = directory
        self._policy = policy
        self._synced_at = 0.0

    def sync(self, segment: Descriptor, seq: int, head_fd: int) -> None:
        """Make line `seq`, which is in `segment`, durable as the policy says. Raises `OSError`.

        `head_fd` is this process's head, or -1. The kernel groups the commits of many writers; a leader that syncs for
        all was faster, but a stopped leader stalls everybody.
        """
        if self._policy == "never":
            return
        if self._policy == "interval":
            now = time.monotonic()
            if now - self._synced_at < SYNC_EVERY:
                return
            self._synced_at = now
        with suppress(OSError):
            if head_fd >= 0 and read_mark(head_fd) > seq:
                return  # another writer's sync covered this line
        head, _ = read_head(self._directory)  # before the sync: what is written meanwhile is not covered
        fdatasync(segment.fd)
        covered = head.next_seq if head and head.segment == segment.name else 0
        with suppress(OSError):  # a mark that is behind costs a sync, nothing else
            if head_fd >= 0 and read_mark(head_fd) <= seq:
                store_mark(head_fd, max(covered, seq + 1))
