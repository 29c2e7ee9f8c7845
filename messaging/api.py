"""Messages over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.db.models import QuerySet
from ninja import Query, Router, Schema, Status
from pydantic import Field

from messaging import queries, services
from messaging.conf import LONGEST_BODY
from messaging.models import Message, Receipt
from mysite.http import Given, MemberRequest, Text

router = Router(tags=["messages"])

Body = Annotated[Text, Field(max_length=LONGEST_BODY)]


class MessageIn(Given):
    body: Body


class MessageOut(Schema):
    id: UUID
    circle_id: UUID
    author_id: UUID
    body: str
    sent_at: datetime
    edited_at: datetime | None
    reads: int = 0


class MessagePage(Schema):
    items: list[MessageOut]
    next: str | None


class ReceiptOut(Schema):
    reader_id: UUID
    read_at: datetime


Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=200)]


@router.post("/circles/{uuid:circle_id}/messages", response={201: MessageOut})
def send_message(request: MemberRequest, circle_id: UUID, given: MessageIn) -> Status[Message]:
    return Status(201, services.send(request.user, circle_id, given.body))


@router.get("/circles/{uuid:circle_id}/messages", response=MessagePage)
def list_messages(
    request: MemberRequest, circle_id: UUID, cursor: Cursor = None, limit: Limit = 50
) -> dict[str, object]:
    items, following = queries.timeline(request.user, circle_id, cursor=cursor, limit=limit)
    return {"items": items, "next": following}


@router.get("/circles/{uuid:circle_id}/messages/{uuid:message_id}", response=MessageOut)
def get_message(request: MemberRequest, circle_id: UUID, message_id: UUID) -> Message:
    return queries.one(request.user, circle_id, message_id)


@router.patch("/circles/{uuid:circle_id}/messages/{uuid:message_id}", response=MessageOut)
def edit_message(request: MemberRequest, circle_id: UUID, message_id: UUID, given: MessageIn) -> Message:
    services.edit(request.user, circle_id, message_id, given.body)
    return queries.one(request.user, circle_id, message_id)


@router.delete("/circles/{uuid:circle_id}/messages/{uuid:message_id}", response={204: None})
def delete_message(request: MemberRequest, circle_id: UUID, message_id: UUID) -> Status[None]:
    services.delete(request.user, circle_id, message_id)
    return Status(204, None)


@router.put("/circles/{uuid:circle_id}/messages/{uuid:message_id}/receipt", response=ReceiptOut)
def mark_message_read(request: MemberRequest, circle_id: UUID, message_id: UUID) -> Receipt:
    return services.mark_read(request.user, circle_id, message_id)


@router.get("/circles/{uuid:circle_id}/messages/{uuid:message_id}/receipts", response=list[ReceiptOut])
def list_receipts(request: MemberRequest, circle_id: UUID, message_id: UUID) -> QuerySet[Receipt]:
    return queries.receipts(request.user, circle_id, message_id)
