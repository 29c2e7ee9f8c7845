"""Lines through a bounded queue: nobody waits, the lowest level goes first, every drop is counted."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from logkit.parsers import Rotation
from logkit.writers import BufferedWriter, RotatingFileWriter, Writer
from tests.unit.writers.conftest import Pipe
from tests.unit.writers.lines import Reader, is_whole, numbered, read_available, report, split, until

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40
NAMES = {DEBUG: "DEBUG", INFO: "INFO", WARNING: "WARNING", ERROR: "ERROR"}


def test_lines_arrive_in_order(pipe: Pipe) -> None:
    """What goes through the queue comes out as it went in, whatever the levels."""
    reader = Reader(pipe.reader)
    writer = BufferedWriter(pipe.writer())
    sent = [numbered(0, number, 100) for number in range(3000)]
    for number, line in enumerate(sent):
        writer.write(line, (DEBUG, ERROR, INFO)[number % 3])
    assert writer.flush(20)
    writer.close()
    pipe.close_writers()
    assert reader.result() == b"".join(sent)
    assert writer.lost == 0


def test_the_lowest_level_goes_first(make_pipe: Callable[..., Pipe]) -> None:
    """With nobody reading, errors displace the rest; arrived and reported, by level, is what was sent."""
    pipe = make_pipe(small=True)
    writer = BufferedWriter(pipe.writer(report=report), max_bytes=50_000, patience=0.0)
    sent = Counter[str]()
    for number in range(2000):
        level = (
            (DEBUG, INFO, WARNING, DEBUG, ERROR)[number % 5] if number % 50 < 5 else (DEBUG, INFO)[number % 2]
        )
        writer.write(numbered(level, number, 200), level)
        sent[NAMES[level]] += 1
    reader = Reader(pipe.reader)
    assert writer.flush(20)
    lost = writer.lost
    writer.close()
    pipe.close_writers()
    lines, reported = split(reader.result())
    arrived = Counter(NAMES[int(line.split(b":")[0])] for line in lines)
    assert arrived + reported == sent
    assert reported.total() == lost
    assert arrived["ERROR"] == sent["ERROR"]
    assert arrived["WARNING"] == sent["WARNING"]
    assert reported["DEBUG"] > 0
    assert all(is_whole(line, (200,)) for line in lines)
    numbers = [int(line.split(b":")[1]) for line in lines]
    assert numbers == sorted(numbers)


def test_nobody_waits_below_error(make_pipe: Callable[..., Pipe]) -> None:
    """A stalled reader costs the callers nothing, and memory stays bounded."""
    pipe = make_pipe(small=True)
    writer = BufferedWriter(pipe.writer(), max_bytes=100_000, exit_timeout=0.1)
    slowest = 0.0
    for number in range(20_000):
        begun = time.perf_counter()
        writer.write(numbered(0, number, 300), WARNING)
        slowest = max(slowest, time.perf_counter() - begun)
    assert slowest < 0.5
    assert writer.lost > 19_000
    pipe.close_fd("reader")
    writer.close()


def test_errors_wait_for_room_once(make_pipe: Callable[..., Pipe]) -> None:
    """An error waits up to the deadline; after a wait in vain nobody waits until the reader has moved."""
    pipe = make_pipe(small=True)
    writer = BufferedWriter(pipe.writer(report=report), max_bytes=20_000, patience=0.2)
    begun = time.monotonic()
    for number in range(300):
        writer.write(numbered(0, number, 200), ERROR)
    assert 0.2 <= time.monotonic() - begun < 5
    lost = writer.lost
    assert lost > 100
    reader = Reader(pipe.reader)
    assert writer.flush(20)
    for number in range(300, 900):  # now errors wait, and all get through
        writer.write(numbered(0, number, 200), ERROR)
    assert writer.flush(20)
    assert writer.lost == lost
    writer.close()
    pipe.close_writers()
    lines, reported = split(reader.result())
    assert len(lines) == 900 - lost
    assert reported == {"ERROR": lost}


def test_a_line_larger_than_the_queue(pipe: Pipe) -> None:
    """It is counted, and costs no other line its place."""
    writer = BufferedWriter(pipe.writer(report=report), max_bytes=10_000)
    writer.write(numbered(0, 0, 20_000), ERROR)
    writer.write(b"next\n", DEBUG)
    assert writer.flush(10)
    assert read_available(pipe.reader) == b"next\n" + report({"ERROR": 1})
    writer.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_l02_fork_with_a_full_pipe(make_pipe: Callable[..., Pipe]) -> None:
    """With the writer thread stuck in a full pipe, `os.fork()` returns at once and parent and child go on logging."""
    pipe = make_pipe(small=True)
    writer = BufferedWriter(pipe.writer(report=report), max_bytes=1_000_000)
    for number in range(100):
        writer.write(numbered(0, number, 200), INFO)
    until(lambda: not os_writable(pipe.fd))
    begun = time.monotonic()
    if (child := os.fork()) == 0:
        try:
            for number in range(50):
                writer.write(numbered(1, number, 200), INFO)
            assert time.monotonic() - begun < 5
            assert writer.flush(20)
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert time.monotonic() - begun < 5
    thread = threading.Thread(target=writer.write, args=(numbered(0, 100, 200), INFO))
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    reader = Reader(pipe.reader)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert writer.flush(20)
    writer.close()
    pipe.close_writers()
    lines, reported = split(reader.result())
    assert Counter(line.split(b":")[0] for line in lines) == {b"0": 101, b"1": 50}
    assert len(set(lines)) == 151
    assert not reported


def os_writable(fd: int) -> bool:
    import select

    return bool(select.select([], [fd], [], 0)[1])


def test_l03_signal_handlers_that_log(pipe: Pipe) -> None:
    """A handler that logs every millisecond, in the middle of whatever the queue does, loses nothing."""
    reader = Reader(pipe.reader)
    writer = BufferedWriter(pipe.writer())
    handled = 0

    def handle(*_: object) -> None:
        nonlocal handled
        handled += 1
        writer.write(numbered(1, handled, 100), ERROR)

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for number in range(20_000):
            writer.write(numbered(0, number, 100), INFO)
            if number % 1000 == 0:
                assert writer.flush(20)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert writer.flush(20)
    writer.close()
    pipe.close_writers()
    lines, _ = split(reader.result())
    assert handled > 10
    assert Counter(line.split(b":")[0] for line in lines) == {b"0": 20_000, b"1": handled}
    assert len(set(lines)) == len(lines)
    assert writer.lost == 0


def test_an_exception_while_an_error_waits(make_pipe: Callable[..., Pipe]) -> None:
    """A handler's exception reaches the caller, and the line that waited is counted."""
    pipe = make_pipe(small=True)
    writer = BufferedWriter(pipe.writer(), max_bytes=10_000, patience=30.0, exit_timeout=0.1)
    for number in range(20):
        writer.write(numbered(0, number, 200), ERROR)
    until(lambda: not os_writable(pipe.fd))

    def handle(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.1)

    def fill() -> None:
        for number in range(20, 200):
            writer.write(numbered(0, number, 200), ERROR)

    with pytest.raises(TimeoutError):
        fill()
    signal.signal(signal.SIGALRM, before)
    assert writer.lost == 1
    pipe.close_fd("reader")
    writer.close()


