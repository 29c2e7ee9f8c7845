"""Lines in files that rotate: whatever happens to the file, each line is in one place once, or counted."""

import fcntl
import gzip
import os
import re
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from logkit.parsers import Rotation
from logkit.writers import RotatingFileWriter, archive
from tests.unit.writers.lines import numbered, python, report, split, until

INFO, ERROR = 20, 40
DAY = timedelta(days=1)
NAME = re.compile(r"app-\d{8}T\d{6}\.\d{6}Z\.jsonl(\.gz)?")

Make = Callable[..., RotatingFileWriter]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "app.jsonl"


@pytest.fixture
def make(path: Path) -> Iterator[Make]:
    """Makes writers to `path`; several of them behave as several processes would."""
    made: list[RotatingFileWriter] = []

    def make_writer(
        *, size: int | None = 10_000, seconds: int | None = None, **options: object
    ) -> RotatingFileWriter:
        options = {"retention": DAY, "report": report, **options}
        writer = RotatingFileWriter(path, rotation=Rotation(size, seconds), **options)  # type: ignore[arg-type]
        made.append(writer)
        return writer

    yield make_writer
    for writer in made:
        writer.close()


def rotated(path: Path) -> list[Path]:
    return sorted(file for file in path.parent.iterdir() if NAME.fullmatch(file.name))


def content(path: Path) -> bytes:
    """Everything that was written, oldest first."""
    parts = [
        gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        for file in rotated(path)
    ]
    return b"".join(parts) + (path.read_bytes() if path.exists() else b"")


def test_rotation_by_size(path: Path, make: Make) -> None:
    """No file is longer than it may be, rotated ones are compressed, and no line is lost on the way."""
    writer = make(size=10_000)
    sent = [numbered(0, number, 300) for number in range(200)]
    for line in sent:
        writer.write(line, INFO)
    writer.close()
    files = rotated(path)
    assert content(path) == b"".join(sent)
    assert len(files) == 6
    assert all(len(gzip.decompress(file.read_bytes())) <= 10_000 for file in files if file.suffix == ".gz")
    assert writer.lost == 0


def test_rotated_files_are_compressed_in_the_end(path: Path, make: Make) -> None:
    """A closed writer's successor compresses what was still in use."""
    writer = make(size=1000)
    for number in range(20):
        writer.write(numbered(0, number, 300), INFO)
    writer.close()
    make().close()
    assert rotated(path)
    assert all(file.suffix == ".gz" for file in rotated(path))


def test_rotation_by_time(path: Path, make: Make) -> None:
    """A file from an earlier period is rotated before the next line."""
    make(size=None, seconds=3600).write(b"yesterday\n", INFO)
    os.utime(path, (time.time() - 3600, time.time() - 3600))
    writer = make(size=None, seconds=3600)
    writer.write(b"today\n", INFO)
    assert path.read_bytes() == b"today\n"
    assert len(rotated(path)) == 1
    assert content(path) == b"yesterday\ntoday\n"


def test_a_period_ends_while_the_writer_is_open(path: Path, make: Make) -> None:
    """With a period of a second, lines that are two seconds apart are in different files."""
    writer = make(size=None, seconds=1)
    writer.write(b"first\n", INFO)
    second = int(time.time())
    until(lambda: int(time.time()) > second + 1)
    writer.write(b"second\n", INFO)
    assert path.read_bytes() == b"second\n"


def test_retention(path: Path, make: Make) -> None:
    """Rotated files older than the retention go, younger and foreign ones stay."""
    path.parent.mkdir()
    names = {
        "app-20200101T000000.000000Z.jsonl": False,
        "app-20200101T000000.000001Z.jsonl.gz": False,
        "app-29990101T000000.000000Z.jsonl.gz": True,
        "app-20200101.jsonl": True,
        "other-20200101T000000.000000Z.jsonl": True,
        "app-20209999T000000.000000Z.jsonl": True,
    }
    for name in names:
        (path.parent / name).write_bytes(b"x\n")
    make().close()
    assert {name: (path.parent / name).exists() for name in names} == names


def test_names_sort_by_time_even_when_the_clock_goes_back(path: Path) -> None:
    """The next name is later than every one that exists."""
    path.parent.mkdir()
    (path.parent / "app-29990101T000000.000009Z.jsonl.gz").write_bytes(b"")
    assert archive.next_name(path).name == "app-29990101T000000.000010Z.jsonl"


