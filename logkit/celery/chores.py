"""The audit trail's chores as tasks, and when beat should send them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.schedules import crontab

from logkit.context import add_fields

_SEAL_EVERY, _RECONCILE_EVERY = timedelta(minutes=1), timedelta(hours=1)
_MARK = "_logkit_chores"


def connect() -> None:
    """Every Celery application of this process gets the tasks, once. (C09)"""
    if not hasattr(shared_task, _MARK):
        for chore in (seal, expire, reconcile):
            shared_task(name=f"logkit.audit.{chore.__name__}", ignore_result=True)(chore)
        setattr(shared_task, _MARK, True)


def seal() -> None:
    """Seal what an idle trail has not sealed yet."""
    from logkit.audit import (
        chores,  # which needs cryptography, and so time that no client of a task has to spend
    )

    add_fields(checkpoints=chores.seal())


def expire() -> None:
    """Remove what AUDIT_RETENTION says is over."""
    from logkit.audit import chores

    add_fields(segments=chores.expire())


def reconcile() -> None:
    """Write down what killed processes could not say."""
    from logkit.audit import chores

    relayed, unknown = chores.reconcile()
    add_fields(relayed=relayed, unknown=len(unknown))


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Entries for Celery's `beat_schedule`: seal every minute, reconcile every hour, expire every night.

    The tasks need a worker on the machine (or the volume) that holds the trail. One that comes late is not run: the
    next one does the same.
    """
    return {
        "audit-seal": _entry("seal", _SEAL_EVERY, _SEAL_EVERY),
        "audit-reconcile": _entry("reconcile", _RECONCILE_EVERY, _RECONCILE_EVERY),
        "audit-expire": _entry("expire", crontab(hour="3", minute="17"), timedelta(hours=12)),
    }


def _entry(chore: str, schedule: object, expires: timedelta) -> dict[str, Any]:
    return {
        "task": f"logkit.audit.{chore}",
        "schedule": schedule,
        "options": {"expires": expires.total_seconds()},
    }
