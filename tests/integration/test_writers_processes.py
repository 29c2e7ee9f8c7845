"""The writers as whole processes meet them: shared pipes, closed pipes, forks, the end of a process."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.writers.lines import Reader, is_whole, numbered, python, split, until

WORKER = """
    import sys, threading
    from logkit.writers import StdoutWriter
    from tests.unit.writers.lines import numbered
    source, threads, count = map(int, sys.argv[1:])
    writer = StdoutWriter(1)
    assert writer.max_line is None

    def work(thread):
        for number in range(count):
            writer.write(numbered(source * threads + thread, number, 100_000 if number % 4 == 0 else 100), 20)

    running = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    writer.close()
    assert writer.lost == 0
"""

FORKING = """
    import os, sys
    from logkit.writers import StdoutWriter
    writer = StdoutWriter(1)
    children = []
    for source in range(int(sys.argv[1])):
        child = os.fork()
        if child == 0:
            exec(compile(sys.argv[2], "worker", "exec"), {"writer": writer, "source": source})
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)
    writer.close()
"""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        os.close(fd)


def finish(process: subprocess.Popen[bytes]) -> int:
    with process:
        return process.wait(60)


@pytest.mark.parametrize("related", [False, True], ids=["started apart", "forked"])
def test_l11_four_processes_write_long_lines_to_one_pipe(related: bool) -> None:
    """Lines of 100 kB and of 100 B, from four processes with four threads each and a slow reader, arrive whole."""
    reading, writing = os.pipe()
    reader = Reader(reading, pause=0.0003)
    if related:
        work = textwrap.dedent(WORKER).replace(
            "source, threads, count = map(int, sys.argv[1:])", "threads, count = 4, 40"
        )
        work = work.replace("writer = StdoutWriter(1)\n", "").replace("writer.close()\n", "")
        processes = [python(FORKING, 4, work, stdout=writing)]
    else:
        processes = [python(WORKER, source, 4, 40, stdout=writing) for source in range(4)]
    os.close(writing)
    assert [finish(process) for process in processes] == [0] * len(processes)
    lines, _ = split(reader.result())
    os.close(reading)
    assert len(lines) == 4 * 4 * 40
    assert all(is_whole(line, (100, 100_000)) for line in lines)
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("action", ["log", "raise"])
def test_l12_a_signal_in_the_middle_of_a_blocked_write(pipe: tuple[int, int], action: str) -> None:
    """Unbuffered Python, a full pipe and a handler that logs or raises: the 200 kB line is intact."""
    reading, writing = pipe
    script = """
        import os, signal, sys
        from logkit.writers import StdoutWriter
        from tests.unit.writers.lines import numbered
        writer = StdoutWriter(1)

        def handle(*_):
            if sys.argv[1] == "raise":
                raise RuntimeError("from the handler")
            writer.write(b"handler\\n", 40)

        signal.signal(signal.SIGUSR1, handle)
        try:
            writer.write(numbered(0, 0, 200_000), 20)
        except RuntimeError:
            writer.write(b"handler\\n", 40)
        writer.close()
        sys.exit(writer.lost)
    """
    process = python(script, action, stdout=writing, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    until(lambda: not select.select([], [writing], [], 0)[1])
    process.send_signal(signal.SIGUSR1)
    data = b""
    while data.count(b"\n") < 2:
        data += os.read(reading, 4096)
    assert finish(process) == 0
    assert data == numbered(0, 0, 200_000) + b"handler\n"


@pytest.mark.parametrize("code", [0, 3])
@pytest.mark.parametrize("mode", ["direct", "buffered"])
def test_l13_a_closed_pipe(pipe: tuple[int, int], mode: str, code: int) -> None:
    """At most one notice on stderr, and the exit code that the program gave."""
    script = """
        import sys
        from logkit.writers import BufferedWriter, StdoutWriter
        writer = StdoutWriter(1)
        if sys.argv[1] == "buffered":
            writer = BufferedWriter(writer)
        for number in range(1000):
            writer.write(b"line\\n", 20)
        writer.close()
        assert writer.lost == 1000, writer.lost
        sys.exit(int(sys.argv[2]))
    """
    reading, writing = os.pipe()
    process = python(script, mode, code, stdout=writing, stderr=subprocess.PIPE)
    os.close(reading)
    os.close(writing)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert stderr.count(b"\n") == 1
    assert b"Broken pipe" in stderr


EXITS = """
    import atexit, os, sys, threading
    from logkit.writers import BufferedWriter, StdoutWriter
    writer = None
    atexit.register(lambda: writer.write(b"atexit\\n", 20))  # runs after the writer's own
    writer = BufferedWriter(StdoutWriter(1))
    for number in range(2000):
        writer.write(b"%d\\n" % number, 20)
    how = sys.argv[1]
    if how == "exit":
        sys.exit(3)
    if how == "exception":
        sys.excepthook = lambda *_: None
        raise SystemError
    if how == "thread":
        threading.Thread(target=lambda: [writer.write(b"thread\\n", 20) for _ in range(100)]).start()
"""


@pytest.mark.parametrize(
    ("how", "code", "more"), [("end", 0, 0), ("exit", 3, 0), ("exception", 1, 0), ("thread", 0, 100)]
)
def test_l17_what_was_accepted_is_written_at_exit(how: str, code: int, more: int) -> None:
    """However the interpreter ends, the queue is written first, and lines of later exit handlers too."""
    with python(EXITS, how, stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=60)
    lines = out.splitlines()
    assert process.returncode == code
    assert [line for line in lines if line.isdigit()] == [b"%d" % number for number in range(2000)]
    assert lines.count(b"thread") == more
    assert lines[-1] == b"atexit"


@pytest.mark.parametrize("library", ["multiprocessing", "billiard"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_l17_children_of_process_pools(tmp_path: Path, library: str, method: str) -> None:
    """A child that ends without exit handlers writes its queue nevertheless."""
    script = """
        import importlib, sys
        from logkit.writers import BufferedWriter, StdoutWriter

        def work(source, writer=None):
            writer = writer or BufferedWriter(StdoutWriter(1))
            for number in range(500):
                writer.write(b"%d:%d\\n" % (source, number), 20)

        if __name__ == "__main__":
            library = importlib.import_module(sys.argv[1])
            context = library.get_context(sys.argv[2])
            writer = BufferedWriter(StdoutWriter(1))
            work(0, writer)
            arguments = (writer,) if sys.argv[2] == "fork" else ()
            children = [context.Process(target=work, args=(source, *arguments)) for source in (1, 2)]
            for child in children:
                child.start()
            for child in children:
                child.join()
    """
    file = tmp_path / "pool.py"  # spawned children import it
    file.write_text(textwrap.dedent(script))
    run = subprocess.run(
        [sys.executable, file, library, method],
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "PYTHONWARNINGS": "ignore"},
    )
    lines = run.stdout.splitlines()
    assert Counter(line.split(b":")[0] for line in lines) == {b"0": 500, b"1": 500, b"2": 500}
    assert len(set(lines)) == 1500


def test_l17_exit_with_a_stalled_reader(pipe: tuple[int, int]) -> None:
    """The process ends in bounded time and says how many lines nobody took."""
    script = """
        from logkit.writers import BufferedWriter, StdoutWriter
        writer = BufferedWriter(StdoutWriter(1), exit_timeout=0.3)
        for number in range(5000):
            writer.write(b"x" * 200 + b"\\n", 20)
    """
    begun = time.monotonic()
    with python(script, stdout=pipe[1], stderr=subprocess.PIPE) as process:
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    assert time.monotonic() - begun < 20
    assert b"lines could not be written to standard output" in stderr
