"""Secrets planted in every place, written in every way, are in no byte of any sink, audit included. (P03, P07)"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import PROJECT, program_environ
from tests.properties.planting import PLACES, PLANTED, SHAPES, place_of

STDOUT = {
    "logkit": {"LOG_FORMAT": "json", "LOG_SCHEMA": "logkit"},
    "ecs": {
        "LOG_FORMAT": "json",
        "LOG_SCHEMA": "ecs",
        "LOG_STDOUT_MODE": "buffered",
        "LOG_TASK_CHATTER": "show",
    },
    "console": {"LOG_FORMAT": "console"},
}


@pytest.mark.parametrize("stdout", STDOUT)
def test_p07_planted_secrets_are_in_no_byte_of_any_sink(stdout: str, tmp_path: Path) -> None:
    """Standard output in each of its forms, the file, an added sink, the trail, standard error."""
    trail = {name: str(tmp_path / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")}
    environ = {
        "AUDIT": "on", "AUDIT_FSYNC": "never", "LOG_LEVEL": "DEBUG", "LOG_FILE": str(tmp_path / "app.log"),
        **trail, **STDOUT[stdout],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tests.properties.planting", str(tmp_path / "given")],
        env=program_environ(environ), cwd=PROJECT, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    written = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    written |= {"stdout": done.stdout, "stderr": done.stderr}
    found = {
        f"{name}: {place_of(int(number))}"
        for name, raw in written.items()
        for number in set(PLANTED.findall(raw))
    }
    assert not found, "\n".join(sorted(found))
    everything = len(PLACES) * len(SHAPES)
    assert done.stdout.count(b"\n") > everything
    for sink in ("app.log", "given"):
        assert written[sink].count(b"\n") > everything * 0.9, sink
    assert sum(raw.count(b'"user.created"') for name, raw in written.items() if ".jsonl" in name) == len(
        SHAPES
    )
