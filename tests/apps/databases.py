"""A database for programs that a test starts, of the kind that the tests run on, and how to look into it."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def own_database(directory: Path) -> Iterator[str]:
    """The DATABASE_URL of an empty database: a file, or one beside that which the environment names."""
    given = os.environ.get("DATABASE_URL", "")
    if not given.startswith("postgresql:"):
        yield f"sqlite:///{directory / 'own.sqlite3'}"
        return
    import psycopg  # only where a PostgreSQL is

    server, _, base = given.rpartition("/")
    name = f"{base}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(given, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{server}/{name}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query, over a connection of its own."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=10)) as database:
            return database.execute(query).fetchall()
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]
