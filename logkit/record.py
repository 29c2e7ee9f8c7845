"""What a Loguru record carries for us: the context and the time, attached by the core patcher.

They travel as one stamp in the record's `extra`, so that they pass through any patcher added later with
`logger.patch()`, and so that a line made from a stdlib record can bring its own.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing import current_process
from pathlib import PurePath
from time import time_ns
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, TypeVar

from logkit.context import Context, current_context
from logkit.event import ExcInfo, Origin, Where

if TYPE_CHECKING:
    from loguru import Record

STAMP = "logkit.stamp"
AUDIT = "AUDIT"
AUDIT_NO = 60  # above CRITICAL: it never lowers Loguru's minimum, and no LOG_LEVEL silences it


K = TypeVar("K")
V = TypeVar("V")
_MISSING: Any = object()
# `Pipeline.deliver` and `Pipeline.wants`
Deliver = Callable[[int, str, int, Origin, str, Context, Mapping[str, object], Where, ExcInfo | None], None]
Wants = Callable[[int, str], bool]
Stamp = tuple[Context, int]  # the context of a record and its time, in ns since the Unix epoch


def stamp(record: Record) -> None:
    """The core patcher. A record that stands for an audit event carries nothing. (decision 11)"""
    if record["level"].no != AUDIT_NO:
        record["extra"][STAMP] = (current_context(), time_ns())


def take_stamp(extra: dict[Any, Any]) -> Stamp | None:
    """The stamp of a record, taken out of its fields; None when another handler of ours has taken it before.

    Where somebody replaced the core patcher there is none, and it is made now.
    """
    found: Stamp | None = extra.pop(STAMP, _MISSING)
    return (current_context(), time_ns()) if found is _MISSING else found


def origin(record: Record) -> Origin:
    """Where the call stands that a record was made for."""
    return origin_at(record["name"] or "", record["file"].path, record["line"], record["function"])


def where(record: Record) -> Where:
    """The process and thread that a record was made in."""
    process = record["process"]
    return where_of(process.id, process.name, record["thread"].name)


def where_now() -> Where:
    """This process and thread, for a line that no record stands behind."""
    return where_of(os.getpid(), current_process().name, threading.current_thread().name)


def origin_at(logger: str, file: str, line: int, function: str) -> Origin:
    """The one `Origin` of this line of code."""
    key = (logger, file, line, function)
    return origins.get(key) or _kept(origins, key, Origin(*key))


def origin_of(frame: FrameType, logger: str) -> Origin:
    """Where a frame is. An instruction's offset is at hand; its line would have to be searched for in a table."""
    code = frame.f_code
    key = (id(code), frame.f_lasti)
    known = _places.get(key)
    if known is not None and known[0] is code and known[1].logger == logger:
        return known[1]
    place = (code, origin_at(logger, code.co_filename, frame.f_lineno, code.co_name))
    if len(_places) >= _KEPT:
        _places.clear()
    _places[key] = place  # holds the code, so that its id cannot be another's
    return place[1]


def where_of(pid: int, process: str, thread: str) -> Where:
    """The one `Where` of this thread."""
    key = (pid, process, thread)
    return wheres.get(key) or _kept(wheres, key, Where(pid, program(process), thread))


_KEPT = 4096  # entries of a cache; it starts anew when full, which costs less than choosing a victim
_places: dict[tuple[int, int], tuple[CodeType, Origin]] = {}
origins: dict[tuple[str, str, int, str], Origin] = {}  # of `origin_at`, for who has no time to call it
wheres: dict[tuple[int | None, str | None, str | None], Where] = {}  # of `where_of`; no key has a None


def _kept(cache: dict[K, V], key: K, value: V) -> V:
    if len(cache) >= _KEPT:
        cache.clear()
    return cache.setdefault(key, value)


def program(process: str) -> str:
    """What a process is called: the main one after the program that it runs, a child as multiprocessing says."""
    return _PROGRAM if process == "MainProcess" else process


def _program() -> str:
    path = PurePath(sys.argv[0] if sys.argv and sys.argv[0] else "python")
    return path.parent.name if path.name == "__main__.py" else path.name


_PROGRAM = _program()
