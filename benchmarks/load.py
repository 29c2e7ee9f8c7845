"""Locust, told what to do over a pipe: `python -m benchmarks.load FD`.

For every line `PORT SECONDS` on stdin some users ask that server as fast as it answers them, for so long; the number
of answers goes to the descriptor FD. An answer that is not 200 ends it all.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import sys  # noqa: E402

import gevent  # noqa: E402
from locust import FastHttpUser, constant, task  # noqa: E402
from locust.env import Environment  # noqa: E402

USERS = 4


class Member(FastHttpUser):
    """Reads the messages of a circle, over one connection that stays open."""

    wait_time = constant(0)

    @task
    def messages(self) -> None:
        self.client.get("/circles/7/messages")


def main(answers: int) -> None:
    for line in sys.stdin:
        port, seconds = line.split()
        os.write(answers, b"%d\n" % _ask(int(port), float(seconds)))


def _ask(port: int, seconds: float) -> int:
    environment = Environment(user_classes=[Member], host=f"http://127.0.0.1:{port}")
    runner = environment.create_local_runner()
    runner.start(USERS, spawn_rate=USERS)
    gevent.sleep(seconds)
    runner.quit()
    total = environment.stats.total
    if total.num_failures:
        raise SystemExit(f"{total.num_failures} of {total.num_requests} failed: {environment.stats.errors}")
    return int(total.num_requests)


if __name__ == "__main__":
    main(int(sys.argv[1]))
