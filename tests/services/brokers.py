"""What a test leaves on a broker that goes on without it."""

from __future__ import annotations

import redis
from kombu import Connection


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
