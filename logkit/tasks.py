"""A task, whichever framework runs it: its context, from what came with it, and what its canonical line measures.

What came with it is untrusted: validated and bounded, or ignored. (C06)
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Protocol

from logkit import carrier
from logkit.context import Context
from logkit.parsers import Secret
from logkit.pipeline import current_settings
from logkit.settings import DEVELOPMENT_KEY
from logkit.trace import is_request_id

OF_A_TASK = frozenset({"task_id", "task", "root_id", "parent_id", "retries", "queue_ms"})

_ID = re.compile(r"[!-~]{1,255}")
LONGEST_NAME = 255
_MOST_RETRIES = 1_000_000


class Message(Protocol):
    """What came with a task: a message's headers, or what a framework made of them."""

    def get(self, name: str, /) -> Any: ...


def packed(context: Context, task_id: object) -> str:
    """The carrier of `context` for the task `task_id`."""
    now_ms = time.time_ns() // 1_000_000
    return carrier.pack(context, task_id=str(task_id), key=_key(), sent_ms=now_ms)


def task_fields(message: Message, *, task_id: object, task: object) -> dict[str, object]:
    """The fields of a task's context, from the headers of its message.

    A task without a request is a root: its request id is its root id, which retries and workers agree upon.
    """
    identity = str(task_id)
    carried = carrier.unpack(_carrier(message), task_id=identity, key=_key())
    root_id = _id(message.get("root_id")) or identity[:LONGEST_NAME]
    fields: dict[str, object] = {"request_id": root_id} if is_request_id(root_id) else {}
    fields.update(carried.fields)
    fields["task_id"] = identity[:LONGEST_NAME]
    fields["task"] = str(task)[:LONGEST_NAME]
    fields["root_id"] = root_id
    parent_id = _id(message.get("parent_id"))
    if parent_id and parent_id != identity:  # a retry names itself as its parent (C01)
        fields["parent_id"] = parent_id
    retries = message.get("retries")
    fields["retries"] = retries if type(retries) is int and 0 <= retries <= _MOST_RETRIES else 0
    if carried.sent_ms is not None:
        due_ms = max(carried.sent_ms, _milliseconds(message.get("eta")))
        fields["queue_ms"] = max(0, time.time_ns() // 1_000_000 - due_ms)
    return fields


def measures(context: Context, started_ns: int) -> dict[str, object]:
    """What the canonical line of a unit of work says of it: what it added itself, its queries, its run time."""
    scope = context.scope
    fields: dict[str, object] = dict(scope.fields) if scope else {}
    if scope and scope.database:
        fields.update(scope.database.fields())
    fields["duration_ms"] = round((time.perf_counter_ns() - started_ns) / 1e6, 3)
    return fields


def frames_from(trace: TracebackType | None, *, past: tuple[str, ...]) -> TracebackType | None:
    """The traceback without its first frames of the modules `past`; all of it where there are no others."""
    own = trace
    while own is not None and str(own.tb_frame.f_globals.get("__name__")).startswith(past):
        own = own.tb_next
    return own or trace


def _key() -> bytes:
    settings = current_settings()
    return _derived((settings.pseudonym_key if settings else None) or DEVELOPMENT_KEY)


@lru_cache(maxsize=1)
def _derived(secret: Secret) -> bytes:
    return carrier.derive_key(secret.reveal())


def _carrier(message: Message) -> object:
    """From the headers; the first version of Celery's protocol keeps them one level deeper."""
    found = message.get(carrier.HEADER)
    if found is None and isinstance(headers := message.get("headers"), Mapping):
        found = headers.get(carrier.HEADER)
    return found


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _milliseconds(eta: object) -> int:
    """Unix time of an ISO 8601 text, 0 where there is none."""
    try:
        return int(datetime.fromisoformat(eta).timestamp() * 1000) if isinstance(eta, str) else 0
    except (ValueError, OverflowError):
        return 0
