"""What a Loguru record carries for us: the context and the time, attached by the core patcher.

They travel as one stamp in the record's `extra`, so that they pass through any patcher added later with
`logger.patch()`, and so that a line made from a stdlib record can bring its own.
"""

from __future__ import annotations

import sys
from pathlib import PurePath
from time import time_ns
from typing import TYPE_CHECKING, Any

from logkit.context import Context, current_context, get_context
from logkit.event import Origin, Where

if TYPE_CHECKING:
    from loguru import Record

STAMP = "logkit.stamp"
AUDIT = "AUDIT"
AUDIT_NO = 60  # above CRITICAL: it never lowers Loguru's minimum, and no LOG_LEVEL silences it


Stamp = tuple[Context, int]  # the context of a record and its time, in ns since the Unix epoch

PROGRAM = PurePath(sys.argv[0] if sys.argv and sys.argv[0] else "python").name
if PROGRAM == "__main__.py":
    PROGRAM = PurePath(sys.argv[0]).parent.name


def stamp(record: Record) -> None:
    """The core patcher."""
    record["extra"][STAMP] = (current_context(), time_ns())


def take_stamp(extra: dict[Any, Any]) -> Stamp:
    """The stamp of a record, taken out of its fields; one made now where somebody replaced the core patcher."""
    return extra.pop(STAMP, None) or (get_context(), time_ns())


def origin(record: Record) -> Origin:
    return Origin(record["name"] or "", record["file"].path, record["line"], record["function"])


def where(record: Record) -> Where:
    process = record["process"]
    return here(process.id, process.name, record["thread"].name)


def here(pid: int, process: str, thread: str) -> Where:
    return Where(pid, PROGRAM if process == "MainProcess" else process, thread)
