"""What logkit raises. One base class, so that a caller can catch all of it."""

import sys


class LogkitError(Exception):
    """The base of every error logkit raises on purpose."""


class ConfigError(LogkitError):
    """The configuration cannot be used; the message names every fault and what is allowed.

    Raised at start, by `configure()` and `get_logging_config()`, never by a logging call.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(
            f"logkit configuration has {count}:\n" + "\n".join(f"  - {fault}" for fault in faults)
        )


class AuditUnavailable(LogkitError):  # noqa: N818 - the public name, settled before the rule
    """The audit trail cannot be written, so the action that needed it did not happen."""


class AuditSchemaError(LogkitError):
    """An audit event is not in the catalog, or lacks a field that the catalog requires."""


def raise_if_asynchronous(error: BaseException) -> None:
    """Raise `error` again when it was thrown into our code by a signal handler and is meant for the task. (C17)

    Call it first in every `except Exception` that keeps a logging call from failing.
    """
    billiard = sys.modules.get("billiard.exceptions")
    if billiard is not None and isinstance(error, billiard.SoftTimeLimitExceeded):
        raise error
