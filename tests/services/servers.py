"""Redis, RabbitMQ and PostgreSQL for tests: those that the environment names, those of this machine, or our own.

`TEST_REDIS_URL`, `TEST_AMQP_URL` and `TEST_DATABASE_URL` name a server; `own` starts one from the installed programs
even where another answers. A server of ours listens on the loopback, keeps its files in a directory that goes with it,
and ends with the tests. `python -m tests.services.servers` prints the Debian packages of those that cannot be had.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
from kombu import Connection

from tests.ports import free_port

_READY_WITHIN = 120.0  # seconds; RabbitMQ takes most of them on a busy machine
_PACKAGES = {  # of Debian, by program; RabbitMQ past Debian's wrapper, which changes the user
    "redis-server": ("redis-server", ()),
    "epmd": ("erlang-base", ()),
    "rabbitmq-server": (
        "rabbitmq-server",
        ("usr/lib/rabbitmq/bin", "usr/lib/rabbitmq/sbin", "usr/local/sbin", "usr/sbin"),
    ),
    "initdb": ("postgresql", ("usr/lib/postgresql/*/bin",)),
    "postgres": ("postgresql", ("usr/lib/postgresql/*/bin",)),
    "rsyslogd": ("rsyslog", ("usr/sbin",)),
    "logrotate": ("logrotate", ("usr/sbin",)),
}

CONSUMERS = ("rsyslogd", "logrotate")  # what tests/packaging lets read our lines


class Unavailable(Exception):
    """No server of this kind can be had; the message says what to install or to set."""


@dataclass(frozen=True)
class Kind:
    """A kind of server: where one may be, and what starts one of our own."""

    variable: str
    usual: tuple[str, ...]
    answers: Callable[[str], bool]
    own: Callable[[ExitStack], str]
    programs: tuple[str, ...]


def redis_server() -> AbstractContextManager[str]:
    """The URL of a Redis."""
    return _found(_redis())


def amqp_server() -> AbstractContextManager[str]:
    """The URL of a RabbitMQ."""
    return _found(_rabbitmq())


def database_server() -> AbstractContextManager[str]:
    """The URL of a PostgreSQL whose user may create databases; its path names the database to connect to."""
    return _found(_postgres())


def missing_packages() -> list[str]:
    """The Debian packages of the programs that are needed, because no such server is named or answers."""
    packages: dict[str, None] = {}
    for kind in (_redis(), _rabbitmq(), _postgres()):
        named = os.environ.get(kind.variable, "")
        if named == "own" or not (named or any(map(kind.answers, kind.usual))):
            packages |= {_PACKAGES[name][0]: None for name in kind.programs if _found_program(name) is None}
    packages |= {_PACKAGES[name][0]: None for name in CONSUMERS if _found_program(name) is None}
    return list(packages)


def _redis() -> Kind:
    usual = ("redis://127.0.0.1:6379/0",)
    return Kind("TEST_REDIS_URL", usual, _redis_answers, _own_redis, ("redis-server",))


def _rabbitmq() -> Kind:
    usual = ("amqp://guest:guest@127.0.0.1:5672//",)
    return Kind("TEST_AMQP_URL", usual, _amqp_answers, _own_rabbitmq, ("epmd", "rabbitmq-server"))


def _postgres() -> Kind:
    users = dict.fromkeys([getpass.getuser(), "postgres", "root"])
    usual = tuple(f"postgresql://{user}@127.0.0.1:5432/postgres" for user in users)
    return Kind("TEST_DATABASE_URL", usual, _database_answers, _own_postgres, ("initdb", "postgres"))


@contextmanager
def _found(kind: Kind) -> Iterator[str]:
    named = os.environ.get(kind.variable, "")
    if named and named != "own":
        if not kind.answers(named):
            raise Unavailable(f"{kind.variable} names a server that does not answer")
        yield named
        return
    if named != "own" and (url := next(filter(kind.answers, kind.usual), None)):
        yield url
        return
    with ExitStack() as stack:
        url = kind.own(stack)
        deadline = time.monotonic() + _READY_WITHIN
        while not kind.answers(url):
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"our own server for {kind.variable} does not answer after {_READY_WITHIN:g} s"
                )
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
    directory, port = _directory(stack), free_port()
    program = _program("redis-server")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    _start(stack, [program, *options], directory)
    return f"redis://127.0.0.1:{port}/0"


def _own_rabbitmq(stack: ExitStack) -> str:
    """With a port mapper of its own, which ends with it."""
    directory, port, mapper = _directory(stack), free_port(), free_port()
    program = _program("rabbitmq-server")
    _start(stack, [_program("epmd"), "-port", str(mapper)], directory)
    (directory / "plugins").write_text("[].\n")
    (directory / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    environ = {
        "HOME": str(directory),
        "ERL_EPMD_PORT": str(mapper),
        "RABBITMQ_NODENAME": f"tests-{os.getpid()}@localhost",
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),  # the machine's own may name its port
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
    }
    _start(stack, [program], directory, environ=environ)
    return f"amqp://guest:guest@127.0.0.1:{port}//"


def _own_postgres(stack: ExitStack) -> str:
    """PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody`."""
    directory, port = _directory(stack), free_port()
    user: str | None = None
    if os.geteuid() == 0:
        user = next(name for name in ("postgres", "nobody") if _is_user(name))
        shutil.chown(directory, user)
    data = str(directory / "data")
    made = subprocess.run(
        [
            _program("initdb"),
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
        [_program("postgres"), *options],
        directory,
        user=user,
        stop=signal.SIGINT,
    )
    return f"postgresql://tests@127.0.0.1:{port}/postgres"


def _program(name: str) -> str:
    found = _found_program(name)
    if found is None:
        raise Unavailable(
            f"{name} is not installed and no server answers: apt-get install {_PACKAGES[name][0]}"
        )
    return found


def _found_program(name: str) -> str | None:
    """In the places of Debian, the newest first, or else on the PATH."""
    places = [
        place
        for pattern in _PACKAGES[name][1]
        for place in sorted(map(str, Path("/").glob(pattern)), reverse=True)
    ]
    return next(filter(None, (shutil.which(name, path=place) for place in places)), None) or shutil.which(
        name
    )


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


def _is_user(name: str) -> bool:
    import pwd

    return any(entry.pw_name == name for entry in pwd.getpwall())


if __name__ == "__main__":
    print(*missing_packages())