def test_the_mode_is_as_given(path: Path, make: Make) -> None:
    """The umask does not decide who may read the file, also after rotation and compression."""
    before = os.umask(0o077)
    try:
        writer = make(size=1000, mode=0o640)
        for number in range(10):
            writer.write(numbered(0, number, 300), INFO)
        writer.close()
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in [path, *rotated(path)]}
    assert modes == {0o640}


def test_another_process_rotates(path: Path, make: Make) -> None:
    """A late line goes into the new file; the old one is compressed only when nobody holds it any more."""
    idle, busy = make(size=1000), make(size=1000)
    idle.write(b"idle\n", INFO)
    for number in range(8):
        busy.write(numbered(0, number, 300), INFO)
    busy.close()
    first = rotated(path)[0]
    assert first.suffix == ".jsonl"  # `idle` still has it
    idle.write(b"late\n", INFO)
    idle.write(b"next\n", INFO)
    idle.close()
    assert b"idle\n" in gzip.decompress(rotated(path)[0].read_bytes())
    assert path.read_bytes().endswith(b"late\nnext\n")
    assert len(content(path).splitlines()) == 11


def test_one_process_rotates_at_a_time(path: Path, make: Make) -> None:
    """A rotation waits for another one to end, and then sees that it is not needed any more."""
    writer, other = make(size=1000), make(size=1000)
    writer.write(numbered(0, 0, 900), INFO)
    other.write(b"other\n", INFO)
    with (path.parent / ".app.jsonl.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threads = [
            threading.Thread(target=each.write, args=(numbered(1, number, 900), INFO))
            for number, each in enumerate((writer, other))
        ]
        for thread in threads:
            thread.start()
        threads[0].join(0.2)
        assert all(thread.is_alive() for thread in threads)
        assert rotated(path) == []
    for thread in threads:
        thread.join(10)
    assert len(content(path).splitlines()) == 4


def test_logrotate_with_rename(path: Path, make: Make) -> None:
    """A file renamed from outside is left with its lines, as a follower leaves it; the next line makes a new one."""
    writer = make()
    writer.write(b"a\n", INFO)
    path.rename(path.with_suffix(".1"))
    writer.write(b"b\n", INFO)
    writer.write(b"c\n", INFO)
    assert path.with_suffix(".1").read_bytes() == b"a\n"
    assert path.read_bytes() == b"b\nc\n"


def test_logrotate_with_rename_and_create(path: Path, make: Make) -> None:
    """When a new file is already there, lines go into it."""
    writer = make()
    writer.write(b"a\n", INFO)
    path.rename(path.with_suffix(".1"))
    path.write_bytes(b"")
    writer.write(b"b\n", INFO)
    writer.write(b"c\n", INFO)
    assert path.with_suffix(".1").read_bytes() == b"a\n"
    assert path.read_bytes() == b"b\nc\n"


def test_logrotate_with_copytruncate(path: Path, make: Make) -> None:
    """A truncated file continues at its start, without a hole."""
    writer = make(size=1000)
    writer.write(numbered(0, 0, 900), INFO)
    os.truncate(path, 0)
    writer.write(numbered(0, 1, 900), INFO)
    assert content(path).lstrip(b"\0") == content(path)
    assert numbered(0, 1, 900) in content(path)


def test_the_file_is_deleted(path: Path, make: Make) -> None:
    """The line that would have vanished with it is written again."""
    writer = make()
    writer.write(b"a\n", INFO)
    path.unlink()
    writer.write(b"b\n", INFO)
    assert path.read_bytes() == b"b\n"
    assert writer.lost == 0


def test_the_directory_is_deleted(path: Path, make: Make) -> None:
    """It is made again, and the line is in it."""
    writer = make()
    writer.write(b"a\n", INFO)
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    writer.write(b"b\n", INFO)
    assert path.read_bytes() == b"b\n"
    assert writer.lost == 0


