"""What an audit event is: as it is stated, and on its way to the bytes of a ledger line."""

from logkit.audit.events.event import (
    Actor,
    AuditEvent,
    Id,
    Outcome,
    Receipt,
    State,
    Target,
    Targets,
)

__all__ = ["Actor", "AuditEvent", "Id", "Outcome", "Receipt", "State", "Target", "Targets"]
