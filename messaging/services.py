"""What members do with messages: send, edit, delete, read. Each business event is logged here, once.

How a message reaches the devices of the others is `messaging.dispatch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from loguru import logger

from messaging import queries
from messaging.dispatch import fan_out_on_commit
from messaging.models import Message, Receipt
from mysite import audit
from users.denials import denied
from users.errors import NotFound
from users.models import Role, User
from users.queries import membership_of, require_role, still_there

if TYPE_CHECKING:
    from loguru import Logger


def send(author: User, circle_id: UUID, body: str) -> Message:
    """Tell the circle; its other members are notified after the commit. Raises `NotFound`."""
    membership_of(author, circle_id)
    with still_there(), transaction.atomic():
        message = Message.objects.create(circle_id=circle_id, author=author, body=body)
        fan_out_on_commit(message.id)
    _about(message).bind(characters=len(body)).info("message.sent")
    return message


def edit(editor: User, circle_id: UUID, message_id: UUID, body: str) -> Message:
    """Say it differently. Raises `NotFound`, and `Forbidden` for anybody but the author."""
    membership_of(editor, circle_id)
    with transaction.atomic():
        message = _locked(circle_id, message_id)
        if message.author_id != editor.id:
            raise denied(
                "Only its author may edit a message.",
                permission="message.edit",
                policy="author",
                kind="message",
                object_id=message.id,
                circle_id=circle_id,
            )
        message.body, message.edited_at = body, timezone.now()
        message.save(update_fields=["body", "edited_at"])
    _about(message).bind(characters=len(body)).info("message.edited")
    return message


def delete(remover: User, circle_id: UUID, message_id: UUID) -> None:
    """Take it back, body and all. Its author may, and who runs the circle. Raises `NotFound`, `Forbidden`."""
    membership = membership_of(remover, circle_id)
    with transaction.atomic():
        message = _locked(circle_id, message_id)
        own = message.author_id == remover.id
        if not own:
            require_role(membership, Role.OWNER, Role.ADMIN, permission="message.delete")
        message.body, message.deleted_at = "", timezone.now()
        message.save(update_fields=["body", "deleted_at"])
        message.receipts.all().delete()
        audit.data_deleted(
            kind="message",
            object_id=message.id,
            circle_id=circle_id,
            owner_id=message.author_id,
            mode="erase",
        )
    _about(message).bind(own=own).info("message.deleted")


def mark_read(reader: User, circle_id: UUID, message_id: UUID) -> Receipt:
    """Note that `reader` has read it; the first time counts. Raises `NotFound`."""
    membership_of(reader, circle_id)
    with transaction.atomic():
        message = _locked(circle_id, message_id)
        receipt, first = Receipt.objects.get_or_create(message=message, reader=reader)
    if first:
        _about(message).info("message.read")
    return receipt


def _locked(circle_id: UUID, message_id: UUID) -> Message:
    """The message, which nobody else changes until this transaction ends."""
    message = queries.visible(circle_id).select_for_update().filter(id=message_id).first()
    if message is None:
        raise NotFound("There is no such message.")
    return message


def _about(message: Message) -> Logger:
    return logger.bind(circle_id=message.circle_id, message_id=message.id)
