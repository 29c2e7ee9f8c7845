"""When to seal: after 1,000 records, 60 s, at rotation, and after a record of high severity.

Idle processes notice nothing; `logkit audit seal` from beat or cron bounds the last interval.
"""

from __future__ import annotations

import time
from pathlib import Path

from logkit.audit.files.checkpoints import (
    CHECKPOINTS_NAME,
    Checkpoint,
    checkpoint_hash,
    last_checkpoint,
    parse_checkpoint,
)
from logkit.audit.notices import Notice
from logkit.audit.seal.sealing import Sealing

RECORDS = 1_000
SECONDS = 60.0
_WHEN_BUSY = 0.05  # seconds until the next try while another process seals
_AFTER_FAILURE = 10.0


class SealSchedule:
    """What one process knows about how much is unsealed. Another process may have sealed; the file is asked first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen = 0  # the last number this process wrote
        self._segment = ""
        self._urgent = 0  # the last number of high severity
        self._sealed = -1  # every number below is sealed; -1: not asked yet
        self._sealed_at = time.monotonic()
        self._rotated = False
        self._not_before = 0.0
        self.is_pressing = False  # should `is_due` be asked at once, and not when it is convenient?

    def note(self, seq: int, segment: str, is_urgent: bool) -> None:
        """A line was written."""
        self._seen = seq
        if segment != self._segment:
            self._rotated = self._segment != ""
            self._segment = segment
        if is_urgent:
            self._urgent = seq
        if is_urgent or self._rotated or seq - self._sealed >= RECORDS:
            self.is_pressing = True

    def is_due(self) -> bool:
        now = time.monotonic()
        if now < self._not_before or not self._is_due(now):
            return False
        self._ask_file(now)
        return self._is_due(now)

    def done(self, sealing: Sealing) -> None:
        """What was written while it was sealed is for the next one: so the file is asked, not our own numbers."""
        now = time.monotonic()
        if sealing.is_busy:
            self._not_before = now + _WHEN_BUSY
            return
        self._sealed_at = now
        self._ask_file(now)
        self.is_pressing = self._is_due(now)
        if sealing.alarms:
            self.failed()

    def failed(self) -> None:
        self._not_before = time.monotonic() + _AFTER_FAILURE

    def _is_due(self, now: float) -> bool:
        return self._seen >= self._sealed and (
            self._seen - self._sealed >= RECORDS
            or self._urgent >= max(self._sealed, 1)
            or self._rotated
            or now - self._sealed_at >= SECONDS
        )

    def _ask_file(self, now: float) -> None:
        last = last_checkpoint(self._directory)
        if last is None:
            self._sealed = max(self._sealed, 0)
            return
        self._sealed = last.next
        age = time.time() - (self._directory / CHECKPOINTS_NAME).stat().st_mtime
        self._sealed_at = max(self._sealed_at, now - max(age, 0.0))
        if last.segment == self._segment:
            self._rotated = False


def notices_of(stream: str, sealing: Sealing) -> list[Notice]:
    """What the operational log hears of a sealing: the anchors above all."""
    notices = [Notice("audit.seal_alarm", {"stream": stream, "alarm": alarm}) for alarm in sealing.alarms]
    if sealing.new_key is not None:
        notices.append(Notice("audit.key_created", {"stream": stream, "public": sealing.new_key.hex()}))
    for line in sealing.lines:
        checkpoint = parse_checkpoint(line)
        anchor = {"stream": stream, "epoch": checkpoint.epoch, "next": checkpoint.next}
        notices.append(Notice("audit.anchored", {**anchor, "checkpoint": checkpoint_hash(line).hex()}))
    return notices


def sealed_detail(checkpoint: Checkpoint) -> dict[str, object]:
    """The detail of `audit.segment.sealed`: the segment takes no more lines, and all of them are under a seal."""
    return {
        "segment": f"{checkpoint.stream}/{checkpoint.segment}",
        "n": checkpoint.next - first_of(checkpoint.segment),
        "root": checkpoint.root.hex(),
        "stream": checkpoint.stream,
    }


def first_of(segment: str) -> int:
    """The first number of a segment, from its name."""
    return int(segment.rpartition("-")[2].partition(".")[0])
