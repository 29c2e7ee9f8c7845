"""`logkit tail -F` as a process, while files grow, move, shrink, vanish and come back."""

import fcntl
import json
import os
import pty
import random
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from logkit.terminal import visible_length

DEADLINE = 20.0


def line(number: int, **context: Any) -> bytes:
    stamp = (
        f"2026-01-05T10:{number // 60_000_000 % 60:02}:{number // 1_000_000 % 60:02}.{number % 1_000_000:06}Z"
    )
    event = {
        "timestamp": stamp,
        "level": "INFO",
        "message": f"m{number}",
        "context": {"n": number, **context},
    }
    return json.dumps(event).encode() + b"\n"


def until(condition: Callable[[], bool]) -> None:
    """Wait for `condition`; after the deadline the test's own assertion says what is wrong."""
    end = time.monotonic() + DEADLINE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


class Following:
    """A running `logkit tail -F --json` and what it has printed."""

    def __init__(self, output: Path, *words: str) -> None:
        self._output = output
        with output.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "logkit", "tail", "-F", "--json", *words],
                stdout=out,
                stderr=subprocess.PIPE,
            )

    @property
    def numbers(self) -> list[int]:
        whole = self._output.read_bytes().rpartition(b"\n")[0]
        return [json.loads(text)["context"]["n"] for text in whole.split(b"\n") if text]

    def expect(self, numbers: list[int]) -> None:
        until(lambda: len(self.numbers) >= len(numbers))
        assert self.numbers == numbers

    def stop(self) -> bytes:
        """Interrupt it; what it said on standard error."""
        self.process.send_signal(signal.SIGINT)
        _, error = self.process.communicate(timeout=DEADLINE)
        assert self.process.returncode == 130
        return bytes(error)


Follow = Callable[..., Following]


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Follow]:
    running: list[Following] = []

    def start(*words: str) -> Following:
        running.append(Following(tmp_path / f"output-{len(running)}", *words))
        return running[-1]

    yield start
    for following in running:
        following.process.send_signal(signal.SIGINT)
        following.process.communicate(timeout=DEADLINE)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "log"
    directory.mkdir()
    return directory / "app.log"


def append(path: Path, *numbers: int) -> None:
    with path.open("ab") as file:
        file.write(b"".join(map(line, numbers)))


def test_it_starts_with_the_last_lines_and_goes_on(follow: Follow, log: Path) -> None:
    """Ten lines to begin with, or as many as -n says, then what comes; half a line waits for its end."""
    append(log, *range(20))
    ten, two = follow(str(log)), follow("-n", "2", str(log))
    ten.expect(list(range(10, 20)))
    two.expect([18, 19])
    whole = line(20)
    with log.open("ab", buffering=0) as file:
        file.write(whole[:30])
        append_after = ten.numbers
        file.write(whole[30:])
    assert append_after == list(range(10, 20))
    ten.expect(list(range(10, 21)))
    two.expect([18, 19, 20])


def test_a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_start(follow: Follow, log: Path) -> None:
    """A writer that still holds the old file loses nothing either."""
    append(log, 0)
    following = follow(str(log))
    following.expect([0])
    with log.open("ab", buffering=0) as late:
        log.rename(log.with_suffix(".log.1"))
        append(log, 1)
        following.expect([0, 1])
        late.write(line(2))
    following.expect([0, 1, 2])


def test_a_truncated_file_is_read_from_its_start(follow: Follow, log: Path) -> None:
    """Also when it has grown beyond the old position before anybody looked."""
    append(log, 0, 1)
    following = follow(str(log))
    following.expect([0, 1])
    os.truncate(log, 0)
    append(log, 2)
    following.expect([0, 1, 2])
    with log.open("r+b") as file:
        file.truncate(0)
        file.write(b"".join(map(line, range(3, 20))))
    following.expect(list(range(20)))


def test_what_was_written_just_before_a_copytruncate_is_found_in_the_copy(follow: Follow, log: Path) -> None:
    """logrotate copies, then cuts: lines that came in between two looks are in the copy only."""
    append(log, 0)
    following = follow(str(log))
    following.expect([0])
    os.kill(following.process.pid, signal.SIGSTOP)
    append(log, 1, 2)
    shutil.copy(log, f"{log}.1")
    os.truncate(log, 0)
    append(log, 3)
    os.kill(following.process.pid, signal.SIGCONT)
    following.expect([0, 1, 2, 3])


def test_two_renames_between_two_looks(follow: Follow, log: Path) -> None:
    """The file in the middle is read too."""
    append(log, 0)
    following = follow(str(log))
    following.expect([0])
    os.kill(following.process.pid, signal.SIGSTOP)
    append(log, 1)
    log.rename(f"{log}.2")
    append(log, 2)
    log.rename(f"{log}.1")
    append(log, 3)
    os.kill(following.process.pid, signal.SIGCONT)
    following.expect([0, 1, 2, 3])


