"""Servers of our own: where none answers, the tests start one from the installed programs, and take it along again."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from kombu import Connection

from tests.services.servers import (
    Unavailable,
    amqp_server,
    database_server,
    missing_packages,
    redis_server,
)

pytestmark = pytest.mark.services

Server = Callable[[], AbstractContextManager[str]]


def ask_redis(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        assert client.set("asked", "1")


def ask_rabbitmq(url: str) -> None:
    with Connection(url) as connection:
        queue = connection.SimpleQueue("asked")
        queue.put({})
        queue.get(timeout=10).ack()


def ask_postgres(url: str) -> None:
    """It may create databases, and its processes do not run as root."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE asked")
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        assert Path(f"/proc/{row[0]}").stat().st_uid != 0


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where servers of our own keep their files; other users may enter it, as they may enter the usual one."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


@pytest.mark.parametrize(
    ("variable", "server", "ask"),
    [
        ("TEST_REDIS_URL", redis_server, ask_redis),
        ("TEST_AMQP_URL", amqp_server, ask_rabbitmq),
        ("TEST_DATABASE_URL", database_server, ask_postgres),
    ],
)
def test_a_server_of_our_own(
    monkeypatch: pytest.MonkeyPatch,
    directory: Path,
    variable: str,
    server: Server,
    ask: Callable[[str], None],
) -> None:
    """`own` starts one beside those that answer, on a port of its own; afterwards there is neither server nor file."""
    monkeypatch.setenv(variable, "own")
    with server() as url:
        ask(url)
        port = urlsplit(url).port
        assert port not in (5432, 5672, 6379)
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))
    assert list(directory.iterdir()) == []
    assert processes_in(directory) == []


@pytest.mark.parametrize("server", [redis_server, amqp_server, database_server])
def test_a_server_that_is_named_has_to_answer(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """Nothing is started in the place of the one that somebody meant."""
    for variable, scheme in (("REDIS", "redis"), ("AMQP", "amqp"), ("DATABASE", "postgresql")):
        monkeypatch.setenv(f"TEST_{variable}_URL", f"{scheme}://127.0.0.1:1/0")
    with pytest.raises(Unavailable, match="does not answer"), server():
        pass


def test_without_its_program_a_server_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests fail, and say what to install; CI asks for that before it runs them."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("TEST_REDIS_URL", "own")
    for variable in ("TEST_AMQP_URL", "TEST_DATABASE_URL"):
        monkeypatch.setenv(variable, "named://elsewhere")
    with pytest.raises(Unavailable, match="apt-get install redis-server"), redis_server():
        pass
    assert [name for name in missing_packages() if name not in ("rsyslog", "logrotate")] == ["redis-server"]


def processes_in(directory: Path) -> list[str]:
    """The working directories below `directory` that processes have, gone or not."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.append(str((process / "cwd").readlink()))
    return [cwd for cwd in found if cwd.startswith(str(directory))]
