"""Counting queries: on every connection, once, without moving anybody else's wrapper."""

from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from logkit.context import Scope, bound_context, new_scope
from logkit.django import database
from logkit.django.database import Counts, count_query, fingerprint


def theirs(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    return execute(sql, params, many, context)


@pytest.mark.django_db
def test_r26_wrappers_of_others_stay_where_they_are() -> None:
    """Also when the connection is made inside a temporary wrapper, which is popped from the end."""
    wrappers = connection.execute_wrappers
    before = list(wrappers)
    wrappers[:] = []
    try:
        with connection.execute_wrapper(theirs):
            connection_created.send(sender=type(connection), connection=connection)
            connection_created.send(sender=type(connection), connection=connection)
            assert wrappers == [count_query, theirs]
        assert wrappers == [count_query]
    finally:
        wrappers[:] = before


@pytest.mark.django_db
def test_r26_queries_are_counted_in_the_unit_of_work_that_makes_them() -> None:
    """And nowhere when there is none."""
    database.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with new_scope({}) as context:
            cursor.execute("SELECT 1")
            with bound_context(inside=1):
                cursor.execute("SELECT 2")
    assert isinstance(context.scope, Scope)
    assert context.scope.database.queries == 2


def test_r26_a_query_that_fails_is_counted() -> None:
    """It cost its time all the same."""

    def execute(*_: object) -> None:
        raise RuntimeError("no such table")

    with new_scope({}) as context, pytest.raises(RuntimeError):
        count_query(execute, "SELECT 1", None, False, {})
    assert context.scope is not None
    assert context.scope.database.queries == 1


def test_r26_shapes_differ_by_their_text_not_by_their_values() -> None:
    """Literals, numbers, spaces and the lengths of lists make no difference, and are not shown."""
    one = fingerprint("SELECT a FROM users_user WHERE id IN (%s, %s) AND name = 'ann''s'")
    other = fingerprint("SELECT a  FROM users_user\nWHERE id IN (%s, %s, %s) AND name = 'bob'")
    assert one == other
    assert one.startswith("SELECT users_user ")
    assert "ann" not in one
    assert fingerprint('UPDATE "keeps_keep" SET x = 1') != fingerprint('UPDATE "keeps_keep" SET y = 1')
    assert fingerprint('INSERT INTO "keeps_keep" (x) VALUES (1)').startswith("INSERT keeps_keep ")
    assert fingerprint("SAVEPOINT s1_x2").startswith("SAVEPOINT ")
    assert fingerprint("")


def test_r26_only_a_shape_that_repeats_is_named() -> None:
    """Five times or more; different lists of the same shape add up."""
    counts = Counts()
    for length in range(1, 5):
        counts.add(f"SELECT 1 FROM t WHERE id IN ({', '.join(['%s'] * (length + 1))})", 1_000_000)
    assert "db_repeated" not in counts.fields()
    counts.add("SELECT 1 FROM t WHERE id IN (%s, %s)", 1_000_000)
    fields = counts.fields()
    assert fields["db_queries"] == 5
    assert fields["db_ms"] == 5.0
    assert fields["db_repeated"]["count"] == 5


def test_r26_memory_is_bounded() -> None:
    """A thousand different statements are counted, and not all remembered."""
    counts = Counts()
    for number in range(1000):
        counts.add(f"SELECT {number} FROM t{number}", 1)
    assert counts.queries == 1000
    assert len(counts.shapes) <= 256
