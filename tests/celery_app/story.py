"""One story that every pool and every broker has to tell alike: tasks that end in every way, sent by requests."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from celery import chain, chord, signals

from logkit.carrier import HEADER
from logkit.context import new_scope
from tests.celery_app import tasks
from tests.worker import ENDS, Broker, Line, Program, connected, worker

RETRIED = "task.retried"
NOTHINGS = 7  # times that `work.nothing` is run: late, sets, chain, link, forged, garbage, untrusted
FORGED_REQUEST = "forged-request-0001"


@dataclass
class Story:
    """What was sent, and every line that came of it."""

    pool: str
    roots: dict[str, str] = field(default_factory=dict)  # name of a request: id of the task that it sent
    sent: dict[str, float] = field(default_factory=dict)  # Unix time
    lines: list[Line] = field(default_factory=list)

    def of(self, name: str) -> list[Line]:
        """The lines of one request, oldest first."""
        return [line for line in self.lines if line["context"].get("request_id") == request_id(name)]

    def ends(self, name: str) -> list[Line]:
        """The canonical lines of the task that a request sent."""
        return [
            line
            for line in self.of(name)
            if line["message"] in ENDS and line["context"]["task_id"] == self.roots[name]
        ]

    def end(self, name: str) -> Line:
        """The only canonical line of that task."""
        ends = self.ends(name)
        assert len(ends) == 1, [line["message"] for line in ends]
        return ends[0]


def request_id(name: str) -> str:
    return f"request-{name}"


def send(story: Story, name: str, publish: Callable[[], Any]) -> None:
    """Publish as a request would."""
    with new_scope({"request_id": request_id(name), "user_id": "7", "client_ip": "203.0.113.7"}):
        story.sent[name] = time.time()
        story.roots[name] = str(publish().id)


@contextmanager
def told_by(pool: str, broker: Broker, *arguments: str) -> Iterator[Story]:
    """The story as a worker of `pool` tells it, from its first line to its last."""
    with connected(broker) as app, worker(broker, pool, *arguments) as program:
        story = tell(pool, app, program)
        assert program.stop() == 0
        story.lines = program.lines
        yield story


def tell(pool: str, app: Any, program: Program) -> Story:
    """Send everything, wait for every end."""
    story = Story(pool)
    simple = (tasks.family, tasks.fail, tasks.expect, tasks.reject, tasks.ignore, tasks.fields, tasks.eager)
    for task in (*simple, tasks.in_thread, tasks.sets):
        send(story, task.name.removeprefix("work."), task.delay)
    send(story, "late", lambda: tasks.nothing.apply_async(countdown=1))
    send(
        story, "expired", lambda: tasks.nothing.apply_async(countdown=3.5, expires=3)
    )  # it expires in the worker
    send(story, "absent", lambda: app.send_task("work.absent", args=["argument-of-absent"]))
    send(story, "chain", lambda: chain(tasks.add.s(1, 2), tasks.add.s(3), tasks.nothing.s()).apply_async())
    send(story, "chord", lambda: chord([tasks.add.s(1, 2), tasks.add.s(3, 4)])(tasks.total.s()))
    send(
        story,
        "link",
        lambda: tasks.add.apply_async((1, 2), link=tasks.nothing.s(), link_error=tasks.nothing.s()),
    )
    send(story, "own", lambda: tasks.grandchild.apply_async(headers={"caller": "own"}))
    for name, forge in {"forged": _forged, "garbage": lambda _: {"not": ["a", "carrier"]}}.items():
        with _headers(lambda headers, forge=forge: headers.update({HEADER: forge(headers)})):
            send(story, name, tasks.nothing.delay)
    with _headers(lambda headers: headers.update(parent_id="x" * 9000, root_id=["no"], retries="many")):
        send(story, "untrusted", tasks.nothing.delay)
    with app.producer_or_acquire() as producer:
        queue = app.conf.task_default_queue
        producer.publish({"not": "a task"}, routing_key=queue, serializer="json")
        producer.publish(
            b"{argument-of-nobody",
            routing_key=queue,
            content_type="application/json",
            content_encoding="utf-8",
        )
    if pool == "prefork":
        program.wait_for("thread.late")  # before anybody kills its process
        for task in (tasks.die, tasks.overrun, tasks.soft, tasks.leave):
            send(story, task.name.removeprefix("work."), task.delay)
        marker = str(program.directory / f"died-{uuid.uuid4()}")
        send(story, "die_late", lambda: tasks.die_late.delay(marker))

    def missing() -> list[str]:
        assert program.popen.poll() is None, program.stderr[-2000:]
        ended = {
            line["context"].get("task_id")
            for line in program.lines
            if line["message"] in ENDS and line["message"] != RETRIED
        }
        without_end = [name for name, root in story.roots.items() if root not in ended]
        unheard = [
            event for event in ("grandchild.met", "total.made", "thread.late") if not program.find(event)
        ]
        if len(program.find("task.succeeded", task="work.nothing")) < NOTHINGS:
            unheard.append("work.nothing")
        if pool == "prefork" and not program.find("task.succeeded", task_id=story.roots["die_late"]):
            unheard.append("the second life of die_late")
        return without_end + unheard

    deadline = time.monotonic() + 80
    while left := missing():
        assert time.monotonic() < deadline, f"still to be heard of: {left}"
        time.sleep(0.05)
    story.lines = program.lines
    return story


def _forged(headers: dict[str, Any]) -> str:
    """A carrier of somebody who can write to the broker and has no key."""
    return str(headers[HEADER].replace(request_id("forged"), FORGED_REQUEST).replace('"7"', '"1"'))


@contextmanager
def _headers(change: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """What is published meanwhile is changed on its way, after us."""

    def receive(headers: dict[str, Any], **_: object) -> None:
        change(headers)

    signals.before_task_publish.connect(receive, weak=False)
    try:
        yield
    finally:
        signals.before_task_publish.disconnect(receive)
