"""The story of `tests.celery_app` on a real broker, and what a test leaves on one that goes on without it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from kombu import Connection

from tests.celery_app.story import Story, told_by
from tests.services.servers import amqp_server, redis_server
from tests.worker import Broker

SERVERS = {"redis": redis_server, "rabbitmq": amqp_server}


@contextmanager
def told_on(server: str, pool: str, directory: Path) -> Iterator[Story]:
    """A queue of its own on a real broker, one worker, everything sent to it, and its last words."""
    queue = f"logkit-tests-{uuid.uuid4().hex}"
    with SERVERS[server]() as url:
        try:
            with told_by(pool, Broker(url, directory, queue), "-n", f"celery@{queue}") as told:
                yield told
        finally:
            remove_queue(url, queue)


def remove_queue(url: str, queue: str) -> None:
    """Remove every trace of the queue `queue`."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter(f"*{queue}*"):
                client.delete(key)
        return
    with Connection(url) as connection, connection.channel() as channel:
        channel.queue_delete(queue)
        channel.exchange_delete(queue)
