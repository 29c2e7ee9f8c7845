"""The apps' own tests on PostgreSQL: the same code, only the environment changes."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import psycopg
import pytest
from psycopg import sql

from tests.program import PROJECT
from tests.services.servers import database_server

pytestmark = pytest.mark.services


@pytest.mark.timeout(900)
def test_the_apps_on_postgresql() -> None:
    """Every test below `tests/apps` passes with a DATABASE_URL that names a PostgreSQL."""
    name = f"logkit_{uuid.uuid4().hex[:12]}"
    with database_server() as url:
        environ = {**os.environ, "DATABASE_URL": f"{url.rpartition('/')[0]}/{name}"}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "tests/apps", "-q", "-x", "-m", "not services"],
                cwd=PROJECT,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                for database in (name, f"test_{name}"):
                    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(database)))
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
