"""The task that `planting` calls: its arguments are in Celery's own records."""

from __future__ import annotations

from celery import Celery

app = Celery("planting", broker="memory://", backend="cache+memory://")
app.conf.update(task_always_eager=True, worker_hijack_root_logger=False)


@app.task
def login(note: str, password: str) -> None:
    raise ValueError(note)
