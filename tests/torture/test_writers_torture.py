"""Writers under kills, full disks and a million lines."""

import gzip
import os
import random
import re
import signal
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from logkit.parsers import Rotation
from logkit.writers import RotatingFileWriter
from tests.unit.writers.lines import is_whole, numbered, python, report, split, until

pytestmark = pytest.mark.torture

PROCESSES, THREADS, PER_THREAD = 4, 4, 62_500


def test_a_million_lines_through_one_pipe() -> None:
    """1,000,000 lines from 4 processes x 4 threads arrive complete and untorn, each thread's in order."""
    script = """
        import sys, threading
        from logkit.writers import StdoutWriter
        source, threads, count = map(int, sys.argv[1:])
        writer = StdoutWriter(1)

        def work(thread):
            filling = b"x" * 300 + b"\\n"
            long = b"y" * 20_000 + b"\\n"
            for number in range(count):
                writer.write(b"%d:%d:" % (thread, number) + (long if number % 10_000 == 5000 else filling), 20)

        running = [threading.Thread(target=work, args=(source * threads + thread,)) for thread in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        writer.close()
        assert writer.lost == 0
    """
    reading, writing = os.pipe()
    begun = time.monotonic()
    processes = [python(script, source, THREADS, PER_THREAD, stdout=writing) for source in range(PROCESSES)]
    os.close(writing)
    whole = re.compile(rb"(\d+):(\d+):(?:x{300}|y{20000})")
    following = Counter[bytes]()
    count, rest = 0, b""
    while chunk := os.read(reading, 1 << 20):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            match = whole.fullmatch(line)
            assert match, line[:100]
            assert int(match[2]) == following[match[1]]
            following[match[1]] += 1
        count += len(lines)
    os.close(reading)
    seconds = time.monotonic() - begun
    for process in processes:
        with process:
            assert process.wait(60) == 0
    assert rest == b""
    assert count == PROCESSES * THREADS * PER_THREAD
    print(f"\n{count:,} lines in {seconds:.1f} s, the reader's checks included")


def test_kill_9_in_the_middle_of_lines_to_a_pipe() -> None:
    """Killed writers leave torn lines, each ended before the next one; the others' lines are all there."""
    script = """
        import os, sys
        from logkit.writers import StdoutWriter
        from tests.unit.writers.lines import numbered
        source, count = map(int, sys.argv[1:])
        writer = StdoutWriter(1)
        for number in range(count):
            writer.write(numbered(source, number, (100, 70_000)[number % 3 == 0]), 20)
        writer.close()
    """
    reading, writing = os.pipe()
    survivor = python(script, 0, 600, stdout=writing)
    victims = [python(script, source, 10**9, stdout=writing) for source in range(1, 9)]
    os.close(writing)
    chance = random.Random(7)
    data, left = b"", list(victims)
    kill_at = 2_000_000
    while chunk := os.read(reading, 20_000):
        data += chunk
        if left and len(data) > kill_at:
            victim = left.pop()
            victim.kill()
            victim.wait()
            kill_at += chance.randrange(200_000, 900_000)
    os.close(reading)
    for process in [survivor, *victims]:
        with process:
            process.wait(60)
    assert survivor.returncode == 0
    whole, torn = Counter[bytes](), []
    for line in data.split(b"\n"):
        if re.fullmatch(rb"\d+:\d+:[a-z]+", line) and is_whole(line, (100, 70_000)):
            whole[line.split(b":")[0]] += 1
        elif line:
            torn.append(line)
    assert whole[b"0"] == 600
    assert len(torn) <= len(victims)
    assert all(
        re.fullmatch(rb"\d+(:(\d+(:[a-z]*)?)?)?", line) for line in torn
    )  # a beginning, never two glued


ACKNOWLEDGING = """
    import os, struct, sys
    from datetime import timedelta
    from pathlib import Path
    from logkit.parsers import Rotation
    from logkit.writers import RotatingFileWriter
    from tests.unit.writers.lines import numbered, report
    path, source, acknowledge = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    writer = RotatingFileWriter(path, rotation=Rotation(8_000), retention=timedelta(1), report=report)
    number = 0
    while True:
        writer.write(numbered(source, number, 200), 20)
        os.write(acknowledge, struct.pack("II", source, number))
        number += 1
"""


def everything(path: Path) -> list[bytes]:
    lines: list[bytes] = []
    for file in sorted(path.parent.glob("app*.jsonl*")):
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        assert data.endswith(b"\n") or not data
        lines += data.splitlines()
    return lines


