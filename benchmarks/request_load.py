"""Requests a second through gunicorn, under Locust: `python -m benchmarks.request_load`.

One gthread worker for each stack, all alive at once, and the load on each in turn for half a second, so that what is
compared saw the same machine. The worker's processor time is told beside the rate, because the load takes some too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

import psutil

from benchmarks.alternate import PROJECT, spread
from benchmarks.cases.request import STACKS, set_up
from benchmarks.report import Bar, chart, progress

BARE, PEER, OURS = "bare", "django_structlog", "logkit"
_SECONDS, _WARM_SECONDS = 0.5, 1.5
_STARTS_WITHIN = 60.0

Ask = Callable[[int, float], int]  # a port, seconds; how many answers there were


class Go(NamedTuple):
    """What half a second of load came to."""

    rate: float  # answers a second
    worker_us: float  # of processor time for each


def application() -> Any:
    """What gunicorn serves: Django with the stack that BENCH_STACK names."""
    from django.core.wsgi import get_wsgi_application

    set_up(os.environ["BENCH_STACK"], "wsgi")
    return get_wsgi_application()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.request_load", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="goes at each stack (default 30)")
    options = parser.parse_args()
    measured = _measure(options.rounds)
    print(f"| gunicorn, gthread; Locust {version('locust')} | requests/s | of bare | worker's time | added |")
    print("|---|---|---|---|---|")
    bars = []
    for stack in STACKS:
        rate = spread([one[stack].rate for one in measured]).median
        of_bare = spread([one[stack].rate / one[BARE].rate for one in measured]).median
        time_us = spread([one[stack].worker_us for one in measured]).median
        added = spread([one[stack].worker_us - one[BARE].worker_us for one in measured]).median
        named = stack.replace("_", "-")
        bars.append(Bar(named, rate, stack == OURS))
        print(f"| {named} | {rate:.0f} | {of_bare:.2f} | {time_us:.0f} us | {added:.0f} us |")
    title = "A small request through gunicorn, under load"
    chart("request-load", title, unit="requests a second", better="more", bars=bars)
    ratio = spread([_added(one, OURS) / _added(one, PEER) for one in measured])
    print(
        f"\nThe worker's time that ours adds, of what django-structlog adds: **{ratio.median:.2f}** "
        f"(8 of 10 rounds: {ratio.low:.2f} to {ratio.high:.2f})"
    )
    return 0


def _added(one: dict[str, Go], stack: str) -> float:
    return one[stack].worker_us - one[BARE].worker_us


def _measure(rounds: int) -> list[dict[str, Go]]:
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(_server(name)) for name in STACKS}
        ask = stack.enter_context(_load())
        for port, _ in servers.values():
            ask(port, _WARM_SECONDS)
        measured = []
        for number in range(1, rounds + 1):
            progress(f"round {number}/{rounds}")
            order = random.sample(STACKS, len(STACKS))
            goes = {name: _go(ask, *servers[name]) for name in order}
            measured.append(goes)
        progress("")
        return measured


def _go(ask: Ask, port: int, worker: psutil.Process) -> Go:
    before = _processor_time(worker)
    answered = ask(port, _SECONDS)
    return Go(answered / _SECONDS, (_processor_time(worker) - before) / answered * 1e6)


def _processor_time(process: psutil.Process) -> float:
    """Seconds, in hundredths."""
    times = process.cpu_times()
    return times.user + times.system


@contextlib.contextmanager
def _server(stack: str) -> Iterator[tuple[int, psutil.Process]]:
    """A gunicorn with one worker: its port, and the worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "benchmarks.request_load:application()"),
            *(f"--bind=127.0.0.1:{port}", "--worker-class=gthread", "--threads=4", "--keep-alive=600"),
            *("--log-level=warning", "--no-control-socket"),
        ],
        cwd=PROJECT,
        env={**os.environ, "BENCH_STACK": stack},
        stdout=subprocess.DEVNULL,
    )
    try:
        _await(port)
        yield port, _worker(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _worker(server: int) -> psutil.Process:
    """gunicorn listens before it has its worker."""
    deadline = time.monotonic() + _STARTS_WITHIN
    while not (workers := psutil.Process(server).children()):
        if time.monotonic() > deadline:
            raise SystemExit("gunicorn has no worker")
        time.sleep(0.05)
    return workers[0]


def _await(port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def _load() -> Iterator[Ask]:
    answers, theirs = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load", str(theirs)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[theirs],
        text=True,
    )
    os.close(theirs)
    assert child.stdin is not None
    assert child.stderr is not None
    with os.fdopen(answers) as lines:

        def ask(port: int, seconds: float) -> int:
            child.stdin.write(f"{port} {seconds}\n")
            child.stdin.flush()
            if not (line := lines.readline()):
                raise SystemExit(f"the load ended: {child.stderr.read()}")
            return int(line)

        yield ask
    child.stdin.close()
    child.wait(30)


if __name__ == "__main__":
    sys.exit(main())
