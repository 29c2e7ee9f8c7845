"""The Celery tasks of messaging; they take ids and leave every decision to `messaging.dispatch`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task

from messaging import dispatch


@shared_task(name="messaging.fan_out")
def fan_out(message_id: str) -> int:
    return dispatch.fan_out(UUID(message_id))


# No limit of Celery's: PUSH_ATTEMPTS is one, kept in the row, where a lost worker cannot reset it.
@shared_task(bind=True, name="messaging.deliver", max_retries=None)
def deliver(self: Task[Any, Any], delivery_id: str, number: str) -> None:
    seconds = dispatch.attempt(UUID(delivery_id), int(number))
    if seconds is not None:
        raise self.retry(args=(delivery_id, str(int(number) + 1)), countdown=seconds)


@shared_task(name="messaging.recover")
def recover() -> int:
    return dispatch.recover()
