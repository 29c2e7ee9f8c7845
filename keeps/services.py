"""What members do with keeps: upload, keep a message, archive, restore, delete, try again.

Each business event is logged here, once. Processing, sharing, exporting and upkeep are rooms of their own.
"""

from __future__ import annotations

import hashlib
from typing import IO
from uuid import UUID

from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from keeps import queries
from keeps.conf import keep_settings
from keeps.media import TEXT, Kind, MediaError, inspect
from keeps.models import Keep, KeepState
from keeps.moves import about_keep, move_keep
from keeps.storage import sha256_of
from messaging import queries as messages
from mysite import audit
from users.dispatch import after_commit
from users.errors import Conflict, Invalid, NotFound
from users.models import User
from users.queries import membership_of, require_role, still_there

_WHY_NOT = {
    "empty": "The file is empty.",
    "too_large": "The file is larger than is allowed.",
    "unknown_type": "Only JPEG, PNG, GIF and WebP pictures are kept, whatever the file is called.",
    "too_many_pixels": "The picture has more pixels than are allowed.",
    "too_many_frames": "The picture has more frames than are allowed.",
    "corrupt": "The file cannot be read as the picture it says it is.",
}


def upload(owner: User, circle_id: UUID, file: IO[bytes], *, size: int, caption: str = "") -> Keep:
    """Store a picture as a draft; a task makes it ready. Raises `NotFound`, `Invalid`."""
    membership_of(owner, circle_id)
    limits = keep_settings()
    if not 0 < size <= limits.max_bytes:
        raise _refused("too_large" if size else "empty")
    try:
        kind = inspect(file, max_pixels=limits.max_pixels)
    except MediaError as error:
        raise _refused(error.reason) from error
    keep = Keep(circle_id=circle_id, owner=owner, caption=caption, mime=kind.mime, bytes=size)
    keep.sha256 = sha256_of(file)
    _create(keep, File(file), kind)
    return keep


def keep_message(owner: User, circle_id: UUID, message_id: UUID, *, caption: str = "") -> Keep:
    """Keep what a message says, as text that outlives its deletion. Raises `NotFound`."""
    message = messages.one(owner, circle_id, message_id)
    body = message.body.encode()
    keep = Keep(circle_id=circle_id, owner=owner, message=message, caption=caption, mime=TEXT.mime)
    keep.bytes, keep.sha256 = len(body), hashlib.sha256(body).hexdigest()
    _create(keep, ContentFile(body), TEXT)
    return keep


def archive(actor: User, keep_id: UUID) -> Keep:
    """Put it out of the way. Its owner may, and who runs the circle. Raises `NotFound`, `Forbidden`, `Conflict`."""
    with transaction.atomic():
        keep = managed(actor, keep_id, permission="keep.archive")
        line = move_keep(keep, KeepState.ARCHIVED)
    line.info("keep.archived")
    return keep


def restore(actor: User, keep_id: UUID) -> Keep:
    """Undo a deletion, else an archiving. Raises `NotFound`, `Forbidden`, `Conflict`."""
    with transaction.atomic():
        deleted = queries.restorable_by(actor).select_for_update(of=("self",)).filter(id=keep_id).first()
        keep = deleted or managed(actor, keep_id, permission="keep.restore")
        if deleted:
            keep.deleted_at = None
            keep.save(update_fields=["deleted_at"])
            line = about_keep(keep).bind(state_from="deleted", state_to=keep.state)
        elif keep.state != KeepState.ARCHIVED:
            raise Conflict("This keep is neither archived nor deleted.", code="wrong_state")
        elif keep.processed_at:
            line = move_keep(keep, KeepState.READY)
        else:
            line = move_keep(keep, KeepState.DRAFT)
        if keep.state == KeepState.DRAFT:
            after_commit("keeps.process", keep.id)
        audit.data_restored(kind="keep", object_id=keep.id, circle_id=keep.circle_id, owner_id=keep.owner_id)
    line.info("keep.restored")
    return keep


def delete(actor: User, keep_id: UUID) -> None:
    """Out of everybody's sight and off every share link; erased later. Raises `NotFound`, `Forbidden`."""
    with transaction.atomic():
        keep = managed(actor, keep_id, permission="keep.delete")
        keep.deleted_at = timezone.now()
        keep.save(update_fields=["deleted_at"])
        audit.data_deleted(
            kind="keep",
            object_id=keep.id,
            circle_id=keep.circle_id,
            owner_id=keep.owner_id,
            mode="archive",
        )
    about_keep(keep).bind(state_from=keep.state, state_to="deleted").info("keep.deleted")


def process_again(actor: User, keep_id: UUID) -> Keep:
    """Give a keep whose processing failed another try. Raises `NotFound`, `Conflict`."""
    with transaction.atomic():
        keep = managed(actor, keep_id, permission="keep.process")
        if keep.state != KeepState.FAILED:
            raise Conflict("Only a keep whose processing failed can be tried again.", code="wrong_state")
        line = move_keep(keep, KeepState.DRAFT, reason="")
        after_commit("keeps.process", keep.id)
    line.info("keep.retried")
    return keep


def managed(actor: User, keep_id: UUID, *, permission: str) -> Keep:
    """The keep, locked until the transaction ends, for its owner or who runs its circle.

    Raises `NotFound` for who does not see it, `Forbidden` for who does.
    """
    keep = queries.seen_by(actor).select_for_update(of=("self",)).filter(id=keep_id).first()
    if keep is None:
        raise NotFound("There is no such keep.")
    if keep.owner_id != actor.id:
        require_role(membership_of(actor, keep.circle_id), *queries.RUNNING_ROLES, permission=permission)
    return keep


def _create(keep: Keep, content: File[bytes], kind: Kind) -> None:
    """The file first, then the row: a crash in between leaves a file that upkeep removes, never a row without one."""
    keep.media.save(f"original.{kind.extension}", content, save=False)
    try:
        with still_there(), transaction.atomic():
            keep.save(force_insert=True)
            audit.file_uploaded(
                kind="keep",
                object_id=keep.id,
                circle_id=keep.circle_id,
                owner_id=keep.owner_id,
                size=keep.bytes,
                mime=keep.mime,
                sha256=keep.sha256,
            )
            after_commit("keeps.process", keep.id)
    except BaseException:
        keep.media.delete(save=False)
        raise
    line = about_keep(keep).bind(mime=keep.mime, bytes=keep.bytes)
    if keep.message_id:
        line.bind(message_id=keep.message_id).info("keep.created_from_message")
    else:
        line.info("keep.uploaded")


def _refused(reason: str) -> Invalid:
    return Invalid(_WHY_NOT[reason], code=reason)
