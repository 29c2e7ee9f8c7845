"""Lines written directly: whole, or counted and reported."""

import contextlib
import os
import random
import select
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logkit.writers import StdoutWriter, descriptor, stdout
from logkit.writers.losses import Losses
from tests.unit.writers.conftest import Pipe
from tests.unit.writers.lines import (
    Reader,
    is_whole,
    numbered,
    python,
    read_available,
    read_to_end,
    report,
    split,
    until,
    waiting_bytes,
)

INFO, WARNING, ERROR = 20, 30, 40


class Interrupted(Exception):
    """What a signal handler throws."""


@contextmanager
def on_alarm(handler: Callable[[], None], *, after: float = 0.05) -> Iterator[threading.Event]:
    """Run `handler` in the main thread a moment later; the event says that it ran."""
    ran = threading.Event()

    def handle(*_: object) -> None:
        ran.set()
        handler()

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        yield ran
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def throw(error: BaseException) -> Callable[[], None]:
    def handler() -> None:
        raise error

    return handler


def test_lines_arrive_as_given(pipe: Pipe) -> None:
    """Short and long lines reach the reader byte for byte, in order."""
    reader = Reader(pipe.reader)
    sent = [numbered(0, number, size) for number, size in enumerate((100, 4096, 4097, 300_000, 20))]
    writer = pipe.writer()
    for line in sent:
        writer.write(line, INFO)
    assert writer.flush()
    pipe.close_writers()
    assert reader.result() == b"".join(sent)
    assert writer.lost == 0


def test_the_descriptor_is_our_own(pipe: Pipe) -> None:
    """Closing the descriptor that was given does not close the writer's."""
    writer = pipe.writer()
    pipe.close_fd("fd")
    writer.write(b"still here\n", INFO)
    assert read_available(pipe.reader) == b"still here\n"


def test_l12_a_non_blocking_pipe_that_nobody_reads(make_pipe: Callable[..., Pipe]) -> None:
    """What arrives and what is reported as lost is what was sent, by level, and one wait is enough."""
    pipe = make_pipe(small=True, blocking=False)
    writer = pipe.writer(report=report, patience=0.1)
    sent = Counter[str]()
    begun = time.monotonic()
    for number in range(400):
        level, name = [(INFO, "INFO"), (ERROR, "ERROR")][number % 2]
        writer.write(numbered(0, number, 100), level)
        sent[name] += 1
    assert time.monotonic() - begun < 5  # not 0.1 s for each of some 360 lines
    assert writer.lost > 300
    assert not writer.flush()
    received = read_available(pipe.reader)
    writer.write(numbered(0, 400, 100), INFO)
    sent["INFO"] += 1
    assert writer.flush()
    lines, reported = split(received + read_available(pipe.reader))
    assert all(is_whole(line, (100,)) for line in lines)
    arrived = Counter("ERROR" if int(line.split(b":")[1]) % 2 else "INFO" for line in lines)
    assert arrived + reported == sent
    assert reported.total() == writer.lost


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.sampled_from([60, 1500, 4096, 4097, 9000, 70_000])),
            st.tuples(st.just("read"), st.integers(1, 20_000)),
        ),
        max_size=40,
    )
)
def test_l12_received_and_reported_is_sent(
    make_pipe: Callable[..., Pipe], steps: list[tuple[str, int]]
) -> None:
    """Whatever the reader does, every line arrives whole or is reported; a torn one is ended and is reported too."""
    pipe = make_pipe(small=True, blocking=False)
    writer = pipe.writer(report=report, patience=0.0)
    sent: dict[bytes, int] = {}
    data = b""
    for step, size in [*steps, ("read", 200_000), ("write", 60), ("read", 200_000)]:
        if step == "write":
            line = numbered(0, len(sent), size)
            sent[line[:-1]] = size
            writer.write(line, INFO)
        elif waiting := waiting_bytes(pipe.reader):
            data += os.read(pipe.reader, min(size, waiting))
    lines, reported = split(data + (b"\n" if data and not data.endswith(b"\n") else b""))
    whole = [line for line in lines if line in sent]
    torn = [line for line in lines if line and line not in sent]
    assert len(whole) == len(set(whole))
    assert len(whole) + reported["INFO"] == len(sent)
    assert reported["INFO"] == writer.lost
    assert all(any(line.startswith(piece) for line in sent) for piece in torn)
    pipe.close()


