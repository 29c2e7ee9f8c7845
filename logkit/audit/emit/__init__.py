"""Stating events: at once, around an action, or when the transaction ends."""

from logkit.audit.emit.emit import aemit, emit, event_of, record, settle, was_stated

__all__ = ["aemit", "emit", "event_of", "record", "settle", "was_stated"]
