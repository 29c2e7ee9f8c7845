"""The conformance site behind every kind of server, as one class that tests speak to.

A server writes its stdout to a file; `lines()` reads it. All of them take requests as (method, path, headers).
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from tests.ports import free_port
from tests.program import LANE

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 40.0  # seconds, on a machine that runs other tests too
SITE = "tests.conformance.site"
DATABASE = "site.sqlite3"

WSGI = ("gunicorn-sync", "gunicorn-gthread", "runserver")
ASGI = ("uvicorn", "uvicorn-sync-only")
SOCKETS = WSGI + ASGI
CLIENTS = ("client", "async-client")
KINDS = SOCKETS + CLIENTS


def behind(*kinds: str) -> pytest.MarkDecorator:
    """For a test whose `server` is one of these: what it asks for does not exist elsewhere."""
    return pytest.mark.parametrize("server", kinds, indirect=True)


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["x-request-id"]


class Server:
    """A running site. `kind` is one of KINDS."""

    def __init__(self, kind: str, directory: Path, **environ: str) -> None:
        self.kind = kind
        self.directory = directory
        self.log = directory / "stdout.jsonl"
        self.port = 0
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LOG_", "AUDIT"))},
            "DJANGO_SETTINGS_MODULE": f"{SITE}.settings",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "SITE_DIR": str(directory),
            "LOG_ENVIRONMENT": "test",
            "LOG_FORMAT": "json",
            "LOG_FAST_LANE": LANE,
            "AUDIT_DIR": str(directory / "audit"),
            "AUDIT_SPOOL_DIR": str(directory / "audit-spool"),
            "AUDIT_KEY_DIR": str(directory / "audit-keys"),
            **({"SITE_SYNC_ONLY": "1"} if kind == "uvicorn-sync-only" else {}),
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: Any = None
        self._lines: list[dict[str, Any]] = []
        self._read = 0  # bytes of the log

    @property
    def is_async(self) -> bool:
        return self.kind.startswith(("uvicorn", "async"))

    @property
    def is_real(self) -> bool:
        return self.kind in SOCKETS

    # -- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        python = sys.executable
        (self.directory / DATABASE).write_bytes(migrated_database())
        self.port = free_port()
        bind = f"127.0.0.1:{self.port}"
        gunicorn = [python, "-m", "gunicorn", f"{SITE}.servers:wsgi", f"--bind={bind}", "--keep-alive=5"]
        gunicorn += ["--access-logfile=-", "--no-control-socket", f"--worker-tmp-dir={self.directory}"]
        uvicorn = [python, "-m", "uvicorn", f"{SITE}.servers:asgi", "--host=127.0.0.1", f"--port={self.port}"]
        uvicorn.append("--no-proxy-headers")  # or it believes X-Forwarded-For before anybody else is asked
        commands = {
            "gunicorn-sync": [*gunicorn, "--worker-class=sync"],
            "gunicorn-gthread": [*gunicorn, "--worker-class=gthread", "--threads=4"],
            "uvicorn": uvicorn,
            "uvicorn-sync-only": uvicorn,
            "runserver": [python, "-m", "django", "runserver", "--noreload", bind],
            "client": [python, "-m", f"{SITE}.drive", "sync"],
            "async-client": [python, "-m", f"{SITE}.drive", "async"],
        }
        readable, writable = os.pipe()
        with self.log.open("wb") as out, (self.directory / "stderr.txt").open("wb") as errors:
            self._process = subprocess.Popen(
                commands[self.kind],
                env={**self.environ, "SITE_ANSWERS": str(writable)},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=errors,
                pass_fds=[writable],
            )
        os.close(writable)
        self._answers = os.fdopen(readable)
        if self.is_real:
            self._await_port()

    def _await_port(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError(
                        f"{self.kind} does not start: {self.errors()}\n{self.log.read_text()}"
                    ) from None
                time.sleep(0.05)

    def stop(self) -> None:
        process = self._process
        if process is None:  # it never started
            return
        with contextlib.suppress(BrokenPipeError):  # it has ended by itself
            process.stdin.close()
        if self.is_real:
            process.send_signal(signal.SIGINT if self.kind == "runserver" else signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._answers.close()

    # -- requests -----------------------------------------------------------------------------------------

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def view(self, name: str) -> str:
        """The path of a view in the server's own manner: async views for servers that run them as they are."""
        return f"/{'async' if self.is_async else 'sync'}/{name}"

    def call(self, method: str, path: str, headers: list[tuple[str, str]] | None = None) -> Answer:
        if not self.is_real:
            line = json.dumps({"method": method, "path": path, "headers": headers or []}) + "\n"
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()
            if not (line := self._answers.readline()):
                raise AssertionError(f"{self.kind} has ended: {self.log.read_text()[-2000:]}{self.errors()}")
            got = json.loads(line)
            named = {name.lower(): value for name, value in got["headers"]}
            return Answer(got["status"], named, base64.b64decode(got["body"]))
        connection = self.connect()
        try:
            return self.call_on(connection, method, path, headers)
        finally:
            connection.close()

    def connect(self, source: str = "127.0.0.1") -> http.client.HTTPConnection:
        """A connection of its own, from an address of this machine."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(source, 0))

    def send(self, request: bytes, *, hang_up: bool = False) -> bytes:
        """Whatever a client may send, byte for byte; what came back until the server hung up, if not we first."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def call_on(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        headers: list[tuple[str, str]] | None = None,
    ) -> Answer:
        connection.putrequest(method, path)
        for name, value in headers or []:
            connection.putheader(name, value)
        if method == "POST":
            connection.putheader("Content-Length", "0")
        connection.endheaders()
        response = connection.getresponse()
        try:
            body = response.read()
        except http.client.IncompleteRead as error:
            body = error.partial
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, [(name.replace("_", "-"), value) for name, value in headers.items()])

    def abort(self, path: str, *, after_bytes: int = 0, after_line: str | None = None) -> str:
        """Ask for `path`, wait for some bytes or for a line, hang up; the request's id."""
        request_id = f"aborted-{uuid4().hex}"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {request_id}\r\n\r\n".encode()
            )
            received = 0
            while received < after_bytes:
                received += len(connection.recv(4096))
            if after_line is not None:
                self.wait(
                    lambda line: line["message"] == after_line and line["context"]["request_id"] == request_id
                )
        return request_id

    # -- lines --------------------------------------------------------------------------------------------

    def lines(self) -> list[dict[str, Any]]:
        """Every line so far; the last one only when it is whole."""
        with self.log.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        greets = self.kind == "runserver"  # in plain text
        self._lines += [
            json.loads(line) for line in whole.splitlines() if not greets or line.startswith(b"{")
        ]
        return self._lines

    def of(self, request_id: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["context"].get("request_id") == request_id]

    def finished(self, request_id: str, *, timeout: float = 15.0) -> dict[str, Any]:
        """The canonical line of a request, as soon as it is there; the only one."""
        deadline = time.monotonic() + timeout
        while not (found := [line for line in self.of(request_id) if line["message"] == "request.finished"]):
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"no request.finished of {request_id}: {self.of(request_id)}\n{self.errors()}"
                )
            time.sleep(0.02)
        assert len(found) == 1, found
        return found[0]

    def line(self, message: str, request_id: str) -> dict[str, Any]:
        """The one line of a request that says `message`, as soon as it is there."""
        found = self.wait(
            lambda line: line["message"] == message and line["context"].get("request_id") == request_id
        )
        assert len(found) == 1, found
        return found[0]

    def wait(self, found: Any, *, at_least: int = 1, timeout: float = 15.0) -> list[dict[str, Any]]:
        """The lines that `found` (a test of one line) holds for, as soon as there are so many."""
        deadline = time.monotonic() + timeout
        while len(lines := [line for line in self.lines() if found(line)]) < at_least:
            if time.monotonic() > deadline:
                raise AssertionError(f"no such line in {self.lines()[-20:]}\n{self.errors()}")
            time.sleep(0.02)
        return lines

    def shown(self) -> str:
        """Everything that was printed so far, for what must not be in it."""
        return self.log.read_text() + (self.directory / "stderr.txt").read_text()

    def errors(self) -> str:
        return (self.directory / "stderr.txt").read_text()[-4000:]


@functools.cache
def migrated_database() -> bytes:
    """The site's database, with its tables."""
    with tempfile.TemporaryDirectory() as directory:
        made = subprocess.run(
            [sys.executable, "-m", "django", "migrate", "--verbosity=0"],
            env={**Server("migration", Path(directory)).environ, "LOG_STDOUT": "off"},
            cwd=ROOT,
            capture_output=True,
            timeout=STARTS_WITHIN,
        )
        assert made.returncode == 0, made.stderr.decode()
        return (Path(directory) / DATABASE).read_bytes()


@contextmanager
def running(kind: str, directory: Path, **environ: str) -> Iterator[Server]:
    server = Server(kind, directory, **environ)
    try:
        server.start()
        yield server
    finally:
        server.stop()
