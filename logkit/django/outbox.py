"""The outbox at work: a row in the same transaction, deleted once the ledger has the event.

It closes the one hole of a callback at commit: a process that is killed between COMMIT and the callback. Such rows are
taken to the ledger by `relay()`, each exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from uuid import UUID

import orjson
from django.db import connections, router, transaction
from django.utils import timezone

from logkit.audit.catalog import find, unknown
from logkit.audit.emit.deferred import Deferred
from logkit.audit.events.envelope import Envelope
from logkit.audit.query import Filter, search
from logkit.audit.trail import AuditTrail, current
from logkit.django.models import AuditOutbox
from logkit.errors import AuditUnavailable

SETTLED_AFTER = timedelta(minutes=1)  # younger rows belong to a process that is about to write them itself
_CLOCK_SLACK = timedelta(hours=1)


def store(waiting: Deferred, alias: str) -> None:
    """Put the event into the open transaction of database `alias`, and have it taken out when it is written."""
    if not router.allow_migrate_model(alias, AuditOutbox):
        return
    envelope = waiting.envelope
    row = AuditOutbox(id=UUID(envelope.id), stream=envelope.kind.stream, body=envelope.body)
    row.save(using=alias, force_insert=True)
    waiting.afterwards = _remover(row.id, alias)


def databases() -> list[str]:
    """The databases that have an outbox."""
    return [
        alias
        for alias in connections
        if router.allow_migrate_model(alias, AuditOutbox)
        and AuditOutbox._meta.db_table in connections[alias].introspection.table_names()
    ]


def relay(*, using: str | None = None, older_than: timedelta = SETTLED_AFTER) -> int:
    """Take what killed processes left in the outbox to the ledger; how many events were written.

    A row whose event the ledger has already is only deleted. Safe to run twice at once. Raises `AuditUnavailable`.
    """
    trail = current()
    alias = using or router.db_for_write(AuditOutbox)
    left = AuditOutbox.objects.using(alias).filter(stored_at__lt=timezone.now() - older_than)
    rows = list(left.order_by("id"))
    written = _ids_in_ledger(trail, rows)
    return sum(_relayed(trail, row, alias, is_written=str(row.id) in written) for row in rows)


def _relayed(trail: AuditTrail, row: AuditOutbox, alias: str, *, is_written: bool) -> bool:
    with transaction.atomic(using=alias):
        # The delete decides who relays a row: a second relay waits for it, and then finds nothing to delete.
        deleted, _ = AuditOutbox.objects.using(alias).filter(pk=row.pk).delete()
        if not deleted or is_written:
            return False
        trail.write(_envelope(row))
    return True


def _envelope(row: AuditOutbox) -> Envelope:
    body = bytes(row.body)
    name = str(orjson.loads(body)["event"])
    kind = find(name) or unknown(name)
    return Envelope(str(row.id), kind, closed=True, body=body)


def _ids_in_ledger(trail: AuditTrail, rows: Sequence[AuditOutbox]) -> set[str]:
    wanted = tuple(str(row.id) for row in rows)
    if not wanted:
        return set()
    since = min(row.stored_at for row in rows) - _CLOCK_SLACK
    try:
        directories = [path for path in trail.settings.directory.iterdir() if path.is_dir()]
        hits = search(directories, Filter(since=since.astimezone(UTC), ids=wanted))
        return {hit.record["id"] for hit in hits}
    except FileNotFoundError:
        return set()  # nothing was ever written here
    except OSError as error:
        raise AuditUnavailable(
            f"the audit trail cannot be read to see what it has already: {error}"
        ) from error


def _remover(row_id: UUID, alias: str) -> Callable[[], None]:
    def remove() -> None:
        AuditOutbox.objects.using(alias).filter(pk=row_id).delete()

    return remove
