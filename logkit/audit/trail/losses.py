"""What nothing could take: counted exactly, until an `audit.gap` in the trail says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from logkit.audit.events import Actor, AuditEvent
from logkit.audit.events.envelope import Envelope
from logkit.audit.notices import utc_text


@dataclass(slots=True)
class Loss:
    """Events of one stream that were lost for one cause."""

    count: int = 0
    events: set[str] = field(default_factory=set)
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    until: datetime = field(default_factory=lambda: datetime.now(UTC))

    def gap(self, stream: str, cause: str) -> AuditEvent:
        detail = {
            "lost": self.count,
            "from": utc_text(self.since),
            "to": utc_text(self.until),
            "cause": cause,
            "stream": stream,
            "events": sorted(self.events),
        }
        return AuditEvent("audit.gap", actor=Actor.system(), detail=detail)


class Losses:
    """The losses of one process that the trail does not know of yet. Thread-safe."""

    __slots__ = ("_lock", "_of", "waiting")

    def __init__(self) -> None:
        self.waiting = False  # is there anything to say?
        self._lock = threading.Lock()
        self._of: dict[tuple[str, str], Loss] = {}

    def count(self, envelope: Envelope, cause: str) -> None:
        with self._lock:
            loss = self._of.setdefault((envelope.kind.stream, cause), Loss())
            loss.count += 1
            loss.events.add(envelope.kind.name)
            loss.until = datetime.now(UTC)
            self.waiting = True

    def take(self) -> Iterator[tuple[tuple[str, str], Loss]]:
        """Everything counted so far, by stream and cause; it is the caller's now."""
        with self._lock:
            taken, self._of = self._of, {}
            self.waiting = False
        return iter(taken.items())

    def put_back(self, key: tuple[str, str], loss: Loss) -> None:
        """What could not be said after all."""
        with self._lock:
            newer = self._of.setdefault(key, loss)
            if newer is not loss:
                newer.count += loss.count
                newer.events |= loss.events
                newer.since = loss.since
            self.waiting = True
