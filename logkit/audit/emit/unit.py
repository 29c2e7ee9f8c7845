"""What the trail knows of one request, task or command: what was stated in it, and the reads it adds up."""

from __future__ import annotations

import threading
from dataclasses import replace

from logkit.audit.catalog import EventType
from logkit.audit.events import AuditEvent, Receipt
from logkit.audit.events.envelope import Envelope
from logkit.audit.trail import AuditTrail
from logkit.context import Context
from logkit.errors import AuditUnavailable

MAX_KINDS = 64  # different events that one unit of work may hold back; further ones are written at once

Key = tuple[object, ...]


class Unit:
    """One unit of work. Repeats of a best-effort event are added up and written once, when it ends.

    Threads of the same request may share it.
    """

    __slots__ = ("_held", "_lock", "_over", "stated")

    def __init__(self) -> None:
        self.stated: set[str] = (
            set()
        )  # names of events, so that a capture does not repeat what an app said better
        self._held: dict[Key, _Held] = {}
        self._lock = threading.Lock()
        self._over = False

    def hold(self, trail: AuditTrail, event: AuditEvent, kind: EventType, context: Context) -> bool:
        """Keep the event for the end; False when it has to be written now."""
        key = _key(event, kind)
        with self._lock:
            if self._over:
                return False
            held = self._held.get(key)
            if held is not None:
                held.add(event)
                return True
            if len(self._held) >= MAX_KINDS:
                return False
            self._held[key] = _Held(trail, event, kind, context)
            return True

    def end(self) -> None:
        """Write everything; what comes later is written at once."""
        with self._lock:
            self._over = True
            held, self._held = list(self._held.values()), {}
        for each in held:
            write_or_count(each.trail, each.trail.seal_up(each.total(), each.context))


def unit_of(context: Context) -> Unit | None:
    """The unit of work that `context` belongs to."""
    scope = context.scope
    if scope is None:
        return None
    if scope.audit is None:
        scope.audit = Unit()
    unit: Unit = scope.audit
    return unit


class _Held:
    __slots__ = ("context", "count", "event", "kind", "sums", "trail")

    def __init__(self, trail: AuditTrail, event: AuditEvent, kind: EventType, context: Context) -> None:
        self.trail, self.event, self.kind, self.context = trail, event, kind, context
        self.count = 1
        self.sums = {name: _number(event.detail.get(name)) for name in kind.sums}

    def add(self, event: AuditEvent) -> None:
        self.count += 1
        for name in self.sums:
            self.sums[name] += _number(event.detail.get(name))

    def total(self) -> AuditEvent:
        if self.count == 1:
            return self.event
        return replace(self.event, detail={**self.event.detail, **self.sums, "coalesced": self.count})


def write_or_count(trail: AuditTrail, envelope: Envelope) -> Receipt:
    """Write a best-effort event without waiting for the disk; when nothing takes it, count it."""
    try:
        return trail.write(envelope, durable=False)
    except AuditUnavailable:
        trail.count_loss(envelope)
        return Receipt(envelope.id, envelope.kind.stream, None, "lost")


def _key(event: AuditEvent, kind: EventType) -> Key:
    target = event.target if isinstance(event.target, tuple) else (event.target,)
    told = tuple(sorted((name, repr(value)) for name, value in event.detail.items() if name not in kind.sums))
    return (event.event, event.reason, event.actor, repr(target), told)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
