"""What the programs of the service say when they cannot start: one clear message, a non-zero exit, nothing left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from logkit.testing import wait_until
from tests.program import PROJECT, program_environ

WEB = ["-m", "gunicorn", "-c", "python:mysite.gunicorn", "--bind", "127.0.0.1:0", "mysite.wsgi"]
WORKER = ["-m", "celery", "-A", "mysite", "worker", "--pool", "solo"]
MANAGE = ["manage.py", "check"]
RUN = ["-m", "mysite.run"]


def start(
    *argv: str, directory: Path, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    variables = program_environ(
        {"VAR_DIR": str(directory), "AUDIT": "on", "LOG_ENVIRONMENT": "dev", **(environ or {})}
    )
    return subprocess.run(
        [sys.executable, *argv],
        cwd=PROJECT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", [WEB, WORKER, MANAGE], ids=["web", "worker", "manage"])
def test_a_bad_variable_stops_every_program_with_one_message(program: list[str], tmp_path: Path) -> None:
    """Every bad variable, what is allowed, no traceback, no secret."""
    bad = {"LOG_LEVEL": "LOUD", "AUDIT_FSYNC": "sometimes", "LOG_PSEUDONYM_KEY": "hunter2"}
    done = start(*program, directory=tmp_path, environ=bad)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    for part in ("LOG_LEVEL is 'LOUD'", "CRITICAL", "AUDIT_FSYNC is 'sometimes'", "LOG_PSEUDONYM_KEY"):
        assert said.count(part) == 1, said
    assert "hunter2" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("program", [WEB, WORKER, MANAGE], ids=["web", "worker", "manage"])
def test_a_log_file_that_cannot_be_written_is_named(program: list[str], tmp_path: Path) -> None:
    """LOG_FILE below a file that is no directory."""
    (tmp_path / "occupied").touch()
    done = start(*program, directory=tmp_path, environ={"LOG_FILE": str(tmp_path / "occupied" / "app.jsonl")})
    assert done.returncode != 0
    assert "LOG_FILE" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", [WEB, WORKER], ids=["web", "worker"])
def test_a_database_without_its_tables_is_refused(program: list[str], tmp_path: Path) -> None:
    """A web process and a worker end with one CRITICAL line that says what to run."""
    done = start(*program, directory=tmp_path)
    refused = [line for line in map(json.loads, done.stdout.splitlines()) if line["level"] == "CRITICAL"]
    assert [line["message"] for line in refused] == ["startup.refused"]
    assert "manage.py migrate" in refused[0]["context"]["fault"]
    assert done.returncode == 1


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """VAR_DIR below a file."""
    (tmp_path / "occupied").touch()
    done = start(*MANAGE, directory=tmp_path / "occupied" / "var")
    assert done.returncode != 0
    assert "VAR_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    """`make run` looks before it starts anything."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = start(
            *RUN, directory=tmp_path, environ={"WEB_PORT": str(taken.getsockname()[1]), "GATEWAY_PORT": "0"}
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "WEB_PORT" in done.stderr


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    """`make run` shows the log until Ctrl-C, ends with 0, and takes everything it started with it."""
    environ = program_environ(
        {
            "VAR_DIR": str(tmp_path),
            "LOG_ENVIRONMENT": "dev",
            "WEB_PORT": "0",
            "GATEWAY_PORT": "0",
            "AUDIT": "on",
        }
    )
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen([sys.executable, *RUN], cwd=PROJECT, env=environ, stdout=out, stderr=out)
    try:
        wait_until(
            lambda: b"worker.started" in output.read_bytes(), timeout=60, what="the log to show the worker"
        )
        started = _processes_with(f"VAR_DIR={tmp_path}")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, output.read_text()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # it takes its processes with it
            process.wait(60)
    assert len(started) > 4
    assert _processes_with(f"VAR_DIR={tmp_path}") == []


def _processes_with(variable: str) -> list[int]:
    """The processes that have `variable` in their environment; ours carry a directory nobody else has."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue  # it ended, or is not ours
    return found


def test_manage_has_the_same_verbs_on_the_projects_own_trail(tmp_path: Path) -> None:
    """`manage.py logkit` passes everything on, and knows where LOGGING put the trail."""
    for command in ("migrate", "clearsessions"):  # the second one is in the trail, the first is exempt
        assert start("manage.py", command, directory=tmp_path).returncode == 0
    verified = start("manage.py", "logkit", "audit", "verify", "--json", directory=tmp_path)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["streams"][0]["records"] >= 1
    helped = start("manage.py", "logkit", "tail", "--help", directory=tmp_path)
    assert helped.stdout.startswith("usage: logkit tail")
    assert start("manage.py", "logkit", "dance", directory=tmp_path).returncode == 2
