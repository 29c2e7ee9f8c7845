"""Redis, RabbitMQ and PostgreSQL for tests: those that the environment names, those of this machine, or our own.

`TEST_REDIS_URL`, `TEST_AMQP_URL` and `TEST_DATABASE_URL` name a server; `own` starts one from the installed programs
even where another answers. A server of ours listens on the loopback, keeps its files in a directory that goes with it,
and ends with the tests.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psycopg
import redis
from kombu import Connection

_READY_WITHIN = 120.0  # seconds; RabbitMQ takes most of them on a busy machine
_RABBITMQ = ("/usr/lib/rabbitmq/bin", "/usr/lib/rabbitmq/sbin", "/usr/local/sbin", "/usr/sbin")


class Unavailable(Exception):
    """No server of this kind can be had; the message says what to install or to set."""


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a Redis."""
    with _found("TEST_REDIS_URL", ["redis://127.0.0.1:6379/0"], _redis_answers, _own_redis) as url:
        yield url


@contextmanager
def amqp_server() -> Iterator[str]:
    """The URL of a RabbitMQ."""
    with _found(
        "TEST_AMQP_URL", ["amqp://guest:guest@127.0.0.1:5672//"], _amqp_answers, _own_rabbitmq
    ) as url:
        yield url


@contextmanager
def database_server() -> Iterator[str]:
    """The URL of a PostgreSQL whose user may create databases; its path names the database to connect to."""
    users = dict.fromkeys([getpass.getuser(), "postgres", "root"])
    usual = [f"postgresql://{user}@127.0.0.1:5432/postgres" for user in users]
    with _found("TEST_DATABASE_URL", usual, _database_answers, _own_postgres) as url:
        yield url


@contextmanager
def _found(
    variable: str, usual: list[str], answers: Callable[[str], bool], own: Callable[[ExitStack], str]
) -> Iterator[str]:
    named = os.environ.get(variable, "")
    if named and named != "own":
        if not answers(named):
            raise Unavailable(f"{variable} names a server that does not answer")
        yield named
        return
    if named != "own" and (url := next(filter(answers, usual), None)):
        yield url
        return
    with ExitStack() as stack:
        url = own(stack)
        deadline = time.monotonic() + _READY_WITHIN
        while not answers(url):
            if time.monotonic() > deadline:
                raise Unavailable(f"our own server for {variable} does not answer after {_READY_WITHIN:g} s")
            time.sleep(0.1)
        yield url


def _redis_answers(url: str) -> bool:
    with suppress(redis.RedisError, OSError), closing(redis.Redis.from_url(url, socket_timeout=5)) as client:
        return bool(client.ping())
    return False


def _amqp_answers(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=5) as connection:
            connection.connect()
    except (OSError, *connection.connection_errors):
        return False
    return True


def _database_answers(url: str) -> bool:
    with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=5):
        return True
    return False


def _own_redis(stack: ExitStack) -> str:
    directory, port = _directory(stack), _free_port()
    program = _program("redis-server", "redis-server")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    _start(stack, [program, *options], directory)
    return f"redis://127.0.0.1:{port}/0"


def _own_rabbitmq(stack: ExitStack) -> str:
    """Past Debian's wrapper, which changes the user; with a port mapper of its own, which ends with it."""
    directory, port, mapper = _directory(stack), _free_port(), _free_port()
    program = _program("rabbitmq-server", "rabbitmq-server", *_RABBITMQ)
    _start(stack, [_program("epmd", "erlang-base"), "-port", str(mapper)], directory)
    (directory / "plugins").write_text("[].\n")
    (directory / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    environ = {
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_NODENAME": f"tests-{os.getpid()}@localhost",
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),  # the machine's own may name its port
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_DIST_PORT": str(_free_port()),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
    }
    _start(stack, [program], directory, environ=environ)
    return f"amqp://guest:guest@127.0.0.1:{port}//"


def _own_postgres(stack: ExitStack) -> str:
    """PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody`."""
    directory, port = _directory(stack), _free_port()
    user: str | None = None
    if os.geteuid() == 0:
        user = next(name for name in ("postgres", "nobody") if _is_user(name))
        shutil.chown(directory, user)
    homes = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    data = str(directory / "data")
    made = subprocess.run(
        [
            _program("initdb", "postgresql", *homes),
            "--auth=trust",
            "--username=tests",
            "--no-sync",
            "-D",
            data,
        ],
        user=user,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise Unavailable(f"initdb ended with {made.returncode}: {made.stderr.strip()[-500:]}")
    options = ["-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", str(directory), "-F"]
    _start(
        stack,
        [_program("postgres", "postgresql", *homes), *options],
        directory,
        user=user,
        stop=signal.SIGINT,
    )
    return f"postgresql://tests@127.0.0.1:{port}/postgres"


def _program(name: str, package: str, *directories: str) -> str:
    found = next(filter(None, (shutil.which(name, path=each) for each in directories)), None) or shutil.which(
        name
    )
    if found is None:
        raise Unavailable(f"{name} is not installed and no server answers: apt-get install {package}")
    return found


def _start(
    stack: ExitStack,
    argv: list[str],
    directory: Path,
    *,
    environ: dict[str, str] | None = None,
    user: str | None = None,
    stop: int = signal.SIGTERM,
) -> None:
    with (directory / "output").open("ab") as output:
        popen = subprocess.Popen(
            argv,
            cwd=directory,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            user=user,
            start_new_session=True,
        )

    def end() -> None:
        popen.send_signal(stop)
        with suppress(subprocess.TimeoutExpired):
            popen.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()

    stack.callback(end)


def _directory(stack: ExitStack) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="logkit-server-"))
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    return directory


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_user(name: str) -> bool:
    import pwd

    return any(entry.pw_name == name for entry in pwd.getpwall())
