"""The audit trail: who did what to what, when, and how it ended; kept apart, complete, provably unaltered."""

from logkit.audit import catalog
from logkit.audit.catalog import EventType
from logkit.audit.emit import aemit, emit, event_of, record, settle, was_stated
from logkit.audit.emit.action import Action, action
from logkit.audit.emit.deferred import waiting
from logkit.audit.events import Actor, AuditEvent, Receipt, Target

__all__ = [
    "Action",
    "Actor",
    "AuditEvent",
    "EventType",
    "Receipt",
    "Target",
    "action",
    "aemit",
    "catalog",
    "emit",
    "event_of",
    "record",
    "settle",
    "waiting",
    "was_stated",
]
