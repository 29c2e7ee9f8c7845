"""rsyslog follows LOG_FILE while it is rotated under it: the configuration of deploy/shipping, run for real."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.program import PROJECT, program_environ
from tests.schema import check_line
from tests.services.servers import _program as program

pytestmark = pytest.mark.packaging

_WITHIN = 60.0  # seconds
_WRITERS, _LINES = 3, 1500
_WRITER = """
import sys, time
import logkit
from loguru import logger

logkit.configure()
for number in range(int(sys.argv[2])):
    with logkit.bound_context(request_id=f"{sys.argv[1]}-{number}"):
        logger.bind(text="bl\\u00e5 \\u20ac \\n line", rate=0.1, none=None).info("line.sent")
    time.sleep(0.001)  # a load, so that rotations fall into the middle of it
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("log", "collected", "work"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.mark.parametrize("rotation", ["logrotate renames", "logkit rotates"])
def test_nothing_is_lost_or_doubled(place: Path, rotation: str) -> None:
    """Whoever rotates: what arrives is what was sent, each line once, parsed as JSON."""
    own = {"LOG_FILE_ROTATION": "100 KB"} if rotation == "logkit rotates" else {}
    with _rsyslog(place):
        rotations = _write(place, own, _rotate(place) if not own else lambda: None)
        sent = _sent()
        _wait(lambda: len(_lines(place / "collected/lines.jsonl")) >= sent.total())
    lines = _lines(place / "collected/lines.jsonl")
    for line in lines:
        check_line(line)
    assert Counter(line["context"]["request_id"] for line in lines) == sent
    assert lines[0]["context"]["text"] == "blå € \n line"
    fields = (place / "collected/fields.txt").read_text().splitlines()
    assert Counter(field.rpartition(" ")[2] for field in fields) == sent
    assert {field.rpartition(" ")[0] for field in fields} == {"INFO line.sent mysite"}
    assert not (place / "collected/unparsed.txt").exists()
    rotated = [
        file for file in (place / "log").iterdir() if file.name.startswith("app") and "jsonl" in file.name
    ]
    assert len(rotated) > 3 or rotations > 3


def test_copytruncate_doubles_and_tears_nothing(place: Path) -> None:
    """It loses what is written between its copy and its cut, as its manual says: most arrive, none twice, none torn."""
    with _rsyslog(place):
        rotations = _write(place, {}, _rotate(place, "copytruncate"))
        sent = _sent()
        _wait_for_rest(place / "collected/lines.jsonl")
    lines = _lines(place / "collected/lines.jsonl")
    arrived = Counter(line["context"]["request_id"] for line in lines)
    assert arrived <= sent
    assert rotations > 3
    assert arrived.total() > 0.5 * sent.total()
    assert not (place / "collected/unparsed.txt").exists()


def _sent() -> Counter[str]:
    return Counter(f"{writer}-{number}" for writer in range(_WRITERS) for number in range(_LINES))


def _write(place: Path, environ: dict[str, str], rotate: Callable[[], None]) -> int:
    """Run the writers, rotating meanwhile; how often that was."""
    here = {
        "LOG_FILE": str(place / "log/app.jsonl"),
        "LOG_STDOUT": "off",
        "LOG_FILE_ROTATION": "10 GB",
        **environ,
    }
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(n), str(_LINES)], env=program_environ(here))
        for n in range(_WRITERS)
    ]
    rotations = 0
    try:
        while any(writer.poll() is None for writer in writers):
            if (place / "log/app.jsonl").exists():
                rotate()
                rotations += 1
            time.sleep(0.2)  # the pace of the rotations
        assert [writer.returncode for writer in writers] == [0] * _WRITERS
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    return rotations


def _rotate(place: Path, *directives: str) -> Callable[[], None]:
    text = (PROJECT / "deploy/shipping/logrotate.conf").read_text()
    text = text.replace("/var/log/shop", str(place / "log")).replace("rotate 14", "rotate 1000")
    text = text.replace(
        "    nocreate\n", "".join(f"    {directive}\n" for directive in directives or ("nocreate",))
    )
    config = place / "logrotate.conf"
    config.write_text(text)
    config.chmod(0o644)
    command = [program("logrotate"), "--force", "--state", str(place / "logrotate.state"), str(config)]

    def rotate() -> None:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    return rotate


@contextmanager
def _rsyslog(place: Path) -> Iterator[None]:
    """rsyslog with our configuration, which it finds faultless."""
    text = (PROJECT / "deploy/shipping/rsyslog.conf").read_text()
    text = text.replace("/var/log/collected", str(place / "collected")).replace(
        "/var/log/shop", str(place / "log")
    )
    config = place / "rsyslog.conf"
    config.write_text(f'global(workDirectory="{place / "work"}" maxMessageSize="64k")\n{text}')
    rsyslogd = program("rsyslogd")
    checked = subprocess.run(
        [rsyslogd, "-N1", "-f", str(config)], capture_output=True, text=True, timeout=60, check=False
    )
    assert checked.returncode == 0, checked.stderr
    log = place / "rsyslog.out"
    with log.open("wb") as out:
        daemon = subprocess.Popen(
            [rsyslogd, "-n", "-f", str(config), "-i", str(place / "rsyslog.pid")], stdout=out, stderr=out
        )
    try:
        _wait((place / "rsyslog.pid").exists)
        yield
        assert daemon.poll() is None, log.read_text()
    finally:
        daemon.terminate()
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _WITHIN
    while not condition():
        if time.monotonic() > deadline:
            return  # what is missing is said by the assertion that follows
        time.sleep(0.1)


def _wait_for_rest(path: Path) -> None:
    """Until nothing has come for two seconds."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < 2:
        if path.exists() and path.stat().st_size != size:
            size, since = path.stat().st_size, time.monotonic()
        time.sleep(0.1)


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
