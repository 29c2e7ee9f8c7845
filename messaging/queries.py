"""Reads of messages. Whoever is not a member of a circle learns nothing about it, not even that it exists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from messaging.keyset import page
from messaging.models import Delivery, DeliveryState, Message, Receipt
from users.errors import NotFound
from users.models import Circle, User
from users.queries import membership_of


def visible(circle_id: UUID) -> QuerySet[Message]:
    """The messages that members of a circle see."""
    return Message.objects.filter(circle_id=circle_id, deleted_at=None)


def timeline(
    user: User, circle_id: UUID, *, cursor: str | None, limit: int
) -> tuple[list[Message], str | None]:
    """A page of a circle's messages, newest first, each with `reads`. Raises `NotFound`, `Invalid`."""
    membership_of(user, circle_id)
    return page(_with_reads(visible(circle_id)), by="sent_at", cursor=cursor, limit=limit)


def one(user: User, circle_id: UUID, message_id: UUID) -> Message:
    """A message with `reads`. Raises `NotFound`."""
    membership_of(user, circle_id)
    message = _with_reads(visible(circle_id)).filter(id=message_id).first()
    if message is None:
        raise NotFound("There is no such message.")
    return message


def receipts(user: User, circle_id: UUID, message_id: UUID) -> QuerySet[Receipt]:
    """Who has read a message, earliest first. Raises `NotFound`."""
    return one(user, circle_id, message_id).receipts.all()


def history(circle: Circle) -> Iterator[Message]:
    """Every message that members see, oldest first, without holding all of them in memory."""
    return visible(circle.id).order_by("sent_at", "id").iterator(chunk_size=500)


def written_by(user: User) -> Iterator[Message]:
    """Everything that `user` wrote and did not take back, oldest first."""
    messages = Message.objects.filter(author=user, deleted_at=None)
    return messages.order_by("sent_at", "id").iterator(chunk_size=500)


def not_fanned_out(before: datetime) -> QuerySet[Message]:
    """Messages whose fan-out should have run before `before`."""
    return Message.objects.filter(fanned_out_at=None, deleted_at=None, sent_at__lt=before)


def overdue(before: datetime) -> QuerySet[Delivery]:
    """Deliveries whose attempt should have been made before `before`."""
    return Delivery.objects.filter(state=DeliveryState.PENDING, next_attempt_at__lt=before)


def _with_reads(messages: QuerySet[Message]) -> QuerySet[Message]:
    # A subquery is run for the rows of the page; a join would be grouped over every message of the circle first.
    reads = Receipt.objects.filter(message=OuterRef("pk")).order_by().values("message")
    return messages.annotate(reads=Coalesce(Subquery(reads.annotate(count=Count("pk")).values("count")), 0))
