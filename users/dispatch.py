"""From a committed change to the task that follows from it."""

from __future__ import annotations

from celery import signature
from django.db import transaction


def after_commit(task: str, *ids: object) -> None:
    """Publish `task` with `ids` as texts when the surrounding transaction commits, or now when there is none.

    Robust: with the broker away the commit stands and Django logs the error; the sweeps and "send it again" repair.
    """
    args = tuple(str(each) for each in ids)
    transaction.on_commit(lambda: signature(task, args=args).apply_async(), robust=True)
