"""What the gateway was told to do, and what it received. One lock; no I/O.

`GatewayState.admit()` decides the fate of one call; everything else reads or sets.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

Fate = Literal["accepted", "duplicate", "failed", "dropped"]

KEPT = 10_000  # received calls that can be listed; the counts go on


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the next calls are treated. Drops are used up before failures."""

    slow_ms: int = 0
    fail_next: int = 0
    fail_status: int = 503
    drop_next: int = 0

    def __post_init__(self) -> None:
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} is {value!r}: a whole number from {least} to {most} is allowed")

    @classmethod
    def parse(cls, given: object) -> Behaviour:
        """The behaviour that a control request asks for; what it leaves out is back to normal.

        Raises `ValueError` for anything else than an object with these numbers.
        """
        if not isinstance(given, dict):
            raise ValueError(  # noqa: TRY004 - a fault of what was sent, like the others
                f"an object is allowed, with {', '.join(_LIMITS)}"
            )
        unknown = sorted(set(given) - {setting.name for setting in fields(cls)})
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(_LIMITS)}")
        return cls(**given)


_LIMITS = {
    "slow_ms": (0, 60_000),
    "fail_next": (0, 1_000_000),
    "fail_status": (400, 599),
    "drop_next": (0, 1_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One call: what correlates it, and what became of it. Never its content."""

    key: str
    recipient_id: str
    message_id: str
    request_id: str
    traceparent: str
    fate: Fate


class GatewayState:
    """The behaviour and the record of one gateway; safe to share between its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._behaviour = Behaviour()
        self._received: deque[Received] = deque(maxlen=KEPT)
        self._counts: Counter[Fate] = Counter()
        self._accepted: set[str] = set()

    @property
    def behaviour(self) -> Behaviour:
        with self._lock:
            return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        with self._lock:
            self._behaviour = behaviour

    def forget(self) -> None:
        """Back to a fresh gateway: normal behaviour, nothing received."""
        with self._lock:
            self._behaviour = Behaviour()
            self._received.clear()
            self._counts.clear()
            self._accepted.clear()

    def admit(self, call: Received) -> Received:
        """Decide the fate of `call`, use up what was told, and remember it."""
        with self._lock:
            decided = replace(call, fate=self._fate(call.key))
            self._received.append(decided)
            self._counts[decided.fate] += 1
            return decided

    def _fate(self, key: str) -> Fate:
        told = self._behaviour
        if told.drop_next:
            self._behaviour = replace(told, drop_next=told.drop_next - 1)
            return "dropped"
        if told.fail_next:
            self._behaviour = replace(told, fail_next=told.fail_next - 1)
            return "failed"
        if key in self._accepted:
            return "duplicate"
        self._accepted.add(key)
        return "accepted"

    @property
    def received(self) -> tuple[Received, ...]:
        """The last calls, oldest first."""
        with self._lock:
            return tuple(self._received)

    def report(self) -> dict[str, Any]:
        """Counts and calls, ready for JSON."""
        with self._lock:
            return {
                "total": self._counts.total(),
                "counts": dict(self._counts),
                "received": [asdict(call) for call in self._received],
            }
