"""Which of Celery's own lines say what our events say."""

from __future__ import annotations

from logkit import chatter

_SAID_ANYWAY = {
    "celery.apps.worker": ("%s ready.", "worker: Warm shutdown", "worker: Cold shutdown"),
    "celery.app.trace": ("Task %(name)s[%(id)s]",),
    "celery.worker.strategy": ("Task %(name)s[%(id)s]",),
    "celery.worker.request": (
        "Discarding revoked task",
        "Hard time limit",
        "Task handler raised error",
        "Task %s[%s] retry",
    ),
    "celery.worker.consumer.consumer": (
        "Can't decode message body",
        "Received and deleted unknown message",
        "Received unregistered task",
        "Received invalid task message",
    ),
}


def connect() -> None:
    chatter.fold(_SAID_ANYWAY)
