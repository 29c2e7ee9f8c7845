"""Management commands: each has an id, which the tasks it sends carry, and one canonical line. (C15)

`command.finished` or `command.failed`, with the run time and the queries. A traceback is left to whoever catches the
exception; at the end of the process that is `process.crashed`, which still has the command's context.
"""

from __future__ import annotations

import time
from functools import wraps
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from loguru import logger

from logkit import audit
from logkit.context import Context, Scope, current_context, get_context, set_context
from logkit.tasks import measures
from logkit.trace import new_request_id

# Programs rather than units of work: what they run has a context of its own.
PROGRAMS = frozenset({"db_worker", "dbshell", "logkit", "runserver", "shell", "test", "testserver"})

# Their output is data, which a line on the same stdout would spoil: their line is DEBUG while all goes well.
PRINT_DATA = frozenset(
    {
        "diffsettings",
        "dumpdata",
        "help",
        "inspectdb",
        "showmigrations",
        "sqlflush",
        "sqlmigrate",
        "sqlsequencereset",
        "version",
    }
)
_MARK = "_logkit_canonical"


def connect() -> None:
    """Wrap every command, once; after the audit capture, whose events then have the command's context. (C09)"""
    original = BaseCommand.execute
    if hasattr(original, _MARK):
        return

    @wraps(original)
    def execute(self: BaseCommand, *args: Any, **options: Any) -> Any:
        name = type(self).__module__.rpartition(".")[2]
        if name in PROGRAMS:
            return original(self, *args, **options)
        outer, started_ns = get_context(), time.perf_counter_ns()
        context = Context({"request_id": new_request_id(), **current_context(), "command": name}, Scope())
        set_context(context)
        try:
            output = original(self, *args, **options)
        except BaseException as error:
            _finish(name, context, started_ns, error)
            is_last = isinstance(error, Exception) and getattr(self, "_called_from_command_line", False)
            set_context(context if is_last else outer)
            raise
        _finish(name, context, started_ns, None)
        set_context(outer)
        return output

    setattr(execute, _MARK, True)
    BaseCommand.execute = execute  # type: ignore[method-assign]


def _finish(name: str, context: Context, started_ns: int, error: BaseException | None) -> None:
    """Write the canonical line."""
    if get_context().scope is not context.scope:  # the command left a context of its own behind
        set_context(context)
    fields = measures(context, started_ns)
    exit_code = _exit_code(error)
    if exit_code is not None:
        fields["exit_code"] = exit_code
    if exit_code == 0 or error is None:
        fields["outcome"] = "success"
        logger.bind(**fields).log("DEBUG" if name in PRINT_DATA else "INFO", "command.finished")
    else:
        fields |= {"outcome": "failure", "exception_type": type(error).__qualname__}
        logger.bind(**fields).error("command.failed")
    audit.settle(context)


def _exit_code(error: BaseException | None) -> int | None:
    """What the command itself says that the process shall end with."""
    if isinstance(error, CommandError):
        return error.returncode
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    return None
