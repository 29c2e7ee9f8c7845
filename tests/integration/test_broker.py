"""The broker of files: a message is whole or not there, and one worker takes it."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from json import JSONDecodeError
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from celery.worker import state
from kombu import Connection, Exchange, Queue
from kombu.exceptions import OperationalError
from kombu.transport import filesystem

from mysite.broker import Channel

OURS = "mysite.broker:Transport"
KOMBUS = "filesystem"


def connection(folder: Path, transport: str = OURS) -> Connection:
    (folder / "queue").mkdir(exist_ok=True)
    folders = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
    options = {name: str(folder / each) for name, each in folders.items()}
    return Connection("filesystem://localhost//", transport=transport, transport_options=options)


@contextmanager
def in_threads(*works: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Every work in a thread of its own; what they raised."""
    raised: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    yield raised
    for thread in threads:
        thread.join(60)


def test_kombus_own_is_read_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault: its reader meets half a message, which ends a worker. Once kombu is cured, so may our class go."""
    name = str(uuid.uuid4())  # kombu remembers what it bound, whatever folder that is in
    with connection(tmp_path, KOMBUS) as own:
        reading, writing = own.SimpleQueue(name), own.SimpleQueue(name)

        def look(file: Any, flags: int) -> None:
            """In the writer's place, when its file is there, and locked, and empty."""
            if Path(file.name).suffix == ".msg":
                reading.get_nowait()

        monkeypatch.setattr(filesystem, "lock", look)
        with pytest.raises(JSONDecodeError):
            writing.put({})


def test_a_message_is_there_as_a_whole(tmp_path: Path) -> None:
    """A reader that looks all the time gets every big message, and nothing else."""
    body = {"text": "x" * 3_000_000}
    name = str(uuid.uuid4())

    def write() -> None:
        with connection(tmp_path) as writing:
            queue = writing.SimpleQueue(name)
            for _ in range(25):
                queue.put(body)

    arrived = 0
    with in_threads(write) as raised, connection(tmp_path) as reading:
        queue = reading.SimpleQueue(name)
        deadline = time.monotonic() + 60
        while arrived < 25 and time.monotonic() < deadline:
            with suppress(Empty):
                queue.get_nowait().ack()
                arrived += 1
    assert raised == []
    assert arrived == 25


def test_a_binding_is_made_before_another_thread_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both declare the same queue; the second waits until the first one's binding is in the file."""
    name = str(uuid.uuid4())
    begun, bind = threading.Event(), Channel._queue_bind

    def slowly(channel: Channel, *args: Any) -> None:
        begun.set()
        published.wait(0.5)  # which it cannot be; without the lock it would be at once, and lost
        bind(channel, *args)

    published = threading.Event()
    monkeypatch.setattr(Channel, "_queue_bind", slowly)

    def publish() -> None:
        begun.wait(60)
        with connection(tmp_path) as writing:
            writing.SimpleQueue(name).put({})
            published.set()

    with in_threads(publish) as raised, connection(tmp_path) as reading:
        reading.SimpleQueue(name)
    assert raised == []
    with connection(tmp_path) as reading:
        reading.SimpleQueue(name).get(timeout=10).ack()


def test_a_message_is_taken_once_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one of several readers, without a copy in the system's temporary directory; nothing is left behind."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    taken: list[list[int]] = [[] for _ in range(4)]
    with connection(tmp_path) as writing:
        queue = writing.SimpleQueue("many")
        for number in range(200):
            queue.put({"number": number})

    def take(numbers: list[int]) -> None:
        with connection(tmp_path) as reading, suppress(Empty):
            queue = reading.SimpleQueue("many")
            while True:
                message = queue.get_nowait()
                message.ack()
                numbers.append(message.payload["number"])

    with in_threads(*(lambda numbers=numbers: take(numbers) for numbers in taken)) as raised:
        pass
    assert raised == []
    assert sorted(chain.from_iterable(taken)) == list(range(200))
    assert all(numbers == sorted(numbers) for numbers in taken)
    assert list((tmp_path / "queue").iterdir()) == []


def test_queues_bound_at_once_are_all_bound(tmp_path: Path) -> None:
    """Several programs start and make the file of their exchange; a reader never finds it empty."""
    barrier = threading.Barrier(6)
    broadcast = Exchange("news", type="fanout")

    def bind(number: int) -> None:
        with connection(tmp_path) as own, own.channel() as channel:
            barrier.wait()
            Queue(f"reader-{number}", broadcast)(channel).declare()

    def read() -> None:
        with connection(tmp_path) as own, own.channel() as channel:
            barrier.wait()
            for _ in range(300):
                channel.get_table("news")

    with in_threads(*(lambda number=number: bind(number) for number in range(5)), read) as raised:
        pass
    assert raised == []
    with connection(tmp_path) as own, own.channel() as channel:
        assert {bound.queue for bound in channel.get_table("news")} == {f"reader-{n}" for n in range(5)}


def test_a_folder_that_is_gone_is_an_error_of_the_broker(tmp_path: Path) -> None:
    """Publishing fails as it does with any broker that is away, and names the file."""
    with connection(tmp_path) as own:
        queue = own.SimpleQueue("lost")
        (tmp_path / "queue").rmdir()
        with pytest.raises(OperationalError, match=r"cannot write .*lost\.msg: No such file"):
            own.ensure(queue.producer, queue.producer.publish, max_retries=0)({}, routing_key="lost")


def test_a_worker_that_is_told_to_end_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Celery's loop waits two seconds at a time, twice; anybody else waits as long as they asked for."""

    def wait(seconds: float) -> float:
        started = time.monotonic()
        with connection(tmp_path) as own:
            queue: Any = own.SimpleQueue("none")
            queue.consumer.consume()
            with pytest.raises(TimeoutError):
                own.drain_events(timeout=seconds)
        return time.monotonic() - started

    assert wait(0.5) >= 0.5
    monkeypatch.setattr(state, "should_stop", 0)
    assert wait(30) < 15