def test_l13_a_closed_pipe(pipe: Pipe, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is raised, everything is counted, and people are told once."""
    writer = pipe.writer(report=report)
    pipe.close_fd("reader")
    for number in range(3):
        writer.write(numbered(0, number, 100), INFO)
        writer.write(numbered(0, number, 100_000), INFO)
    writer.close()
    assert writer.lost == 6
    assert capfd.readouterr().err.count("logkit:") == 1


def test_a_reader_that_comes_back_is_told(tmp_path: Path) -> None:
    """A FIFO without a reader loses lines; the next reader learns how many."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    fd = os.open(fifo, os.O_WRONLY)
    writer = StdoutWriter(fd, report=report, lock_directory=tmp_path)
    os.close(reader)
    writer.write(b"lost\n", WARNING)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writer.write(b"arrived\n", INFO)
    assert read_available(reader) == b"arrived\n" + report({"WARNING": 1})
    writer.close()
    os.close(fd)
    os.close(reader)


def test_a_full_disk(capfd: pytest.CaptureFixture[str]) -> None:
    """A device without room costs the lines, which are counted, and nothing else."""
    fd = os.open("/dev/full", os.O_WRONLY)
    writer = StdoutWriter(fd, report=report)
    os.close(fd)
    writer.write(b"a\n", INFO)
    writer.write(b"b\n", INFO)
    assert writer.lost == 2
    writer.close()
    assert "No space left" in capfd.readouterr().err


def test_a_line_cut_short_by_a_full_disk_is_ended(tmp_path: Path) -> None:
    """The next line starts on a line of its own, and what was lost is reported."""
    script = """
        import resource, sys
        from logkit.writers import StdoutWriter
        from tests.unit.writers.lines import numbered, report
        writer = StdoutWriter(1, report=report)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        for number in range(6):
            writer.write(numbered(0, number, 300), 20)
        assert writer.lost == 3, writer.lost
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        writer.write(numbered(0, 6, 300), 20)
        assert writer.flush()
    """
    path = tmp_path / "out"
    with path.open("wb") as file, python(script, stdout=file) as process:
        pass
    assert process.returncode == 0
    lines, reported = split(path.read_bytes())
    assert [len(line) for line in lines] == [299, 299, 299, 100, 299]
    assert reported == {"INFO": 3}


@pytest.mark.parametrize("size", [100, 200_000])
def test_l03_a_signal_handler_that_logs_in_the_middle_of_a_write(pipe: Pipe, size: int) -> None:
    """The handler's line and the interrupted one both arrive whole."""
    writer = pipe.writer()
    writer.write(b"first\n", INFO)
    assert read_available(pipe.reader) == b"first\n"
    filler = numbered(0, 0, 65_536)
    os.write(pipe.fd, filler)  # now the pipe is full and the next write blocks
    line, inner, long_inner = numbered(0, 1, size), numbered(0, 2, 100), numbered(0, 3, 90_000)

    def handler() -> None:
        begin.set()
        writer.write(inner, INFO)
        writer.write(long_inner, INFO)

    begin = threading.Event()
    with on_alarm(handler) as ran:
        reader = Reader(pipe.reader, begin=begin)
        writer.write(line, INFO)
    assert ran.is_set()
    pipe.close_writers()
    assert sorted(reader.result().splitlines(keepends=True)) == sorted([filler, line, inner, long_inner])
    assert writer.lost == 0


def test_l03_a_finalizer_that_logs(pipe: Pipe) -> None:
    """`__del__` may log while a report is being made in the middle of a write."""

    class Noisy:
        def __del__(self) -> None:
            writer.write(b"finalized\n", INFO)

    def noisy_report(counts: dict[str, int]) -> bytes:
        Noisy()
        return report(counts)

    writer = pipe.writer(report=noisy_report)
    writer.count_lost(INFO)
    writer.write(b"line\n", INFO)
    assert read_available(pipe.reader) == b"line\n" + report({"INFO": 1}) + b"finalized\n"


def test_l12_an_exception_in_the_middle_of_a_long_line(pipe: Pipe) -> None:
    """The line is finished first, then the handler's exception reaches the caller."""
    writer = pipe.writer()
    line = numbered(0, 1, 200_000)
    with on_alarm(throw(Interrupted())) as ran:
        reader = Reader(pipe.reader, begin=ran)
        with pytest.raises(Interrupted):
            writer.write(line, INFO)
    pipe.close_writers()
    assert reader.result() == line
    assert writer.lost == 0


@pytest.mark.parametrize("moment", ["before", "after"])
def test_l12_a_count_survives_an_exception_that_strikes_while_it_is_made(moment: str) -> None:
    """A line that waits to be counted is at worst counted twice."""

    class Struck(Losses):
        def add(self, level: int, count: int = 1) -> None:
            if moment == "after":
                super().add(level, count)
            raise Interrupted

    waiting = deque([ERROR])
    losses = Struck(None)
    with pytest.raises(Interrupted):
        losses.take(waiting)
    assert losses.total + len(waiting) == (1 if moment == "before" else 2)


def test_l03_a_handler_that_flushes_while_lines_are_counted_counts_none_again() -> None:
    """Each is counted once, also what comes to wait meanwhile."""

    class Interrupting(Losses):
        def add(self, level: int, count: int = 1) -> None:
            super().add(level, count)
            if self.total == 1:
                self.take(waiting)
                waiting.append(INFO)

    waiting = deque([ERROR, WARNING])
    losses = Interrupting(None)
    losses.take(waiting)
    assert losses.unreported == {"ERROR": 1, "WARNING": 1, "INFO": 1}
    assert not waiting


def test_l12_exceptions_at_any_moment(make_pipe: Callable[..., Pipe]) -> None:
    """Exceptions that strike anywhere in a write leave no line torn, doubled or uncounted."""
    pipe = make_pipe(small=True)
    reader = Reader(pipe.reader)
    writer = pipe.writer()
    chance = random.Random(5)
    struck = Counter[str]()

    def handle(_: int, frame: FrameType | None) -> None:
        if frame is not None and Path(frame.f_code.co_filename).parent == Path(stdout.__file__).parent:
            struck[frame.f_code.co_name] += 1
            raise Interrupted

    before = signal.signal(signal.SIGALRM, handle)
    for number in range(600):
        signal.setitimer(signal.ITIMER_REAL, chance.random() * 0.0006 + 1e-6)
        with contextlib.suppress(Interrupted):
            writer.write(numbered(0, number, 60_000), INFO)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    assert struck.total() > 50
    lost = writer.lost
    pipe.close_writers()
    lines, _ = split(reader.result())
    assert all(is_whole(line, (60_000,)) for line in lines)
    assert len(set(lines)) == len(lines)
    # Before its first instruction `write` knows of no line; otherwise one may be counted although it arrived.
    assert 600 - struck["write"] <= len(lines) + lost <= 600 + struck.total()


def test_l12_an_exception_and_nobody_reads(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller gets away soon; the torn line is counted and ended before the next one."""
    monkeypatch.setattr(descriptor, "_GRACE", 0.1)
    writer = pipe.writer(report=report)
    with on_alarm(throw(Interrupted())), pytest.raises(Interrupted):
        writer.write(numbered(0, 1, 200_000), INFO)
    torn = read_available(pipe.reader)
    writer.write(b"next\n", INFO)
    assert numbered(0, 1, 200_000).startswith(torn)
    assert read_available(pipe.reader) == b"\nnext\n" + report({"INFO": 1})


@pytest.mark.parametrize("error", [Interrupted(), TimeoutError(), AttributeError(), KeyboardInterrupt()])
def test_an_exception_while_a_short_line_waits(pipe: Pipe, error: BaseException) -> None:
    """A handler's exception passes, also one that looks like a fault of the system; the line is counted."""
    writer = pipe.writer(report=report)
    writer.write(numbered(0, 0, 65_536), INFO)
    with on_alarm(throw(error)), pytest.raises(type(error)):
        writer.write(b"short\n", WARNING)
    assert writer.lost == 1
    read_available(pipe.reader)
    writer.write(b"next\n", INFO)
    assert read_available(pipe.reader) == b"next\n" + report({"WARNING": 1})


def test_threads_and_long_lines(pipe: Pipe) -> None:
    """Lines of eight threads, a third of them longer than a page, arrive whole."""
    reader = Reader(pipe.reader, pause=0.0005)
    writer = pipe.writer()

    def work(source: int) -> None:
        for number in range(60):
            writer.write(numbered(source, number, 30_000 if number % 3 == 0 else 100), INFO)

    threads = [threading.Thread(target=work, args=(source,)) for source in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.close_writers()
    lines = reader.result().splitlines()
    assert len(lines) == 480
    assert all(is_whole(line, (100, 30_000)) for line in lines)


def test_a_long_line_does_not_wait_for_a_thread_that_is_done(pipe: Pipe) -> None:
    """A thread that has written and still lives holds nobody up."""
    writer = pipe.writer()
    done, leave = threading.Event(), threading.Event()

    def work() -> None:
        for _ in range(3):
            writer.write(b"short\n", INFO)
        done.set()
        leave.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    assert done.wait(10)
    begun = time.monotonic()
    writer.write(numbered(0, 0, 10_000), INFO)
    assert time.monotonic() - begun < 2
    assert read_available(pipe.reader) == b"short\n" * 3 + numbered(0, 0, 10_000)
    leave.set()
    thread.join()


def test_losses_stay_with_the_process_that_had_them(make_pipe: Callable[..., Pipe]) -> None:
    """A forked child starts at zero and does not report its parent's losses again."""
    pipe = make_pipe(small=True, blocking=False)
    writer = pipe.writer(report=report, patience=0.0)
    for number in range(100):
        writer.write(numbered(0, number, 100), INFO)
    assert writer.lost
    read_available(pipe.reader)
    if (child := os.fork()) == 0:
        writer.write(b"child\n", INFO)
        os._exit(writer.lost)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert read_available(pipe.reader) == b"child\n"
    writer.write(b"parent\n", INFO)
    assert read_available(pipe.reader) == b"parent\n" + report({"INFO": writer.lost})


def test_without_a_shared_lock_lines_to_a_pipe_are_capped(pipe: Pipe, tmp_path: Path) -> None:
    """`max_line` says so, and a longer line is lost rather than torn."""
    writer = pipe.writer(report=report, lock_directory=tmp_path / "missing")
    assert writer.max_line == select.PIPE_BUF
    writer.write(numbered(0, 0, select.PIPE_BUF + 1), INFO)
    longest = numbered(0, 1, select.PIPE_BUF)
    writer.write(longest, INFO)
    assert read_available(pipe.reader) == longest + report({"INFO": 1})


def test_files_have_no_longest_line(tmp_path: Path) -> None:
    """A regular file takes lines of any length, in one write, from several writers."""
    with (tmp_path / "out").open("ab") as file:
        writers = [StdoutWriter(file.fileno()) for _ in range(2)]
        assert writers[0].max_line is None
        for number in range(20):
            writers[number % 2].write(numbered(0, number, 300_000), INFO)
        for writer in writers:
            writer.close()
    data = (tmp_path / "out").read_bytes()
    assert data == b"".join(numbered(0, number, 300_000) for number in range(20))


def test_a_socket(tmp_path: Path) -> None:
    """Standard output may be a socket, as under systemd."""
    import socket

    ours, theirs = socket.socketpair()
    with ours, theirs:
        writer = StdoutWriter(ours.fileno(), lock_directory=tmp_path)
        reader = Reader(theirs.fileno())
        sent = b"".join(numbered(0, number, size) for number, size in enumerate((50, 500_000, 50)))
        for line in sent.splitlines(keepends=True):
            writer.write(line, INFO)
        writer.close()
        ours.close()
        assert reader.result() == sent


def test_after_close(pipe: Pipe, capfd: pytest.CaptureFixture[str]) -> None:
    """The reader sees the end, and later lines are counted."""
    writer = pipe.writer()
    writer.write(b"last\n", INFO)
    writer.close()
    writer.close()
    pipe.close_fd("fd")
    assert read_to_end(pipe.reader) == b"last\n"
    writer.write(b"late\n", INFO)
    assert writer.lost == 1


def test_a_report_that_cannot_be_made_costs_nothing(pipe: Pipe) -> None:
    """A report that raises is left out; lines still get through."""

    def broken(counts: object) -> bytes:
        raise RuntimeError(counts)

    writer = pipe.writer(report=broken)
    writer.count_lost(INFO)
    writer.write(b"line\n", INFO)
    until(lambda: read_available(pipe.reader) == b"line\n", seconds=5)
    assert writer.lost == 1
