"""Reads of keeps, shares and exports, and who sees what.

A circle sees what was processed, ready or archived; its owner sees a keep in every state. What was deleted is
seen by its owner and by who runs the circle, to restore it. Reads of what others stored are in the audit trail.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from keeps.models import Export, ExportState, Keep, KeepState, ShareLink
from messaging.keyset import page
from mysite import audit
from users.errors import NotFound
from users.models import Circle, Role, User
from users.queries import membership_of

View = Literal["current", "archived", "deleted"]
RUNNING_ROLES = (Role.OWNER, Role.ADMIN)

Row = TypeVar("Row", bound=Model)


def seen_by(user: User) -> QuerySet[Keep]:
    """The keeps, not deleted, that `user` sees in any circle."""
    return Keep.objects.filter(
        Q(processed_at__isnull=False) | Q(owner=user), circle__memberships__user=user, deleted_at=None
    )


def restorable_by(user: User) -> QuerySet[Keep]:
    """The deleted keeps that `user` may have back: their own, and all of the circles that they run."""
    return Keep.objects.filter(
        Q(owner=user) | Q(circle__memberships__role__in=RUNNING_ROLES),
        circle__memberships__user=user,
        deleted_at__isnull=False,
    )


def timeline(
    user: User, circle_id: UUID, *, view: View, cursor: str | None, limit: int
) -> tuple[list[Keep], str | None]:
    """A page of a circle's keeps, newest first. Raises `NotFound`, `Invalid`."""
    membership_of(user, circle_id)
    match view:
        case "current":
            rows = seen_by(user).exclude(state=KeepState.ARCHIVED)
        case "archived":
            rows = seen_by(user).filter(state=KeepState.ARCHIVED)
        case "deleted":
            rows = restorable_by(user)
    keeps, following = page(rows.filter(circle_id=circle_id), by="created_at", cursor=cursor, limit=limit)
    if others := sum(keep.owner_id != user.id for keep in keeps):
        audit.data_read(kind="circle", object_id=circle_id, circle_id=circle_id, count=others, purpose="list")
    return keeps, following


def one(user: User, keep_id: UUID) -> Keep:
    """A keep, for a member who sees it. Raises `NotFound`: the same for a stranger and for no keep."""
    keep = _first(seen_by(user).filter(id=keep_id), "There is no such keep.")
    _note_read(user, keep, purpose="view")
    return keep


def shown(user: User, keep_id: UUID) -> Keep:
    """A keep whose files can be shown, because it was processed; the caller says what was read. Raises `NotFound`."""
    keeps = seen_by(user).filter(id=keep_id, processed_at__isnull=False)
    return _first(keeps, "There is no such keep, or it has not been processed.")


def thumbnail(user: User, keep_id: UUID) -> Keep:
    """A keep with a thumbnail. Raises `NotFound`."""
    keep = shown(user, keep_id)
    if not keep.thumbnail:
        raise NotFound("This keep has no thumbnail.")
    _note_read(user, keep, purpose="thumbnail")
    return keep


def media(user: User, keep_id: UUID) -> Keep:
    """A keep whose file is about to be downloaded. Raises `NotFound`."""
    keep = shown(user, keep_id)
    _note_download(keep)
    return keep


def shared(digest: str) -> ShareLink:
    """The link that a valid token opens, with its `keep`. Raises `NotFound`: the same for every other token."""
    links = ShareLink.objects.select_related("keep").filter(
        digest=digest,
        revoked_at=None,
        expires_at__gt=timezone.now(),
        keep__deleted_at=None,
        keep__processed_at__isnull=False,
    )
    link = _first(links, "This link does not open anything (any more).")
    _note_download(link.keep)
    return link


def share_links(user: User, keep_id: UUID) -> QuerySet[ShareLink]:
    """The newest hundred links of a keep, for its owner and for who runs the circle. Raises `NotFound`."""
    one(user, keep_id)
    links = ShareLink.objects.filter(
        Q(keep__owner=user)
        | Q(keep__circle__memberships__user=user, keep__circle__memberships__role__in=RUNNING_ROLES),
        keep_id=keep_id,
    )
    return links.distinct()[:100]


def export(user: User, export_id: UUID) -> Export:
    """An export, for the person who asked for it and still runs the circle. Raises `NotFound`."""
    exports = Export.objects.filter(
        id=export_id,
        requested_by=user,
        circle__memberships__user=user,
        circle__memberships__role__in=RUNNING_ROLES,
    )
    return _first(exports, "There is no such export.")


def kept(circle: Circle) -> Iterator[Keep]:
    """Every keep that the circle sees, oldest first, without holding all of them in memory."""
    keeps = Keep.objects.filter(circle=circle, deleted_at=None, processed_at__isnull=False)
    return keeps.order_by("created_at", "id").iterator(chunk_size=200)


def owned_by(user: User) -> Iterator[Keep]:
    """Everything that `user` keeps anywhere, deleted or not, oldest first."""
    return Keep.objects.filter(owner=user).order_by("created_at", "id").iterator(chunk_size=200)


def stuck_keeps(before: datetime) -> QuerySet[Keep]:
    """Keeps whose processing should have ended before `before`."""
    return Keep.objects.filter(
        state__in=[KeepState.DRAFT, KeepState.PROCESSING], changed_at__lt=before, deleted_at=None
    )


def stuck_exports(before: datetime) -> QuerySet[Export]:
    """Exports that should have been built before `before`."""
    return Export.objects.filter(
        state__in=[ExportState.REQUESTED, ExportState.BUILDING], changed_at__lt=before
    )


def _first(rows: QuerySet[Row], message: str) -> Row:
    row = rows.first()
    if row is None:
        raise NotFound(message)
    return row


def _note_read(user: User, keep: Keep, *, purpose: str) -> None:
    if keep.owner_id != user.id:
        audit.data_read(
            kind="keep", object_id=keep.id, circle_id=keep.circle_id, owner_id=keep.owner_id, purpose=purpose
        )


def _note_download(keep: Keep) -> None:
    audit.file_downloaded(
        kind="keep",
        object_id=keep.id,
        circle_id=keep.circle_id,
        owner_id=keep.owner_id,
        size=keep.bytes,
    )
