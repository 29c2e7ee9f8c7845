"""The trail of one process: events through Loguru to the ledgers of their streams, each acknowledged."""

from logkit.audit.trail.trail import LEVEL, AuditTrail, current, install, installed

__all__ = ["LEVEL", "AuditTrail", "current", "install", "installed"]
