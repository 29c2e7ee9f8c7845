"""Where the carrier of a task waits for its worker: a cache that both share, because the framework has no headers.

What is found there is untrusted like everything that comes with a task: bounded, JSON, and validated field by field.
A cache that is away costs the task nothing but its correlation. (C04)
"""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from typing import Any

import orjson
from django.core.cache import BaseCache, caches
from django.utils import timezone

from logkit import carrier
from logkit.context import Context
from logkit.django.exchange import report
from logkit.errors import raise_if_asynchronous
from logkit.pipeline import current_settings
from logkit.settings import LogSettings
from logkit.tasks import Message, packed

_KEPT_S = 7 * 24 * 3600  # beyond the time at which the task may run
_LONGEST = 8192  # bytes
_IMPATIENT_S, _PATIENCE_S = 1.0, 0.02  # a worker may be faster than the sender's next statement


def message_of(context: Context, task_result: Any) -> Message:
    """What goes with a task that is enqueued in `context`."""
    task_id = str(task_result.id)
    run_after = task_result.task.run_after
    return {
        carrier.HEADER: packed(context, task_id),
        "root_id": context.get("root_id") or task_id,
        "parent_id": context.get("task_id"),
        "eta": run_after.isoformat() if run_after else None,
    }


def leave(message: Message, task_result: Any) -> None:
    """Put `message` where the task's worker looks for it."""
    run_after = task_result.task.run_after
    waits_s = max(0.0, -_age_s(run_after)) if run_after else 0.0
    try:
        _cache().set(_key(task_result), orjson.dumps(message).decode(), timeout=int(_KEPT_S + waits_s))
    except Exception as error:  # noqa: BLE001 - a cache backend may raise anything
        raise_if_asynchronous(error)
        report(error, "leave_carrier")


def find(task_result: Any) -> Message:
    """What came with a task, for its first attempt and every further one; nothing when nothing is there."""
    try:
        found = _cache().get(_key(task_result))
        enqueued_at = task_result.enqueued_at
        if found is None and enqueued_at is not None and _age_s(enqueued_at) < _IMPATIENT_S:
            time.sleep(_PATIENCE_S)
            found = _cache().get(_key(task_result))
        message = orjson.loads(found) if isinstance(found, str) and len(found) <= _LONGEST else {}
    except orjson.JSONDecodeError:
        return {}
    except Exception as error:  # noqa: BLE001 - a cache backend may raise anything
        raise_if_asynchronous(error)
        report(error, "find_carrier")
        return {}
    return message if isinstance(message, dict) else {}


def cache_alias() -> str:
    """The alias in CACHES of the cache that sender and workers share. (LOG_TASK_CACHE)"""
    return (current_settings() or LogSettings()).task_cache


def _cache() -> BaseCache:
    return caches[cache_alias()]


def _key(task_result: Any) -> str:
    """Whatever characters an id has, every cache takes this."""
    return f"logkit.task.{hashlib.sha256(str(task_result.id).encode('utf-8', 'replace')).hexdigest()[:32]}"


def _age_s(moment: datetime) -> float:
    """Seconds since `moment`, which has a time zone where the project uses them."""
    now = timezone.now()
    if timezone.is_aware(moment) != timezone.is_aware(now):
        moment = timezone.make_naive(moment) if timezone.is_aware(moment) else timezone.make_aware(moment)
    return (now - moment).total_seconds()
