"""The ledger as it is used (chained, locked, recovered) beside concurrent-log-handler's plain line; no fsync."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING

from benchmarks.slice import scratch

if TYPE_CHECKING:
    from logkit.audit.ledger import Ledger

PROCESSES = 8
TOGETHER = 250  # records of each process a call
SEGMENT = 50_000_000

# 721 bytes as a ledger line.
_RECORD = (
    '{"id":"01a2096d-adf4-74dd-bc12-%012x","time":"2026-11-23T17:%02d:%02d.628601Z","stream":"security",'
    '"event":"%s","severity":"warning","stage":"single","outcome":"failure","reason":"bad_password","tx":"none",'
    '"actor":{"type":"user","id":"%d","auth_method":"password","mfa":false,"client_ip":"203.0.113.7"},'
    '"target":[{"type":"keep","id":"%d","owner":"9","circle_id":"3"}],'
    '"request":{"id":"3f1c9a52-22aa-4e0e-93c7-0f3d4b6b1d10","method":"POST","route":"api/circles/{circle_id}/keeps"},'
    '"service":{"name":"mysite","environment":"dev"},"v":1}'
)


def record(number: int) -> str:
    event = "auth.login.failed" if number % 3 else "keep.viewed"
    return _RECORD % (number, number // 60 % 60, number % 60, event, number % 5000, number)


def open_ledger() -> Ledger:
    from logkit.audit.ledger import Ledger
    from logkit.parsers import Rotation

    return Ledger(
        scratch() / "audit",
        stream="security",
        rotation=Rotation(size=SEGMENT, seconds=86_400),
        fsync="never",
        file_mode=0o640,
        group=None,
        key_directory=scratch() / "keys",
        spool_directory=scratch() / "spool",
    )


def append() -> Callable[[], object]:
    write = open_ledger().append
    bodies = cycle([record(number).encode() for number in range(200)])
    return lambda: write(next(bodies))


def plain_line() -> Callable[[], object]:
    """As its documentation configures it."""
    from concurrent_log_handler import ConcurrentRotatingFileHandler  # type: ignore[import-not-found, unused-ignore]

    handler = ConcurrentRotatingFileHandler(str(scratch() / "plain.log"), "a", SEGMENT, 5)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.Logger("plain", logging.INFO)  # noqa: LOG001 - one of its own, in a process of its own
    logger.addHandler(handler)
    texts = cycle([record(number) for number in range(200)])
    return lambda: logger.info(next(texts))


def append_together() -> Callable[[], object]:
    return _together(append)


def plain_line_together() -> Callable[[], object]:
    return _together(plain_line)


def _together(make: Callable[[], Callable[[], object]]) -> Callable[[], object]:
    """Eight processes on one file; one call is 250 records of each, from the first start to the last end."""
    starts: list[int] = []
    ended, end = os.pipe()
    for _ in range(PROCESSES):
        start, mine = os.pipe()
        if os.fork() == 0:
            for descriptor in (*starts, mine, ended):
                os.close(descriptor)
            write = make()
            while os.read(start, 1):
                for _ in range(TOGETHER):
                    write()
                os.write(end, b".")
            os._exit(0)
        os.close(start)
        starts.append(mine)

    def call() -> None:
        for each in starts:
            os.write(each, b".")
        waiting = PROCESSES
        while waiting:
            waiting -= len(os.read(ended, waiting))

    return call
