"""The service on one machine: web, worker and push gateway as processes, for `make run`, the demo and the tests.

Each process leads a session of its own, so that Ctrl-C reaches only the program that started them, which then stops
them in order and waits; one that does not stop in time is killed with all its children.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

PROJECT = Path(__file__).resolve().parent.parent
_READY_WITHIN = 60.0  # seconds
_STOPPED_WITHIN = 20.0


class ProcessFailed(Exception):  # noqa: N818 - it says what happened
    """A process ended before it was ready, or was never ready; the message has its last words."""


@dataclass(slots=True)
class Process:
    """One program and the file its stdout and stderr go to."""

    name: str
    argv: list[str]
    directory: Path
    is_ready: Callable[[], bool]
    popen: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def exit_code(self) -> int | None:
        return self.popen.poll() if self.popen else None

    @property
    def stdout(self) -> Path:
        return self.directory / f"{self.name}.jsonl"

    @property
    def stderr(self) -> Path:
        return self.directory / f"{self.name}.stderr"

    def start(self, environ: Mapping[str, str]) -> None:
        with self.stdout.open("ab") as stdout, self.stderr.open("ab") as stderr:
            self.popen = subprocess.Popen(
                self.argv,
                cwd=PROJECT,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        assert self.popen is not None
        deadline = time.monotonic() + _READY_WITHIN
        while not self.is_ready():
            if self.popen.poll() is not None:
                raise ProcessFailed(f"{self.name} ended with {self.popen.returncode}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"{self.name} is not ready after {_READY_WITHIN:g} s: {self.last_words()}"
                )
            time.sleep(0.05)

    def stop(self) -> int:
        """Ask it to end, wait, and see to it; returns its exit code."""
        assert self.popen is not None
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(_STOPPED_WITHIN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)  # whatever is left of its children
        return self.popen.wait()

    def last_words(self) -> str:
        words = (self.stderr.read_bytes().strip() or self.stdout.read_bytes().strip()).splitlines()
        return words[-1].decode(errors="replace") if words else "it said nothing"


@dataclass(frozen=True, slots=True)
class Service:
    """Where the processes listen and what they are started with."""

    web: str
    gateway: str
    directory: Path
    environ: Mapping[str, str]

    def processes(self) -> list[Process]:
        python = sys.executable
        web, gateway = (url.removeprefix("http://") for url in (self.web, self.gateway))
        worker = [python, "-m", "celery", "-A", "mysite", "worker", "--pool", "prefork", "--concurrency", "2"]
        worker_log = self.directory / "worker.jsonl"
        return [
            Process(
                "gateway",
                [python, "-m", "messaging.gateway", "--port", gateway.rpartition(":")[2]],
                self.directory,
                lambda: answers(f"{self.gateway}/healthz"),
            ),
            Process(
                "worker",
                [*worker, "--without-gossip", "--without-mingle"],
                self.directory,
                lambda: (
                    b'"worker.started"' in worker_log.read_bytes() or b" ready." in worker_log.read_bytes()
                ),
            ),
            Process(
                "web",
                [python, "-m", "gunicorn", "-c", "python:mysite.gunicorn", "--bind", web, "mysite.wsgi"],
                self.directory,
                lambda: answers(f"{self.web}/readyz"),
            ),
        ]


def plan(directory: Path, environ: Mapping[str, str], *, port: int = 0, gateway_port: int = 0) -> Service:
    """A service whose files are below `directory`. Raises `ProcessFailed` for a port that is in use."""
    directory.mkdir(parents=True, exist_ok=True)
    web = f"http://127.0.0.1:{_free_port(port)}"
    gateway = f"http://127.0.0.1:{_free_port(gateway_port)}"
    environ = {**environ, "PUSH_GATEWAY_URL": gateway, "PYTHONUNBUFFERED": "1"}
    return Service(web, gateway, directory, environ)


@contextmanager
def running(service: Service) -> Iterator[list[Process]]:
    """The processes of `service`, ready; stopped at the end, whatever happens."""
    started: list[Process] = []
    try:
        for process in service.processes():
            process.start(service.environ)
            started.append(process)
        for process in started:
            process.wait_until_ready()
        yield started
    finally:
        for process in reversed(started):
            process.stop()


def manage(*arguments: str, environ: Mapping[str, str]) -> None:
    """Run a management command. Raises `ProcessFailed` with what it said when it fails."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=dict(environ),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        raise ProcessFailed(f"manage.py {' '.join(arguments)} ended with {done.returncode}: {said}")


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):  # noqa: S310 - loopback
            return True
    except (URLError, OSError):
        return False


def _free_port(wanted: int) -> int:
    """`wanted`, or any free port for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise ProcessFailed(
                f"port {wanted} cannot be used ({error.strerror}): set WEB_PORT or GATEWAY_PORT"
            ) from None
        port: int = probe.getsockname()[1]
        return port
