"""Tasks that end in every way that a task can end."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery import chord
from celery.exceptions import Ignore, Reject
from loguru import logger

import logkit
from tests.celery_app.app import app


class Expected(Exception):
    """A failure that the task names in `throws`."""


@app.task(name="work.nothing")
def nothing(*_: object) -> None:
    """Say one line."""
    logger.info("nothing.done")


@app.task(name="work.family", bind=True, max_retries=2)
def family(self: Any) -> None:
    """Fail once, then call a child, which calls a grandchild."""
    logger.info("family.met")
    if not self.request.retries:
        raise self.retry(countdown=0, exc=ValueError("not yet"))
    child.delay()


@app.task(name="work.child", bind=True, max_retries=1)
def child(self: Any) -> None:
    """Retry as a sub-task: its parent stays its parent."""
    logger.info("child.met")
    if not self.request.retries:
        raise self.retry(countdown=0)
    app.send_task("work.grandchild", headers={"caller": "own"})


@app.task(name="work.grandchild", bind=True)
def grandchild(self: Any) -> None:
    """Say which headers came along."""
    logger.bind(
        headers=sorted(self.request.headers or {}), caller=(self.request.headers or {}).get("caller")
    ).info("grandchild.met")


@app.task(name="work.add")
def add(a: int, b: int) -> int:
    return a + b


@app.task(name="work.total")
def total(numbers: list[int]) -> int:
    logger.bind(total=sum(numbers)).info("total.made")
    return sum(numbers)


@app.task(name="work.fail")
def fail() -> None:
    raise KeyError("broken")


@app.task(name="work.expect", throws=(Expected,))
def expect() -> None:
    raise Expected("as agreed")


@app.task(name="work.reject", acks_late=True)
def reject() -> None:
    raise Reject("no use", requeue=False)


@app.task(name="work.ignore")
def ignore() -> None:
    raise Ignore


@app.task(name="work.exit")
def leave() -> None:
    sys.exit(3)


@app.task(name="work.die")
def die() -> None:
    """End as a process that the kernel kills."""
    logger.info("death.near")
    os.kill(os.getpid(), 9)


@app.task(name="work.die_late", acks_late=True, reject_on_worker_lost=True)
def die_late(marker: str) -> None:
    """Die once; the message goes back to the queue."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), 9)


@app.task(name="work.overrun", time_limit=1)
def overrun() -> None:
    time.sleep(60)


@app.task(name="work.soft", soft_time_limit=1)
def soft() -> str:
    """Log without a pause, so that the limit strikes while a line is written."""
    try:
        while True:
            logger.bind(rows=["a row"] * 1000).info("soft.busy")
    except SoftTimeLimitExceeded:
        logger.info("soft.caught")
    return "caught"


@app.task(name="work.fields")
def fields() -> None:
    """Bind, print, and put a field on the canonical line."""
    logkit.bind_context(circle_id=7)
    logkit.add_fields(rows=12)
    print("printed by hand")
    logger.info("fields.bound")


@app.task(name="work.eager", bind=True)
def eager(self: Any) -> None:
    """Run another task inside of this one."""
    logkit.bind_context(circle_id=7)
    fields.apply()
    logger.info("eager.over")


@app.task(name="work.thread")
def in_thread() -> None:
    """Leave a thread behind that speaks when its task is over, and one that carries the context."""
    threading.Timer(0.3, lambda: logger.info("thread.late")).start()
    with logkit.ContextExecutor(1) as executor:
        executor.submit(logger.info, "thread.carried").result()


@app.task(name="work.sets", bind=True)
def sets(self: Any) -> None:
    """Publish from a context that holds what no header could."""
    with logkit.bound_context(a={1, 2}, b=ValueError("x"), c=object(), user_id={3}, session="s" * 9999):
        nothing.delay()


@app.task(name="work.chatty")
def chatty(seconds: float = 0.2) -> None:
    """Log from several threads for a while."""
    until = time.monotonic() + seconds

    @logkit.carry_context
    def talk() -> None:
        while time.monotonic() < until:
            logger.bind(padding="x" * 50).info("chatty.line")
            time.sleep(0.001)

    threads = [threading.Thread(target=talk) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@app.task(name="work.wait")
def wait(seconds: float) -> None:
    time.sleep(seconds)


@app.task(name="work.wait_late", acks_late=True)
def wait_late(seconds: float) -> None:
    """Wait, with a message that comes back when nobody acknowledges it."""
    time.sleep(seconds)


@app.task(name="soak.root", bind=True, acks_late=True, reject_on_worker_lost=True, max_retries=3)
def soak_root(self: Any, number: int) -> None:
    """Retry now and then, call sub-tasks, sometimes a chord."""
    logger.bind(number=number).info("soak.worked")
    if number % 5 == 0 and not self.request.retries:
        raise self.retry(countdown=0)
    for leaf in range(3):
        soak_leaf.delay(number, leaf)
    if number % 10 == 0:
        chord([soak_leaf.s(number, leaf) for leaf in (3, 4)])(soak_total.s(number))


@app.task(name="soak.leaf", acks_late=True, reject_on_worker_lost=True)
def soak_leaf(number: int, leaf: int) -> int:
    logger.bind(number=number, leaf=leaf).info("soak.worked")
    return leaf


@app.task(name="soak.total", acks_late=True, reject_on_worker_lost=True)
def soak_total(leaves: list[int], number: int) -> int:
    logger.bind(number=number, leaf="total").info("soak.worked")
    return sum(leaves)