def test_close_with_a_stalled_reader(
    make_pipe: Callable[..., Pipe], capfd: pytest.CaptureFixture[str]
) -> None:
    """Closing takes no longer than it was told, and says on stderr how many lines nobody took."""
    pipe = make_pipe(small=True)
    inner = pipe.writer(report=report)
    writer = BufferedWriter(inner, exit_timeout=0.2)
    for number in range(100):
        writer.write(numbered(0, number, 200), INFO)
    begun = time.monotonic()
    writer.close()
    assert time.monotonic() - begun < 5
    arrived = len(read_available(pipe.reader).splitlines())
    assert writer.lost + arrived in (100, 101)  # the line that was being written may have arrived after all
    assert f"logkit: {writer.lost} lines" in capfd.readouterr().err
    writer.write(b"late\n", INFO)
    assert writer.lost + arrived in (101, 102)


def test_every_writer_keeps_the_contract(pipe: Pipe, tmp_path: Path) -> None:
    """All three take lines, count what others lost, flush, and count what comes after they are closed."""
    stdout = pipe.writer()
    rotating = RotatingFileWriter(
        tmp_path / "app.jsonl", rotation=Rotation(1000), retention=timedelta(days=1)
    )
    writers: list[Writer] = [BufferedWriter(rotating), rotating, BufferedWriter(stdout), stdout]
    for writer in writers:
        before = writer.lost
        writer.write(b"line\n", INFO)
        writer.count_lost(INFO, 2)
        assert writer.lost == before + 2
    for writer in writers:
        writer.close()
        before = writer.lost
        writer.write(b"late\n", INFO)
        writer.flush(0)
        assert writer.lost == before + 1
    assert read_available(pipe.reader) == b"line\n" * 2
    assert (tmp_path / "app.jsonl").read_bytes() == b"line\n" * 2
