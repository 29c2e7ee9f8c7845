"""Stating events: `emit`, `aemit`, `record` for a ready-made `AuditEvent`, `settle` for ends of units of work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import replace

from logkit.audit.catalog import EventType, find
from logkit.audit.emit import deferred
from logkit.audit.emit.deferred import Deferred
from logkit.audit.emit.offload import in_thread
from logkit.audit.emit.unit import unit_of, write_or_count
from logkit.audit.events import Actor, AuditEvent, Outcome, Receipt, Targets
from logkit.audit.trail import AuditTrail, current, install
from logkit.context import Context, current_context, get_context
from logkit.errors import AuditUnavailable

__all__ = ["AuditTrail", "aemit", "current", "emit", "event_of", "install", "record", "settle", "was_stated"]

_NOTHING: Mapping[str, object] = {}


def emit(
    event: str,
    *,
    outcome: Outcome = "success",
    reason: str | None = None,
    actor: Actor | None = None,
    target: Targets = None,
    detail: Mapping[str, object] = _NOTHING,
    change: Mapping[str, object] | None = None,
) -> Receipt:
    """State that something happened. It is durable when this returns, unless the receipt's `state` says otherwise.

    Inside a database transaction a success waits for the commit (`deferred`); a failure or a denial never does.
    `actor` None is whoever the context speaks of. `detail` is limited to what the catalog allows for `event`.
    Blocks for the disk: in async code, `await aemit(...)`; there, a call of this one is reported, once.

    Raises `AuditSchemaError` in dev and test for what the catalog does not allow (in production it is written with
    `schema_error`), and `AuditUnavailable` when neither the ledger nor its spool takes the event; best-effort events
    are counted instead.
    """
    return record(
        AuditEvent(
            event, outcome=outcome, reason=reason, actor=actor, target=target, detail=detail, change=change
        )
    )


async def aemit(
    event: str,
    *,
    outcome: Outcome = "success",
    reason: str | None = None,
    actor: Actor | None = None,
    target: Targets = None,
    detail: Mapping[str, object] = _NOTHING,
    change: Mapping[str, object] | None = None,
) -> Receipt:
    """`emit()` for async code.

    The whole of it runs in a thread with this task's context: the ledger takes a file lock and waits for the disk,
    which no event loop can do without standing still. A cancelled caller does not take the event back.
    """
    stated = AuditEvent(
        event, outcome=outcome, reason=reason, actor=actor, target=target, detail=detail, change=change
    )
    return await asyncio.shield(in_thread(record, stated))


def record(event: AuditEvent) -> Receipt:
    """Take a ready-made event; see `emit()`."""
    trail, context = current(), current_context()
    is_done = event.outcome == "success" and event.stage == "single"
    transaction = deferred.transactions().open() if is_done else None
    if transaction is not None:
        if _may_be_lost(find(event.event)):
            transaction = None
        else:
            event = replace(event, tx="committed")
    envelope = trail.seal_up(event, context)
    kind = envelope.kind
    if not trail.enabled:
        return Receipt(event.id, kind.stream, None, "off")
    if not trail.records(envelope):
        return Receipt(event.id, kind.stream, None, "below_level")
    if deferred.orphans:
        deferred.settle_orphans()
    unit = unit_of(context)
    if unit is not None:
        unit.stated.add(event.event)
    if transaction is not None:
        transaction.defer(Deferred(trail, event, envelope, context))
        return Receipt(event.id, kind.stream, None, "deferred")
    if is_done and not envelope.closed and _may_be_lost(kind):
        if unit is not None and unit.hold(trail, event, kind, context):
            return Receipt(event.id, kind.stream, None, "deferred")
        return write_or_count(trail, envelope)
    try:
        return trail.write(envelope)
    except AuditUnavailable:
        trail.count_loss(envelope)
        raise


def _may_be_lost(kind: EventType | None) -> bool:
    return kind is not None and kind.delivery == "best_effort"


def settle(context: Context | None = None) -> None:
    """A request, a task or a command ends: write what waited for that. Never raises.

    `context` is the unit's, when it is no longer the current one.
    """
    with contextlib.suppress(Exception):
        deferred.settle_orphans()
    scope = (context or get_context()).scope
    if scope is not None and scope.audit is not None:
        with contextlib.suppress(Exception):
            scope.audit.end()


def was_stated(event: str) -> bool:
    """Did this request, task or command state such an event already? For captures that would only repeat it."""
    unit = unit_of(get_context())
    return unit is not None and event in unit.stated


def event_of(log_record: logging.LogRecord, *, logger_name: str) -> AuditEvent | None:
    """The audit event that a record of the stdlib logger `logger_name`, or one below it, carries.

    `getLogger("mysite.audit").info(AuditEvent(...))`, or any message with `extra={"audit_event": AuditEvent(...)}`.
    Any other record is an ordinary line.
    """
    if log_record.name != logger_name and not log_record.name.startswith(logger_name + "."):
        return None
    carried = (
        log_record.msg if isinstance(log_record.msg, AuditEvent) else vars(log_record).get("audit_event")
    )
    return carried if isinstance(carried, AuditEvent) else None
