"""Events that wait for a commit: written when it comes, settled as rolled back when it does not.

Django tells nobody of a rollback, but it drops the callbacks that were to run at the commit. So the callback is an
object, and one that is finalised uncalled knows that there was no commit. The database's side is `Transactions`, which
`logkit.django` puts in place; without it nothing is ever deferred.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from weakref import WeakSet

from logkit.audit.events import AuditEvent
from logkit.audit.events.envelope import Envelope
from logkit.audit.events.ids import uuid7
from logkit.audit.trail import AuditTrail


class Transaction(Protocol):
    """One that this thread is in."""

    def defer(self, waiting: Deferred, /) -> None:
        """Have `waiting` called at the commit.

        Sets `waiting.was_rolled_back`, and `waiting.afterwards` when something is to be done once it is written.
        """
        ...


class Transactions(Protocol):
    """The database's side."""

    def open(self) -> Transaction | None:
        """The transaction that this thread is in."""
        ...

    def relay(self, older_than: timedelta, /) -> int:
        """Take to the ledger what was committed with its data and not written since; how many events.

        Raises `AuditUnavailable`.
        """
        ...


class NoTransactions:
    """Outside Django: every event is written at once."""

    def open(self) -> None:
        return None

    def relay(self, older_than: timedelta, /) -> int:
        return 0


_transactions: Transactions = NoTransactions()
_waiting: WeakSet[Deferred] = WeakSet()
orphans: deque[Deferred] = deque()  # finalised while their thread was inside the ledger


def transactions() -> Transactions:
    return _transactions


def set_transactions(new: Transactions) -> Transactions:
    """Put the database's side in place (`logkit.django` does, when Django is ready); returns the one before."""
    global _transactions
    before, _transactions = _transactions, new
    return before


class Deferred:
    """An event on its way to a commit. Calling it means: committed."""

    __slots__ = (
        "__weakref__",
        "_context",
        "_pid",
        "_rolled_back",
        "_settled",
        "_trail",
        "afterwards",
        "envelope",
        "event",
        "was_rolled_back",
    )

    def __init__(
        self, trail: AuditTrail, event: AuditEvent, envelope: Envelope, context: Mapping[str, object]
    ) -> None:
        self.event = event
        self.envelope = envelope
        self.was_rolled_back: Callable[[], bool] = lambda: True
        self.afterwards: Callable[[], None] | None = None
        self._trail = trail
        self._context = context
        self._settled = False
        self._rolled_back = False
        self._pid = os.getpid()
        _waiting.add(self)

    @property
    def uses_outbox(self) -> bool:
        """Is the event to be stored with the data it speaks of? (`AUDIT_OUTBOX`)"""
        return self._trail.settings.outbox

    def __call__(self) -> None:
        """The commit came. Never raises: what the event speaks of is done."""
        if not self._settled:
            self.settle(self._trail.write)

    def __del__(self) -> None:
        # Wherever the last reference went: in Django's rollback, in a garbage collection, at the interpreter's end.
        # Loguru's locks may be held by this thread, so Loguru is left out; the ledger's too, then it has to wait.
        if not self._settled and self._pid == os.getpid():  # a forked child's copy says nothing
            with contextlib.suppress(Exception):
                self._rolled_back = self.was_rolled_back()
                if self._trail.busy:
                    orphans.append(self)
                else:
                    self.settle(self._trail.write_directly)

    def settle(self, write: Callable[[Envelope], object]) -> None:
        """Say how it ended, with `write`. Of a plain event that was rolled back there is nothing to say."""
        self._settled = True
        _waiting.discard(self)
        envelope = self.envelope
        if self._rolled_back:
            if self.event.stage != "outcome":
                return
            envelope = self._trail.seal_up(_undone(self.event), self._context)
        try:
            write(envelope)
        except Exception:  # noqa: BLE001  a commit that is done must not fail of its record
            self._trail.count_loss(envelope)
            return
        if self.afterwards is not None and not self._rolled_back:
            try:
                self.afterwards()
            except Exception as error:  # noqa: BLE001  nor of what follows it; the relay finds what is left
                fields = {"event_id": envelope.id, "exception_type": type(error).__qualname__}
                self._trail.report("ERROR", "audit.outbox_failed", fields)


def pending() -> list[Deferred]:
    """What waits for a commit now, oldest first."""
    return sorted(_waiting, key=lambda each: each.event.id)


def waiting() -> list[AuditEvent]:
    """The events that wait for a commit now, oldest first; a `TestCase` never makes that commit. (A15)"""
    return [each.event for each in pending()]


def settle_orphans() -> None:
    """Write what finalisers could not."""
    while True:
        try:
            orphan = orphans.popleft()
        except IndexError:
            return
        orphan.settle(orphan._trail.write)


def _undone(event: AuditEvent) -> AuditEvent:
    return replace(
        event, id=uuid7(), time=datetime.now(UTC), outcome="failure", reason="rolled_back", tx="rolled_back"
    )
