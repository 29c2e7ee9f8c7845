"""What the ledger has to say about itself: to the operational log (`alert`) and to the trail (`emit`).

Both are given from outside, because the ledger must not log while it is the thing that is being logged to. They are
called with no lock held.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

Alert = Callable[[str, Mapping[str, object]], None]
Emit = Callable[[str, Mapping[str, object]], None]
Aside = Callable[[Callable[[], None]], None]  # runs work that takes its time, somewhere

# Level at which the wiring logs each alert.
ALERT_LEVELS: Mapping[str, str] = {
    "audit.anchored": "INFO",
    "audit.drained": "WARNING",
    "audit.gap": "ERROR",
    "audit.head_lost": "CRITICAL",
    "audit.key_created": "WARNING",
    "audit.ledger_deleted": "CRITICAL",
    "audit.seal_alarm": "CRITICAL",
    "audit.seal_failed": "ERROR",
    "audit.spooled": "ERROR",
    "audit.sync_failed": "CRITICAL",
    "audit.torn": "WARNING",
    "audit.truncated": "CRITICAL",
    "audit.unavailable": "CRITICAL",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to report; `gap` is what the trail itself will say, when it is to say something."""

    name: str
    detail: Mapping[str, object]
    gap: Mapping[str, object] | None = field(default=None)


def gap(*, lost: int, since: str | None, cause: str, stream: str) -> dict[str, object]:
    """The detail of an `audit.gap` event: `lost` records between two times, and why."""
    now = utc_text(datetime.now(UTC))
    return {"lost": lost, "from": since or now, "to": now, "cause": cause, "stream": stream}


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def ignore(name: str, detail: Mapping[str, object]) -> None:
    """The seam left open."""


def at_once(work: Callable[[], None]) -> None:
    """In the caller."""
    work()
