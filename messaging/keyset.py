"""Keyset pagination: newest first, stable while rows come and go, as fast on page 1000 as on page 1.

`page()` cuts one page out of a query; the cursor that it returns names the last row of it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from users.errors import Invalid

Row = TypeVar("Row", bound=Model)


class Position(NamedTuple):
    """Where a page ended: the time and the id of its last row."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        return urlsafe_b64encode(f"{self.at.isoformat()} {self.id}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, cursor: str) -> Position:
        """Raises `Invalid` for anything that no page returned."""
        try:
            at, _, row_id = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
            moment = datetime.fromisoformat(at)
            if moment.utcoffset() == timedelta(0):  # as ours; with another, UTC may have no such day
                return cls(moment, UUID(row_id))
        except ValueError:
            pass
        raise Invalid("The cursor is not one of ours: leave it out to start anew.", code="bad_cursor")


def page(rows: QuerySet[Row], *, by: str, cursor: str | None, limit: int) -> tuple[list[Row], str | None]:
    """At most `limit` of `rows` after `cursor`, latest `by` first, and the cursor of the next page or None.

    Raises `Invalid` for a cursor that no page returned.
    """
    if cursor:
        after = Position.parse(cursor)
        # The first condition says nothing new; it lets the index start where the page does.
        rows = rows.filter(**{f"{by}__lte": after.at})
        rows = rows.filter(Q(**{f"{by}__lt": after.at}) | Q(id__lt=after.id))
    found = list(rows.order_by(f"-{by}", "-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], str(Position(getattr(last, by), last.pk))
