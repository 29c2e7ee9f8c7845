"""What a test needs to speak about logging, without Django and pytest; `logkit.pytest_plugin` makes fixtures of it."""

from logkit.testing.audit import AuditCapture, capture_audit
from logkit.testing.canaries import Canaries, NoSecrets
from logkit.testing.capture import QUIET, Capture, capture, processes
from logkit.testing.frozen import FrozenLog
from logkit.testing.waiting import wait_until

__all__ = [
    "QUIET",
    "AuditCapture",
    "Canaries",
    "Capture",
    "FrozenLog",
    "NoSecrets",
    "capture",
    "capture_audit",
    "processes",
    "wait_until",
]
