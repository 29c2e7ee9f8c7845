"""Celery: the context travels with every task, and every attempt ends in one canonical line.

Importing this package in the project's Celery module connects everything, once per process. (C09) No task needs a
base class, and no receiver keeps anything: what a running attempt needs is on its own `task.request`. (C10)

| event | level | said by |
|---|---|---|
| `task.published` | DEBUG | the process that sends the task |
| `task.received`, `task.started` | DEBUG | the worker |
| `task.succeeded`, `task.ignored` | INFO | the process that ran it |
| `task.failed` | ERROR; INFO where the task names the exception in `throws` | the process that ran it |
| `task.retried`, `task.rejected` | WARNING | the process that ran it |
| `task.interrupted` | INFO: its process was told to end; the worker says why | the process that ran it |
| `task.lost` | ERROR: the process died under it, or the hard time limit killed it | the worker |
| `task.revoked`, `task.unknown` | WARNING, ERROR | the worker |
| `worker.started`, `worker.stopping`, `worker.stopped`, `beat.started` | INFO | the program |
"""

from logkit.celery import attempts, beat, messages, parent, worker
from logkit.celery.worker import show_own_lines

__all__ = ["show_own_lines"]

messages.connect()
attempts.connect()
parent.connect()
worker.connect()
beat.connect()