@pytest.mark.timeout(180)
def test_kill_9_at_any_moment_of_a_rotation(tmp_path: Path) -> None:
    """Eight writers that rotate all the time and are killed at random: nothing lost, doubled or torn."""
    path = tmp_path / "logs" / "app.jsonl"
    reading, acknowledge = os.pipe()
    os.set_blocking(reading, False)
    chance = random.Random(11)
    acknowledged: set[tuple[int, int]] = set()
    running: dict[int, subprocess.Popen[bytes]] = {}
    started = kills = 0
    try:
        while kills < 60 or len(acknowledged) < 5000:
            while len(running) < 8:
                running[started] = python(ACKNOWLEDGING, path, started, acknowledge, pass_fds=[acknowledge])
                started += 1
            until(lambda: collect(reading, acknowledged), seconds=60)
            time.sleep(chance.random() * 0.15)  # the moment of the kill
            victim = running.pop(chance.choice(sorted(running)))
            victim.kill()
            victim.wait()
            kills += 1
            collect(reading, acknowledged)
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    while collect(reading, acknowledged):
        pass
    os.close(reading)
    os.close(acknowledge)
    for _ in range(2):
        RotatingFileWriter(path, rotation=Rotation(8_000), retention=timedelta(1)).close()
    lines = everything(path)
    assert all(is_whole(line, (200,)) for line in lines)
    found = {(int(line.split(b":")[0]), int(line.split(b":")[1])) for line in lines}
    assert len(found) == len(lines), "doubled"
    assert acknowledged <= found, "lost"
    assert len(found - acknowledged) <= started  # at most the one that each was about to acknowledge
    assert not list(path.parent.glob(".*.part"))
    assert len(list(path.parent.glob("*.gz"))) > 20


def collect(reading: int, acknowledged: set[tuple[int, int]]) -> bool:
    try:
        data = os.read(reading, 65_536)
    except BlockingIOError:
        return False
    acknowledged.update(struct.iter_unpack("II", data))
    return bool(data)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    if os.geteuid() != 0:
        pytest.fail("this test mounts a small tmpfs and has to run as root")
    where = tmp_path / "disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", where], check=True)
    yield where
    subprocess.run(["umount", "-l", where], check=True)


def test_a_full_disk_with_four_processes(small_disk: Path) -> None:
    """What does not fit is counted, exactly; when there is room again, it is reported and lines go on."""
    script = """
        import os, sys
        from datetime import timedelta
        from pathlib import Path
        from logkit.parsers import Rotation
        from logkit.writers import RotatingFileWriter
        from tests.unit.writers.lines import numbered, report
        path, source = Path(sys.argv[1]), int(sys.argv[2])
        writer = RotatingFileWriter(path, rotation=Rotation(10**9), retention=timedelta(1), report=report)
        for number in range(600):
            writer.write(numbered(source, number, 301), 20)
        print("full", flush=True)
        sys.stdin.readline()
        for number in range(600, 640):
            writer.write(numbered(source, number, 301), 20)
        assert writer.lost > 0
        writer.close()
    """
    path = small_disk / "app.jsonl"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    processes = [
        python(script, path, source, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for source in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"full\n"
    ballast.unlink()
    for process in processes:
        process.communicate(b"go\n", timeout=60)
        assert process.returncode == 0
    lines, reported = split(path.read_bytes())
    whole = [line for line in lines if len(line) == 300 and is_whole(line, (301,))]
    torn = [line for line in lines if line and line not in whole]
    assert len(whole) + reported["INFO"] == 4 * 640
    assert len(set(whole)) == len(whole)
    assert {int(line.split(b":")[1]) for line in whole} >= set(range(600, 640))
    assert all(re.fullmatch(rb"\d+(:(\d+(:[a-z]*)?)?)?", line) for line in torn)


def test_a_disk_that_fills_up_while_files_rotate(small_disk: Path) -> None:
    """Compression that finds no room leaves the file as it is; received and reported is sent."""
    path = small_disk / "app.jsonl"
    writer = RotatingFileWriter(path, rotation=Rotation(60_000), retention=timedelta(1), report=report)
    noise = random.Random(3)
    sent = 0
    for _ in range(1500):
        writer.write(noise.randbytes(150).hex().encode() + b"\n", 20)
        sent += 1
    assert writer.lost > 0
    for file in sorted(small_disk.glob("app-*"))[:2]:
        kept = file.read_bytes()
        (small_disk.parent / file.name).write_bytes(kept)
        file.unlink()
    for _ in range(10):
        writer.write(noise.randbytes(150).hex().encode() + b"\n", 20)
        sent += 1
    writer.close()
    found: list[bytes] = []
    for file in [*small_disk.glob("app*"), *small_disk.parent.glob("app-*")]:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        found += data.splitlines()
    lines, reported = split(b"\n".join(found) + b"\n")
    whole = [line for line in lines if len(line) == 300]
    assert len(whole) + reported["INFO"] == sent
    assert len(set(whole)) == len(whole)


def test_sigterm_leaves_no_torn_line(tmp_path: Path) -> None:
    """A process ended by SIGTERM in the middle of its work leaves whole lines in the file."""
    path = tmp_path / "logs" / "app.jsonl"
    reading, acknowledge = os.pipe()
    process = python(ACKNOWLEDGING, path, 0, acknowledge, pass_fds=[acknowledge])
    for _ in range(200):
        os.read(reading, 8)
    process.send_signal(signal.SIGTERM)
    with process:
        process.wait(60)
    os.close(reading)
    os.close(acknowledge)
    RotatingFileWriter(path, rotation=Rotation(10**6), retention=timedelta(1)).close()
    lines = everything(path)
    assert len(lines) >= 200
    assert [line + b"\n" for line in lines] == [numbered(0, number, 200) for number in range(len(lines))]
