"""What a task costs: published by a request, started, one application line, succeeded. Celery's signals alone.

Each stack as its documentation says, JSON on stdout at INFO. django-structlog writes three lines of its own for this
(`task_enqueued`, `task_started`, `task_succeeded`), logkit one; both write the application's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery, signals
from celery.app.task import Context as Request

_ID, _PARENT = "7d8fcb36-8d46-4d21-9c21-4d2f10ed9f2d", "0c64aef8-27d4-4ba1-a1a2-6f9f7b0c9a1e"
_REQUEST = {"request_id": "6f9d2c1e-1111-4222-8333-abcdefabcdef", "user_id": 7}


def logkit() -> Callable[[], None]:
    from loguru import logger

    import logkit
    import logkit.celery
    from logkit.context import new_scope

    logkit.configure({"LOG_ENVIRONMENT": "dev", "LOG_FORMAT": "json", "AUDIT": "off"})
    publish, run = _task(lambda: logger.bind(circle_id=7, message_id=42).info("message.sent"))

    def once() -> None:
        with new_scope(_REQUEST):
            headers = publish()
        run(headers)

    return once


def django_structlog() -> Callable[[], None]:
    """https://django-structlog.readthedocs.io/en/latest/celery.html"""
    import django
    import structlog
    from django.conf import settings

    from benchmarks.cases import request

    settings.configure(**request.django_structlog(), DJANGO_STRUCTLOG_CELERY_ENABLED=True)
    django.setup()
    from django_structlog.celery.receivers import CeleryReceiver

    receiver = CeleryReceiver()  # its signals hold it weakly
    receiver.connect_worker_signals()
    log = structlog.get_logger("messaging.services")
    publish, run = _task(lambda: log.info("message.sent", circle_id=7, message_id=42))

    def once(receiver: object = receiver) -> None:
        structlog.contextvars.bind_contextvars(**_REQUEST)
        headers = publish()
        run(headers)

    return once


def _task(
    body: Callable[[], object],
) -> tuple[Callable[[], dict[str, Any]], Callable[[dict[str, Any]], None]]:
    """What publishes a task and what runs it, as far as anybody hears of it."""
    app = Celery("bench", broker="memory://")

    @app.task(name="messaging.deliver")
    def deliver() -> None: ...

    task = app.tasks["messaging.deliver"]
    delivery = {"exchange": "", "routing_key": "celery", "priority": 0, "redelivered": False}

    def publish() -> dict[str, Any]:
        headers: dict[str, Any] = {
            "lang": "py", "task": task.name, "id": _ID, "root_id": _PARENT, "parent_id": _PARENT, "retries": 0,
            "argsrepr": "()", "kwargsrepr": "{}", "origin": "gen1@bench",
        }  # fmt: skip
        told = {
            "sender": task.name,
            "headers": headers,
            "body": ((), {}, {}),
            "exchange": "",
            "routing_key": "celery",
        }
        signals.before_task_publish.send(**told, properties={}, declare=[], retry_policy={})
        signals.after_task_publish.send(**told)
        return headers

    def run(headers: dict[str, Any]) -> None:
        task.request_stack.push(
            Request(
                headers,
                args=(),
                kwargs={},
                called_directly=False,
                delivery_info=delivery,
                hostname="worker@bench",
            )
        )
        try:
            signals.task_prerun.send(sender=task, task_id=_ID, task=task, args=(), kwargs={})
            body()
            signals.task_success.send(sender=task, result=None, runtime=0.001)
            signals.task_postrun.send(
                sender=task, task_id=_ID, task=task, args=(), kwargs={}, retval=None, state="SUCCESS"
            )
        finally:
            task.request_stack.pop()

    return publish, run
