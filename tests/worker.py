"""Real Celery workers in processes of their own, and what they print."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from logkit.testing import wait_until
from tests.program import PROJECT, program_environ
from tests.schema import check_line

Line = dict[str, Any]
_CHECKED = 50  # lines of one event that are held against the schema
ENDS = frozenset(
    f"task.{end}"
    for end in ("succeeded", "failed", "retried", "rejected", "ignored", "revoked", "lost", "unknown")
)


@dataclass
class Program:
    """A program whose stdout is a file; every complete line of it is JSON, or reading fails."""

    argv: list[str]
    directory: Path
    environ: Mapping[str, str]
    name: str = "worker"
    popen: subprocess.Popen[bytes] = field(init=False)
    _offset: int = field(default=0, init=False)
    _lines: list[Line] = field(default_factory=list, init=False)
    _seen: Counter[str] = field(default_factory=Counter, init=False)

    @property
    def stdout(self) -> Path:
        return self.directory / f"{self.name}.jsonl"

    @property
    def stderr(self) -> str:
        return (self.directory / f"{self.name}.stderr").read_text(errors="replace")

    def start(self) -> None:
        with self.stdout.open("ab") as out, (self.directory / f"{self.name}.stderr").open("ab") as err:
            self.popen = subprocess.Popen(
                [sys.executable, *self.argv],
                cwd=PROJECT,
                env=program_environ(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def stop(self, sig: int = signal.SIGTERM, timeout: float = 30) -> int:
        """Ask it to end and wait; what is left of its session is killed."""
        try:
            if self.popen.poll() is None:
                self.popen.send_signal(sig)
                self.popen.wait(timeout)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
        return self.popen.returncode

    @property
    def lines(self) -> list[Line]:
        """Every line so far."""
        with self.stdout.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._offset += len(complete)
        for raw in complete.splitlines():
            line = json.loads(raw)
            self._seen[line["message"]] += 1
            if self._seen[line["message"]] <= _CHECKED:
                check_line(line)
            self._lines.append(line)
        return self._lines

    def find(self, event: str, /, **fields: object) -> list[Line]:
        return [
            line
            for line in self.lines
            if line["message"] == event
            and all(line["context"].get(name) == value for name, value in fields.items())
        ]

    def wait_for(self, event: str, /, count: int = 1, timeout: float = 60, **fields: object) -> list[Line]:
        """The lines of `event` with `fields`, once there are `count` of them."""

        def enough() -> bool:
            assert self.popen.poll() is None or len(self.find(event, **fields)) >= count, (
                f"{self.name} ended with {self.popen.returncode}: {self.stderr[-2000:]}"
            )
            return len(self.find(event, **fields)) >= count

        wait_until(enough, timeout=timeout, what=f"{count} x {event} {fields} in {self.stdout.name}")
        return self.find(event, **fields)


@dataclass
class Broker:
    """Where the test and its workers meet."""

    url: str
    directory: Path
    queue: str = "celery"

    @property
    def environ(self) -> dict[str, str]:
        return {"TEST_BROKER": self.url, "TEST_BROKER_DIR": str(self.directory), "TEST_QUEUE": self.queue}


@contextmanager
def connected(broker: Broker) -> Iterator[Any]:
    """The application of the tests in this process, on `broker`; afterwards on the one that it had before."""
    import tests.celery_app.tasks  # noqa: F401
    from tests.celery_app.app import app, broker_settings

    settings = broker_settings(broker.url, str(broker.directory)) | {"task_default_queue": broker.queue}
    before = {name: app.conf[name] for name in settings}
    _connect(app, settings)
    try:
        yield app
    finally:
        _connect(app, before)


def _connect(app: Any, settings: Mapping[str, object]) -> None:
    """Have `app` keep nothing of the broker that it had."""
    app.close()
    app.__dict__.pop("amqp", None)
    app._backend_cache = None
    app._local.__dict__.clear()
    app.conf.update(settings)


@contextmanager
def worker(
    broker: Broker, pool: str, *arguments: str, environ: Mapping[str, str] | None = None, name: str = "worker"
) -> Iterator[Program]:
    """A worker of `pool`, ready to work."""
    argv = ["-m", "celery", "-A", "tests.celery_app", "worker", "--pool", pool, "--concurrency", "2"]
    program = Program(
        [*argv, *arguments],
        broker.directory,
        {"LOG_LEVEL": "DEBUG", **broker.environ, **(environ or {})},
        name,
    )
    program.start()
    try:
        program.wait_for("worker.started", timeout=90)
        yield program
    finally:
        program.stop()
