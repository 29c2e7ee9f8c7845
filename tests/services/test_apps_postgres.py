"""The apps' own tests on PostgreSQL: the same code, only the environment changes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from tests.program import PROJECT
from tests.services.servers import database_server

pytestmark = pytest.mark.services

OPTIONS = [
    "--quiet",
    "--show-capture=no",  # the end of what is printed says what failed
    "--maxfail=5",
    "--numprocesses=2",
    "--reuse-db",  # the database goes with us, whoever is still connected to it
    # These ask no database.
    "--ignore=tests/apps/messaging/test_backoff.py",
    "--ignore=tests/apps/messaging/test_gateway.py",
    "--ignore=tests/apps/messaging/test_push.py",
    "--ignore=tests/apps/project/test_settings.py",
]


@pytest.mark.timeout(900)
def test_the_apps_on_postgresql() -> None:
    """Every test below `tests/apps` passes with a DATABASE_URL that names a PostgreSQL."""
    name = f"logkit_{uuid.uuid4().hex[:12]}"
    with database_server() as url, database(url, name):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "tests/apps", *OPTIONS],
            cwd=PROJECT,
            env={**os.environ, "DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@contextmanager
def database(url: str, name: str) -> Iterator[None]:
    """An empty database, which goes with all that tests derive from its name."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield
        finally:
            derived = connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"%{name}%"]
            ).fetchall()
            for (each,) in derived:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(each)))
