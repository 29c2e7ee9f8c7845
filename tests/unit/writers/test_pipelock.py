"""Turns at a pipe that processes share: who is alone, who is dead, what is left behind."""

import contextlib
import fcntl
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from logkit.writers import StdoutWriter, pipelock
from logkit.writers.pipelock import CLOSED, GATE, OPEN, PipeLock
from tests.unit.writers.conftest import Pipe
from tests.unit.writers.lines import Reader, numbered, read_available, until

INFO = 20
InChild = Callable[[Callable[[], object]], int]


@pytest.fixture
def in_child() -> Iterator[Callable[[Callable[[], object]], int]]:
    """Runs a function in a forked child that then waits to be killed; gives its process id once that is done."""
    children: list[int] = []

    def start(work: Callable[[], object]) -> int:
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            try:
                kept = work()
                os.write(writer, b"!")
                signal.pause()
                del kept
            finally:
                os._exit(1)
        children.append(child)
        os.close(writer)
        assert os.read(reader, 1) == b"!"
        os.close(reader)
        return child

    yield start
    for child in children:
        kill(child)


def kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def sit_on_a_slot(pipe: Pipe) -> Callable[[], PipeLock]:
    """What a thread does between looking at the gate and the end of its write."""

    def work() -> PipeLock:
        lock = PipeLock(pipe.fd, directory=pipe.lock_directory)
        slot = lock.claim()
        assert slot is not None
        lock.memory[slot] = 1
        return lock

    return work


def test_a_long_line_waits_for_a_short_one(pipe: Pipe, in_child: InChild) -> None:
    """As long as a living process may be in the middle of a short write, no byte of a long line goes out."""
    child = in_child(sit_on_a_slot(pipe))
    writer = pipe.writer()
    line = numbered(0, 0, 10_000)
    thread = threading.Thread(target=writer.write, args=(line, INFO))
    thread.start()
    assert select.select([pipe.reader], [], [], 0.2)[0] == []
    kill(child)  # and a dead one is not waited for
    thread.join(10)
    assert read_available(pipe.reader) == line


def test_a_thread_that_never_leaves_its_slot(
    pipe: Pipe, in_child: InChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long line is lost, counted and not torn when somebody sits on a slot although the pipe has room."""
    monkeypatch.setattr(pipelock, "_STUCK", 0.1)
    child = in_child(sit_on_a_slot(pipe))
    writer = pipe.writer()
    writer.write(numbered(0, 0, 10_000), INFO)
    assert writer.lost == 1
    writer.write(b"short\n", INFO)
    assert read_available(pipe.reader) == b"short\n"
    kill(child)


def test_killed_in_the_middle_of_a_long_line(pipe: Pipe) -> None:
    """The next line, from another process, starts on a line of its own."""
    writer = pipe.writer()
    writer.write(b"first\n", INFO)
    line = numbered(1, 0, 200_000)
    if (child := os.fork()) == 0:
        writer.write(line, INFO)
        os._exit(0)
    try:
        until(lambda: not select.select([], [pipe.fd], [], 0)[1])
    finally:
        kill(child)
    torn = read_available(pipe.reader)
    writer.write(b"next\n", INFO)
    assert len(torn) > 4096
    assert (b"first\n" + line).startswith(torn)
    assert read_available(pipe.reader) == b"\nnext\n"


def test_the_gate_opens_again(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A while after the last long line, short lines cost no lock again."""
    writer = pipe.writer()
    lock = PipeLock(pipe.fd, directory=pipe.lock_directory)
    writer.write(numbered(0, 0, 5000), INFO)
    assert lock.memory[GATE] == CLOSED
    monkeypatch.setattr(pipelock, "_BIAS", 0.0)
    writer.write(b"short\n", INFO)
    assert lock.memory[GATE] == OPEN
    lock.close()


def test_more_threads_than_one_block_of_slots(pipe: Pipe) -> None:
    """Forty threads that are alive at once have forty slots, and give them back."""
    lock = PipeLock(pipe.fd, directory=pipe.lock_directory)
    slots: list[int | None] = []
    barrier = threading.Barrier(40)
    mutex = threading.Lock()

    def work() -> None:
        with mutex:
            slots.append(lock.claim())
        barrier.wait(10)

    for _ in range(3):
        slots.clear()
        threads = [threading.Thread(target=work) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(slots)) == 40
    assert max(slot or 0 for slot in slots) < 200
    lock.close()


def test_the_last_one_out_removes_the_file(pipe: Pipe, in_child: InChild, tmp_path: Path) -> None:
    """Nothing is left behind, and a file that a killed process left is swept up by the next start."""
    first, second = pipe.writer(), pipe.writer()
    first.close()
    assert len(list(tmp_path.iterdir())) == 1
    second.write(b"alive\n", INFO)
    second.close()
    assert list(tmp_path.iterdir()) == []
    other = os.pipe()
    kill(in_child(lambda: PipeLock(other[1], directory=tmp_path)))
    assert len(list(tmp_path.iterdir())) == 1
    pipe.writer().close()
    assert list(tmp_path.iterdir()) == []
    for fd in other:
        os.close(fd)


def test_a_file_of_another_user_is_not_trusted(pipe: Pipe, tmp_path: Path) -> None:
    """A planted file or link leaves the writer without a lock, never with a foreign one."""
    status = os.fstat(pipe.fd)
    name = tmp_path / f"logkit-{os.geteuid()}-{status.st_dev:x}-{status.st_ino:x}"
    target = tmp_path / "target"
    target.write_bytes(b"")
    name.symlink_to(target)
    assert pipe.writer().max_line == select.PIPE_BUF
    name.unlink()
    if os.geteuid() == 0:
        with name.open("w+b") as planted:
            os.chown(name, 65_534, 65_534)
            fcntl.lockf(planted, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 0)  # in use: not swept up
            assert pipe.writer().max_line == select.PIPE_BUF
    assert target.read_bytes() == b""


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_descriptors_closed_under_us(pipe: Pipe) -> None:
    """A daemon that closes every descriptor costs the lock, and lines go on where the pipe itself is left."""
    writer = pipe.writer()
    writer.write(b"a\n", INFO)
    assert isinstance(writer, StdoutWriter)
    reader = Reader(pipe.reader)
    if (child := os.fork()) == 0:
        try:
            writer.write(b"b\n", INFO)
            for entry in list(Path("/proc/self/fd").iterdir()):
                if "logkit-" in os.path.realpath(entry):
                    os.close(int(entry.name))
            writer.write(numbered(0, 0, 5000), INFO)
            writer.write(b"c\n", INFO)
        finally:
            os._exit(writer.lost)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    pipe.close_writers()
    assert reader.result() == b"a\nb\nc\n"
