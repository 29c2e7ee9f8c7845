"""What has to be done for the trail from time to time, whoever keeps the time: beat, cron, a systemd timer.

Processes seal while they write; these bound how long the last lines of an idle trail stay unsealed, how long expired
segments stay, and how long an intent without an outcome stays open. Each may run twice at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from logkit.audit.emit import emit
from logkit.audit.emit.reconcile import Reconciled, reconcile
from logkit.audit.ledger import Ledger
from logkit.audit.retention.expiry import apply
from logkit.audit.seal.keys import SealError
from logkit.audit.trail import current
from logkit.parsers import STREAMS

__all__ = ["Reconciled", "expire", "reconcile", "seal"]


def seal() -> int:
    """Drain the spool of every stream and seal it; how many checkpoints that made. Raises `OSError`.

    A stream that must not be sealed is reported as `audit.seal_alarm`, and the others are sealed all the same.
    """
    made = 0
    for ledger in _ledgers():
        try:
            ledger.drain()
            made += len(ledger.seal().lines)
        except SealError as alarm:
            current().alert("audit.seal_alarm", {"stream": ledger.stream, "alarm": str(alarm)})
        finally:
            ledger.tend()
            ledger.close()
    return made


def expire() -> int:
    """Remove the segments whose time is over (`AUDIT_RETENTION`), receipts first; how many.

    Does nothing where AUDIT_RETENTION_APPLY is off. Raises `RetentionRefused`, `SealError`, `OSError`.
    """
    settings = current().settings
    if not settings.retention_apply:
        return 0
    removed = 0
    for ledger in _ledgers():
        try:
            decisions = apply(ledger, keep=settings.retention_of(ledger.stream), emit=_state)
        finally:
            ledger.close()
        removed += sum(decision.do in ("expire", "finish") for decision in decisions)
    return removed


def _state(name: str, detail: Mapping[str, object]) -> None:
    emit(name, detail=detail)


def _ledgers() -> Iterator[Ledger]:
    """One of our own for each stream that there is; unlike the trail's they do their upkeep in the caller."""
    trail = current()
    settings = trail.settings
    for stream in STREAMS if trail.enabled else ():
        if (settings.directory / stream).is_dir() or (settings.spool_directory / stream).is_dir():
            yield trail.open_ledger(stream)
