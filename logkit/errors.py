"""What logkit raises. One base class, so that a caller can catch all of it."""

import functools
import signal


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
    """Raise `error` again when a signal handler threw it into our code: it is meant for the program. (C17)

    A soft time limit and an alarm's `TimeoutError` are such. Call it first in every `except Exception` that keeps a
    logging call from failing.
    """
    handlers = {_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            raise error
        trace = trace.tb_next


def _code(handler: object) -> object:
    """What a handler runs; None for one that is not written in Python."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    return getattr(handler, "__code__", None)  # a bound method gives its function's


def os_reason(error: OSError) -> str:
    """`FILE: No such file or directory`: for people, without Python's number."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
