"""How many queries a request made, how long they took, and which of them it repeated. (R26)

A wrapper is placed on every connection when it is made, and counts into the current unit of work; an
`execute_wrapper` around the request would see nothing of the threads that async views query from.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from logkit.context import get_context

REPEATED = 5  # times that one shape of SQL is worth a word
_MOST_SHAPES = 256  # kept per unit of work
_VERB = re.compile(r"\s*(\w+)")
_TABLE = re.compile(r"(?:FROM|INTO|UPDATE)\s+[\"`\[]?(\w+)", re.IGNORECASE)
_VALUE = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|%s")
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")


class Counts:
    """The queries of one unit of work."""

    __slots__ = ("queries", "shapes", "spent_ns")

    def __init__(self) -> None:
        self.queries = 0
        self.spent_ns = 0
        self.shapes: dict[str, int] = {}

    def add(self, sql: str, spent_ns: int) -> None:
        self.queries += 1
        self.spent_ns += spent_ns
        if sql in self.shapes:
            self.shapes[sql] += 1
        elif len(self.shapes) < _MOST_SHAPES:
            self.shapes[sql] = 1

    def fields(self) -> dict[str, Any]:
        """What the canonical line says: `db_queries`, `db_ms`, and `db_repeated` when one shape stands out."""
        fields: dict[str, Any] = {"db_queries": self.queries, "db_ms": round(self.spent_ns / 1e6, 3)}
        if self.queries >= REPEATED:
            repeated: dict[str, int] = {}
            for sql, count in self.shapes.items():
                shape = fingerprint(sql)
                repeated[shape] = repeated.get(shape, 0) + count
            most = max(repeated, key=lambda shape: repeated[shape], default=None)
            if most is not None and repeated[most] >= REPEATED:
                fields["db_repeated"] = {"count": repeated[most], "fingerprint": most}
        return fields


NO_QUERIES = Counts().fields()


@lru_cache(maxsize=4096)
def fingerprint(sql: str) -> str:
    """Verb, table and a hash of the statement without its values: `SELECT users_user 1f3a5c7e9b2d`."""
    shape = _LIST.sub("(?)", _VALUE.sub("?", " ".join(sql.split())))
    verb, table = _VERB.match(shape), _TABLE.search(shape)
    digest = hashlib.sha256(shape.encode("utf-8", "replace")).hexdigest()[:12]
    return " ".join(filter(None, [verb and verb[1].upper(), table and table[1], digest]))


def count_query(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    """Django's execute wrapper: counts, and leaves the query alone."""
    scope = get_context().scope
    if scope is None:
        return execute(sql, params, many, context)
    if scope.database is None:
        scope.database = Counts()
    started = time.perf_counter_ns()
    try:
        return execute(sql, params, many, context)
    finally:
        scope.database.add(sql if isinstance(sql, str) else str(sql), time.perf_counter_ns() - started)


def connect() -> None:
    """Count on every connection made from now on, and on those this thread has already."""
    connection_created.connect(_on_connection, dispatch_uid="logkit.count_queries")
    for connection in connections.all(initialized_only=True):
        _count_on(connection)


def _on_connection(connection: BaseDatabaseWrapper, **_: object) -> None:
    _count_on(connection)


def _count_on(connection: BaseDatabaseWrapper) -> None:
    wrappers = connection.execute_wrappers
    if count_query not in wrappers:
        wrappers.insert(0, count_query)  # first: a temporary wrapper of others is popped from the end
