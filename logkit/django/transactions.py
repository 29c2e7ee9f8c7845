"""Django's side of deferred audit events: what is stated inside `atomic()` waits for the commit.

Django drops callbacks of `on_commit` uncalled when a transaction or a savepoint is rolled back, and also when an
earlier callback raises after the COMMIT. The two must not be confused: a callback that goes while Django rolls back or
closes the connection, or with the connection itself, was rolled back; any other was committed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from weakref import ref

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from logkit.audit.emit.deferred import Deferred

_ROLLBACKS = frozenset(
    {"rollback", "savepoint_rollback", "close", "connect"}
)  # where Django lets callbacks go
_BASE = BaseDatabaseWrapper.__module__
_DROPPED_IN = 2  # frames up from the verdict: the finaliser, then the code in which the last reference went


class DjangoTransactions:
    """Asks the connections of this thread: the default one first, then any that is inside `atomic()`."""

    def open(self) -> OpenTransaction | None:
        opened = [
            connection for connection in connections.all(initialized_only=True) if connection.in_atomic_block
        ]
        if not opened:
            return None
        return OpenTransaction(min(opened, key=lambda connection: connection.alias != DEFAULT_DB_ALIAS))

    def relay(self, older_than: timedelta) -> int:
        from logkit.django import outbox  # its model needs the app registry, which is not there at import

        return sum(outbox.relay(using=alias, older_than=older_than) for alias in outbox.databases())


class OpenTransaction:
    """The innermost `atomic()` of one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def defer(self, waiting: Deferred) -> None:
        connection = self._connection
        waiting.was_rolled_back = _verdict(ref(connection))
        if waiting.uses_outbox:
            from logkit.django import outbox  # see above

            outbox.store(waiting, connection.alias)
        connection.on_commit(waiting, robust=True)


def _verdict(connection: ref[BaseDatabaseWrapper]) -> Callable[[], bool]:
    def was_rolled_back() -> bool:
        if connection() is None:
            return True
        frame = sys._getframe(_DROPPED_IN)
        return frame.f_code.co_name in _ROLLBACKS and frame.f_globals.get("__name__") == _BASE

    return was_rolled_back