def test_a_deleted_file_may_come_back(follow: Follow, log: Path) -> None:
    """What was written before the deletion is shown, and the new file from its start."""
    append(log, 0)
    following = follow(str(log))
    following.expect([0])
    with log.open("ab", buffering=0) as late:
        log.unlink()
        late.write(line(1))
    following.expect([0, 1])
    append(log, 2)
    following.expect([0, 1, 2])


def test_a_file_that_is_not_there_yet_is_waited_for(follow: Follow, log: Path) -> None:
    """Start order of web, worker and tail does not matter."""
    other = log.with_name("other.log")
    append(other, 0)
    following = follow(str(log), str(other))
    following.expect([0])
    append(log, 1)
    following.expect([0, 1])
    assert f"waiting for {log}".encode() in following.stop()


def test_several_files_are_merged_by_time_as_they_grow(follow: Follow, log: Path) -> None:
    """Lines that arrived within one look are put in order."""
    other = log.with_name("other.log")
    append(log, 0)
    append(other, 1)
    following = follow(str(other), str(log))
    following.expect([0, 1])
    os.kill(following.process.pid, signal.SIGSTOP)
    append(other, 3, 5)
    append(log, 2, 4, 6)
    os.kill(following.process.pid, signal.SIGCONT)
    following.expect([0, 1, 2, 3, 4, 5, 6])


def test_filters_hold_while_following(follow: Follow, log: Path) -> None:
    """A request's tasks are learnt from lines as they come."""
    append(log, 0)
    following = follow("--request", "request-1", str(log))
    with log.open("ab") as file:
        file.write(line(1, request_id="request-1", task_id="task-0001"))
        file.write(line(2, request_id="request-2"))
        file.write(line(3, task_id="task-0001"))
    following.expect([1, 3])


def test_interrupting_ends_it_with_the_summary(follow: Follow, log: Path) -> None:
    """Ctrl-C is how it is meant to end: 130, no traceback."""
    append(log, 0, 1)
    following = follow("--summary", str(log))
    following.expect([0, 1])
    assert following.stop() == b"2 lines: 2 info\n"


def test_it_ends_when_nobody_reads_any_more(log: Path) -> None:
    """`logkit tail -F app.log | head -1` ends although nothing more is written."""
    append(log, 0)
    process = subprocess.Popen(
        [sys.executable, "-m", "logkit", "tail", "-F", str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=DEADLINE) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_standard_input_shows_lines_as_they_arrive() -> None:
    """Behind a pipe nothing waits for a full buffer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "logkit", "tail", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for number in range(3):
        process.stdin.write(line(number))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["context"]["n"] == number
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 0


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(4))
def test_random_rotations_lose_and_double_nothing(follow: Follow, log: Path, seed: int) -> None:
    """Five seconds of writing while the file is renamed, copied and cut, deleted, in any order."""
    chance = random.Random(seed)
    numbers = iter(range(10**9))
    sent: list[int] = []
    file = log.open("ab", buffering=0)
    following = follow("-n", "1000000", str(log))

    def write() -> None:
        for _ in range(chance.randint(1, 30)):
            sent.append(next(numbers))
            whole = line(sent[-1])
            cut = chance.randint(0, len(whole))
            file.write(whole[:cut])
            file.write(whole[cut:])

    write()
    until(lambda: len(following.numbers) == len(sent))
    end, rotated = time.monotonic() + 5, 0.0
    while time.monotonic() < end:
        write()
        time.sleep(chance.random() * 0.08)
        if chance.random() > 0.15 or time.monotonic() - rotated < 0.1:
            continue
        rotated = time.monotonic()
        for number in range(9, 0, -1):
            if Path(f"{log}.{number}").exists():
                Path(f"{log}.{number}").rename(f"{log}.{number + 1}")
        match chance.choice(["rename", "copytruncate", "delete"]):
            case "rename":
                log.rename(f"{log}.1")
                write()
                file.close()
                file = log.open("ab", buffering=0)
            case "copytruncate":
                shutil.copy(log, f"{log}.1")
                os.truncate(log, 0)
            case "delete":
                log.unlink()
                write()
                file.close()
                file = log.open("ab", buffering=0)
    file.close()
    until(lambda: len(following.numbers) >= len(sent))
    assert sorted(following.numbers) == sent


def test_on_a_terminal_lines_fit_are_coloured_and_counted(log: Path) -> None:
    """A real terminal of 90 columns: nothing is wider, colours are on, the summary comes by itself."""
    append(log, *range(3))
    with log.open("ab") as file:
        file.write(line(3, title="word " * 40, other="x" * 100))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    with os.fdopen(master, "rb", buffering=0) as screen:
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "logkit", "tail", str(log)],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=environment | {"TERM": "xterm-256color"},
            )
        finally:
            os.close(slave)
        shown = b""
        try:
            while data := screen.read(65536):
                shown += data
        except OSError:  # what Linux says when the other end of a terminal is gone
            pass
        assert process.wait(timeout=DEADLINE) == 0
    text = shown.decode()
    assert "\x1b[32mINFO" in text
    assert "4 lines: 4 info" in text
    assert max(visible_length(part) for part in text.replace("\r", "").split("\n")) == 90
