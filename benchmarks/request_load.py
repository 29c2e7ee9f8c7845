"""Requests a second through gunicorn, under load: `python -m benchmarks.request_load`.

One gthread worker per stack; the clients are a process of their own with keep-alive connections that ask again as soon
as they are answered. Stacks take turns, medians are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from typing import Any

from benchmarks.request import PROJECT, STACKS, set_up

CONNECTIONS, SECONDS, WARM_SECONDS = 4, 4.0, 1.0
REQUEST = b"GET /circles/7/messages HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\r\n"


def application() -> Any:
    """What gunicorn serves: Django with the stack that BENCH_STACK names."""
    from django.core.wsgi import get_wsgi_application

    set_up(os.environ["BENCH_STACK"], "wsgi")
    return get_wsgi_application()


async def _ask(port: int, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.monotonic() < until:
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"not answered with 200: {head.decode()}")
        answered += 1
    writer.close()
    return answered


async def _load(port: int, seconds: float) -> float:
    until = time.monotonic() + seconds
    return sum(await asyncio.gather(*(_ask(port, until) for _ in range(CONNECTIONS)))) / seconds


def measure(stack: str) -> float:
    """Requests a second of one stack in one fresh server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "benchmarks.request_load:application()",
        f"--bind=127.0.0.1:{port}",
    ]
    command += [
        "--worker-class=gthread",
        "--threads=4",
        "--keep-alive=30",
        "--log-level=warning",
        "--no-control-socket",
    ]
    server = subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, "BENCH_STACK": stack}, stdout=subprocess.DEVNULL
    )
    try:
        _await(port)
        asyncio.run(_load(port, WARM_SECONDS))
        return asyncio.run(_load(port, SECONDS))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.request_load", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="servers per stack (default 5)")
    options = parser.parse_args()
    rates: dict[str, list[float]] = {stack: [] for stack in STACKS}
    for _ in range(options.repeats):
        for stack in STACKS:
            rates[stack].append(measure(stack))
    bare = statistics.median(rates["bare"])
    print("| gunicorn, gthread | requests/s | of a Django that logs nothing |\n|---|---|---|")
    for stack in STACKS:
        rate = statistics.median(rates[stack])
        print(f"| {stack} | {rate:.0f} | {rate / bare:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
