"""Celery: the context travels with every task, and every attempt ends in one canonical line.

Importing this package in the project's Celery module connects everything, once per process. (C09) No task needs a
base class, and no receiver keeps anything: what a running attempt needs is on its own `task.request`. (C10)
`beat_schedule()` has beat look after the audit trail. Celery's own lines for the same facts are folded into ours;
`LOG_TASK_CHATTER=show` brings them back.

| event | level | said by |
|---|---|---|
| `task.published` | DEBUG | the process that sends the task |
| `task.received`, `task.started` | DEBUG | the worker |
| `task.succeeded`, `task.ignored` | INFO | the process that ran it |
| `task.failed` | ERROR; INFO where the task names the exception in `throws` | the process that ran it |
| `task.retried`, `task.rejected` | WARNING | the process that ran it |
| `task.interrupted` | DEBUG: its process was told to end, and the worker says why | the process that ran it |
| `task.lost` | ERROR: its process died, was killed by the hard time limit or by a cold shutdown | the worker |
| `task.revoked`, `task.unknown` | WARNING, ERROR | the worker |
| `worker.option_ignored` | WARNING | the program |
| `worker.started`, `worker.stopping`, `worker.stopped`, `beat.started` | INFO | the program |
"""

from logkit.celery import attempts, beat, chatter, chores, messages, parent, worker
from logkit.celery.chores import beat_schedule

__all__ = ["beat_schedule"]

messages.connect()
attempts.connect()
parent.connect()
chatter.connect()
worker.connect()
beat.connect()
chores.connect()
