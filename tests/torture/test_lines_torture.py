"""A million lines through the whole pipeline, from four processes with four threads each, into one pipe."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter

import orjson
import pytest

from tests.program import PROJECT, program_environ

pytestmark = [pytest.mark.torture, pytest.mark.timeout(300)]

PROCESSES, THREADS, LINES = 4, 4, 62_500  # a million in all
WRITER = f"""
import sys, threading
import logkit
from loguru import logger

logkit.configure()

def write(thread):
    for number in range({LINES}):
        logger.bind(writer=sys.argv[1], thread=thread, number=number).info("line.written")

threads = [threading.Thread(target=write, args=(thread,)) for thread in range({THREADS})]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_l11_a_million_lines_arrive_complete_untorn_and_in_order() -> None:
    """Every line of every thread, each once, each whole, and those of one thread in its order."""
    reading, writing = os.pipe()
    started = time.monotonic()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number)], cwd=PROJECT, env=program_environ(), stdout=writing
        )
        for number in range(PROCESSES)
    ]
    os.close(writing)
    following: Counter[tuple[str, int]] = Counter()
    with os.fdopen(reading, "rb", buffering=1 << 20) as lines:
        for line in lines:
            context = orjson.loads(line)["context"]
            writer = (context["writer"], context["thread"])
            assert context["number"] == following[writer], line
            following[writer] += 1
    assert [writer.wait(60) for writer in writers] == [0] * PROCESSES
    assert set(following.values()) == {LINES}
    assert len(following) == PROCESSES * THREADS
    print(f"{following.total()} lines in {time.monotonic() - started:.1f} s")
