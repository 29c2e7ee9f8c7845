"""`with audit.action(...)`: the intent is durable before the block runs, the outcome follows it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from logkit.audit.emit import deferred
from logkit.audit.emit.deferred import Deferred
from logkit.audit.emit.offload import in_thread
from logkit.audit.emit.unit import unit_of
from logkit.audit.events import Actor, AuditEvent, Outcome, Receipt, Targets
from logkit.audit.events.ids import uuid7
from logkit.audit.trail import AuditTrail, current
from logkit.context import EMPTY, Context, current_context
from logkit.errors import AuditUnavailable

_NOTHING: Mapping[str, object] = {}
# By name, because Django's must not be imported here: what these say is "you may not", not "it broke".
_DENIALS = frozenset({"PermissionDenied", "PermissionError"})


class Action:
    """A block that does not run unless the audit trail knows of it.

    Entering writes the intent and waits for the disk, outside any database transaction; when neither the ledger nor
    its spool takes it, `AuditUnavailable` is raised and nothing has happened (HTTP 503), except under break-glass
    (`AUDIT_FAIL_OPEN_UNTIL`). Leaving writes the outcome with the same `intent_id`: success (inside a transaction at
    its commit, or `rolled_back`), or, when the block raised, failure or denied. The exception passes through.

        with audit.action("data.export.requested", target=..., detail={...}) as act:
            act.add(export_id=make_export())

    `async with` does the same without blocking the event loop.
    """

    __slots__ = (
        "_added",
        "_context",
        "_outcome",
        "_reason",
        "_stated",
        "_trail",
        "outcome",
        "receipt",
    )

    def __init__(
        self,
        event: str,
        *,
        actor: Actor | None = None,
        target: Targets = None,
        detail: Mapping[str, object] = _NOTHING,
        change: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        self._stated = AuditEvent(
            event,
            outcome="unknown",
            reason=reason,
            actor=actor,
            target=target,
            detail=detail,
            change=change,
            stage="intent",
        )
        self._added: dict[str, object] = {}
        self._outcome: Outcome | None = None
        self._reason = reason
        self._context: Context = EMPTY
        self._trail: AuditTrail | None = None
        self.receipt: Receipt | None = None  # of the intent
        self.outcome: Receipt | None = None  # of the outcome

    @property
    def id(self) -> str:
        """The intent's id, which the outcome names as `intent_id`."""
        return self._stated.id

    def add(self, **detail: object) -> None:
        """Detail that only the block can know, for the outcome."""
        self._added.update(detail)

    def failed(self, reason: str) -> None:
        """The block ends without an exception, and still did not do what it was to do."""
        self._outcome, self._reason = "failure", reason

    def denied(self, reason: str) -> None:
        """The block ends without an exception because it was not allowed."""
        self._outcome, self._reason = "denied", reason

    def __enter__(self) -> Self:
        self._trail, self._context = trail, context = current(), current_context()
        envelope = trail.seal_up(self._stated, context)
        if not trail.enabled:
            self.receipt = Receipt(envelope.id, envelope.kind.stream, None, "off")
            return self
        deferred.settle_orphans()
        if (unit := unit_of(context)) is not None:
            unit.stated.add(self._stated.event)
        try:
            self.receipt = trail.write(envelope)
        except AuditUnavailable:
            if not trail.fails_open():
                raise
            trail.count_loss(envelope)
            self.receipt = Receipt(envelope.id, envelope.kind.stream, None, "lost")
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        trail = self._trail
        if trail is None:
            return
        event = self._ended(exc_type)
        transaction = deferred.transactions().open() if event.outcome == "success" else None
        if transaction is not None:
            event = replace(event, tx="committed")
        envelope = trail.seal_up(event, self._context)
        if not trail.enabled:
            self.outcome = Receipt(event.id, envelope.kind.stream, None, "off")
        elif transaction is not None:
            transaction.defer(Deferred(trail, event, envelope, self._context))
            self.outcome = Receipt(event.id, envelope.kind.stream, None, "deferred")
        else:
            try:
                self.outcome = trail.write(envelope)
            except AuditUnavailable:  # too late to refuse: it is done; reconcile will find the intent
                trail.count_loss(envelope)
                self.outcome = Receipt(event.id, envelope.kind.stream, None, "lost")

    async def __aenter__(self) -> Self:
        entered = threading.Event()
        try:
            return await asyncio.shield(in_thread(self._enter, entered))
        except asyncio.CancelledError as error:  # the block will not run, and nobody will leave it
            in_thread(self._abandon, entered, type(error))
            raise

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await asyncio.shield(in_thread(self.__exit__, exc_type, exc, tb))

    def _enter(self, entered: threading.Event) -> Self:
        try:
            return self.__enter__()
        finally:
            entered.set()

    def _abandon(self, entered: threading.Event, exc_type: type[BaseException]) -> None:
        entered.wait()
        if self.receipt is not None:
            self.__exit__(exc_type, None, None)

    def _ended(self, exc_type: type[BaseException] | None) -> AuditEvent:
        outcome: Outcome = self._outcome or "success"
        reason = self._reason
        if exc_type is not None:
            outcome = "denied" if exc_type.__name__ in _DENIALS else "failure"
            reason = _code(exc_type.__name__) if self._outcome is None else self._reason
        return replace(
            self._stated,
            id=uuid7(),
            time=datetime.now(UTC),
            stage="outcome",
            intent_id=self._stated.id,
            outcome=outcome,
            reason=reason,
            detail={**self._stated.detail, **self._added},
        )


action = Action  # how it is used: with audit.action(...)


def _code(name: str) -> str:
    """`ValueError` as a reason: `value_error`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()[:64]
