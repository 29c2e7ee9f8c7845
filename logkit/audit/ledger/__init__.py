"""Writing a stream: many processes and threads, one chained line at a time, without a daemon."""

from logkit.audit.ledger.ledger import Appended, Ledger

__all__ = ["Appended", "Ledger"]
