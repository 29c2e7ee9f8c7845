"""A backend that tries again: as those do which a project may install, through the framework's signals."""

from importlib import import_module
from typing import Any

from django.utils import timezone
from django.utils.crypto import get_random_string

from tests.tasks_site import FRAMEWORK

base = import_module(f"{FRAMEWORK}.base")
signals = import_module(f"{FRAMEWORK}.signals")
BaseTaskBackend = import_module(f"{FRAMEWORK}.backends.base").BaseTaskBackend


class AgainBackend(BaseTaskBackend):  # type: ignore[misc, valid-type]
    """Runs a task in the caller's process, a second time when the first one fails."""

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        result = base.TaskResult(
            task=task,
            id=get_random_string(32),
            status=base.TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=args,
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        signals.task_enqueued.send(type(self), task_result=result)
        for left in (1, 0):
            result.worker_ids.append("worker-1")
            signals.task_started.send(type(self), task_result=result)
            status = base.TaskResultStatus.SUCCESSFUL
            try:
                task.call(*args, **kwargs)
            except ValueError:
                status = base.TaskResultStatus.READY if left else base.TaskResultStatus.FAILED
            object.__setattr__(result, "status", status)
            signals.task_finished.send(type(self), task_result=result)
            if status == base.TaskResultStatus.SUCCESSFUL:
                break
        return result
