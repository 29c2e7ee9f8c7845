"""What `logkit doctor` looks at in a project that has Celery: is the worker's log ours, do tasks keep their context?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from celery import current_app, signals

from logkit.findings import Finding, note, ok, problem, warning

_PATIENCE = 2.0  # seconds


def worker_findings() -> Iterator[Finding]:
    """Of the application that is the current one, which importing the project's Celery module makes."""
    if not any(name.startswith("logkit.celery.") and name != __name__ for name in sys.modules):
        yield warning(
            "worker",
            "logkit.celery is not imported: tasks lose their request, and Celery takes the log over.",
            "import logkit.celery in the project's Celery module.",
        )
        return
    app: Any = current_app
    if not signals.setup_logging.receivers:
        hijack = app.conf.worker_hijack_root_logger
        yield warning(
            "worker",
            f"Nobody answers Celery's setup_logging, and worker_hijack_root_logger is {hijack}.",
            "Leave logkit's receiver connected.",
        )
    else:
        yield ok("worker", "the root logger stays ours: Celery does not hijack it")
    yield from _broker(app)
    if app.conf.task_always_eager:
        yield warning(
            "tasks",
            "task_always_eager is on: tasks run inside of requests.",
            "Leave it to tests that want it.",
        )
    if "pickle" in {*app.conf.accept_content, app.conf.task_serializer}:
        yield warning(
            "tasks",
            "pickle is accepted: whoever writes to the broker runs code.",
            "accept_content = ['json']",
        )
    if not app.conf.worker_redirect_stdouts:
        yield note("worker", "worker_redirect_stdouts is off: what tasks print is no line")


def _broker(app: Any) -> Iterator[Finding]:
    with app.connection(connect_timeout=_PATIENCE) as connection:
        place = connection.as_uri()  # without its password
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        except Exception as error:  # noqa: BLE001 - each transport has errors of its own
            yield problem(
                "broker", f"{place} does not answer: {type(error).__name__}.", "Tasks cannot be sent."
            )
        else:
            yield ok("broker", f"{place} answers")
