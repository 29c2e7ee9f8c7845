"""Numbered lines that show when they were torn, and the pipes, processes and reports that the writer tests need."""

import fcntl
import json
import os
import subprocess
import sys
import termios
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

F_SETPIPE_SZ = 1031


def numbered(source: int, number: int, size: int) -> bytes:
    """A line of `size` bytes that says where it is from, filled with a letter of its own."""
    head = b"%d:%d:" % (source, number)
    return head + bytes([97 + (source + number) % 26]) * (size - len(head) - 1) + b"\n"


def is_whole(line: bytes, sizes: tuple[int, ...]) -> bool:
    """Whether a line (without its newline) is one that `numbered` made."""
    source, number, _ = line.split(b":")
    return any(numbered(int(source), int(number), size) == line + b"\n" for size in sizes)


def report(counts: Mapping[str, int]) -> bytes:
    """What a pipeline would write about lost lines."""
    return json.dumps({"dropped": dict(counts)}).encode() + b"\n"


def split(data: bytes) -> tuple[list[bytes], Counter[str]]:
    """The lines, and the sum of what the reports among them say."""
    assert not data or data.endswith(b"\n")
    lines, reported = [], Counter[str]()
    for line in data.splitlines():
        if line.startswith(b'{"dropped"'):
            reported.update(json.loads(line)["dropped"])
        else:
            lines.append(line)
    return lines, reported


def small_pipe() -> tuple[int, int]:
    """A pipe of one page, so that it fills at once."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    return reader, writer


def waiting_bytes(fd: int) -> int:
    """How many bytes are in the pipe."""
    answer = bytearray(4)
    fcntl.ioctl(fd, termios.FIONREAD, answer)
    return int.from_bytes(answer, sys.byteorder)


def read_available(fd: int) -> bytes:
    """What is in the pipe now."""
    return os.read(fd, size) if (size := waiting_bytes(fd)) else b""


def read_to_end(fd: int, *, chunk: int = 65_536, pause: float = 0.0) -> bytes:
    """Everything until the last writer is gone; `pause` makes a slow reader."""
    parts = []
    while part := os.read(fd, chunk):
        parts.append(part)
        if pause:
            time.sleep(pause)
    return b"".join(parts)


class Reader(threading.Thread):
    """Reads a pipe to its end in a thread; `begin` may be held back to keep the pipe full."""

    def __init__(self, fd: int, *, begin: threading.Event | None = None, pause: float = 0.0) -> None:
        super().__init__(daemon=True)
        self._fd, self._begin, self._pause = fd, begin, pause
        self._data = b""
        self.start()

    def run(self) -> None:
        if self._begin is not None:
            assert self._begin.wait(30)
        self._data = read_to_end(self._fd, pause=self._pause)

    def result(self) -> bytes:
        self.join(60)
        assert not self.is_alive(), "the pipe was not closed"
        return self._data


def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait for a condition; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.002)


def python(script: str, *arguments: object, **options: object) -> subprocess.Popen[bytes]:
    """A new interpreter that runs `script`."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, **options)  # type: ignore[call-overload, no-any-return]