def test_a_directory_that_cannot_be_made(path: Path, make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """While a file stands where the directory was, lines are counted; then they are reported."""
    writer = make()
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    path.parent.write_bytes(b"")
    for _ in range(3):
        writer.write(b"lost\n", ERROR)
    assert writer.lost == 3
    assert capfd.readouterr().err.count("logkit:") == 1
    path.parent.unlink()
    writer.write(b"arrived\n", INFO)
    assert path.read_bytes() == b"arrived\n" + report({"ERROR": 3})


def test_a_path_that_cannot_be_opened(path: Path, make: Make) -> None:
    """That is found out at the start."""
    path.parent.write_bytes(b"")
    with pytest.raises(OSError, match=r"File exists|Not a directory"):
        make()


def test_a_line_cut_short(path: Path) -> None:
    """After a short write, another process ends the line before its own; what was lost is reported."""
    script = """
        import os, resource, sys
        from datetime import timedelta
        from pathlib import Path
        from logkit.parsers import Rotation
        from logkit.writers import RotatingFileWriter
        from tests.unit.writers.lines import numbered, report

        def make():
            return RotatingFileWriter(
                Path(sys.argv[1]), rotation=Rotation(10**6), retention=timedelta(1), report=report
            )

        writer, other = make(), make()
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        for number in range(6):
            writer.write(numbered(0, number, 300), 20)
        assert writer.lost == 3, writer.lost
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        if (child := os.fork()) == 0:
            other.write(numbered(1, 0, 300), 20)
            os._exit(0)
        os.waitpid(child, 0)
        writer.write(numbered(0, 6, 300), 20)
        assert writer.lost == 3
    """
    with python(script, path) as process:
        pass
    assert process.returncode == 0
    lines, reported = split(path.read_bytes())
    assert [len(line) for line in lines] == [299, 299, 299, 100, 299, 299]
    assert reported == {"INFO": 3}


def test_a_rotation_that_fails(
    path: Path, make: Make, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The file grows rather than a line is lost."""
    monkeypatch.setattr(archive, "next_name", lambda path: path.parent / "missing" / "name")
    writer = make(size=1000)
    sent = [numbered(0, number, 300) for number in range(10)]
    for line in sent:
        writer.write(line, INFO)
    assert path.read_bytes() == b"".join(sent)
    assert writer.lost == 0
    assert "cannot be rotated" in capfd.readouterr().err


@pytest.mark.parametrize("left", ["part", "both"])
def test_half_done_compression_is_finished(path: Path, make: Make, left: str) -> None:
    """A kill in the middle of a compression leaves nothing that the next start does not put right."""
    path.parent.mkdir()
    file = path.parent / "app-29990101T000000.000000Z.jsonl"
    file.write_bytes(b"line\n")
    if left == "part":
        (path.parent / f".{file.name}.gz.part").write_bytes(b"\x1f\x8b half")
        (path.parent / ".app-20200101T000000.000000Z.jsonl.gz.part").write_bytes(b"orphan")
    else:
        (path.parent / f"{file.name}.gz").write_bytes(gzip.compress(b"line\n"))
    make().close()
    assert content(path) == b"line\n"
    assert not list(path.parent.glob(".*.part"))
    assert not file.exists()


def test_threads_and_writers_at_once(path: Path, make: Make) -> None:
    """Four writers with four threads each, rotating all the time: every line once, none torn."""
    writers = [make(size=20_000) for _ in range(4)]

    def work(source: int) -> None:
        for number in range(300):
            writers[source % 4].write(numbered(source, number, 200), INFO)

    threads = [threading.Thread(target=work, args=(source,)) for source in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.close()
    sent = sorted(numbered(source, number, 200) for source in range(16) for number in range(300))
    assert sorted(content(path).splitlines(keepends=True)) == sent
    assert len(rotated(path)) > 10


def test_l03_a_signal_handler_that_logs(path: Path, make: Make) -> None:
    """A handler that logs in the middle of writes and rotations loses nothing."""
    writer = make(size=5000)
    handled = 0

    def handle(*_: object) -> None:
        nonlocal handled
        handled += 1
        writer.write(numbered(1, handled, 100), ERROR)

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        for number in range(2000):
            writer.write(numbered(0, number, 100), INFO)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.close()
    assert handled > 10
    assert len(set(content(path).splitlines())) == 2000 + handled


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_its_own(path: Path, make: Make) -> None:
    """Parent and child rotate the same file; the child's counts start at zero."""
    writer = make(size=5000)
    writer.count_lost(INFO)
    if (child := os.fork()) == 0:
        for number in range(100):
            writer.write(numbered(1, number, 200), INFO)
        writer.close()
        os._exit(writer.lost)
    for number in range(100):
        writer.write(numbered(0, number, 200), INFO)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    writer.close()
    lines, reported = split(content(path))
    assert len(set(lines)) == 200
    assert reported == {"INFO": 1}
