"""Invitations into a circle."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from ninja import Router, Status

from mysite.http import MemberRequest
from mysite.openapi import refuses
from users import queries
from users.api.shapes import Delivery, InvitationIn, InvitationMade, InvitationOut, Joined, TokenOnly
from users.models import Invitation, Role
from users.services import invitations

router = Router(tags=["invitations"])


@router.get("/circles/{uuid:circle_id}/invitations", response=list[InvitationOut], openapi_extra=refuses(403))
def open_invitations(request: MemberRequest, circle_id: UUID) -> QuerySet[Invitation]:
    return queries.open_invitations(request.user, circle_id)


@router.post(
    "/circles/{uuid:circle_id}/invitations", response={201: InvitationMade}, openapi_extra=refuses(409)
)
def invite(request: MemberRequest, circle_id: UUID, given: InvitationIn) -> Status[dict[str, Any]]:
    """A link's token is told once, here; with a letter it goes to the address alone."""
    invitation, token = invitations.invite(
        request.user, circle_id, given.email, role=Role(given.role), delivery=given.delivery
    )
    return Status(201, _made(invitation, token))


@router.post(
    "/circles/{uuid:circle_id}/invitations/{uuid:invitation_id}/resend",
    response=InvitationMade,
    openapi_extra=refuses(410),
)
def resend(request: MemberRequest, circle_id: UUID, invitation_id: UUID, given: Delivery) -> dict[str, Any]:
    """A new token and a new term; the old token stops working."""
    return _made(*invitations.resend(request.user, circle_id, invitation_id, delivery=given.delivery))


@router.delete(
    "/circles/{uuid:circle_id}/invitations/{uuid:invitation_id}",
    response={204: None},
    openapi_extra=refuses(410),
)
def revoke(request: MemberRequest, circle_id: UUID, invitation_id: UUID) -> Status[None]:
    invitations.revoke(request.user, circle_id, invitation_id)
    return Status(204, None)


@router.post("/invitations/accept", response=Joined, openapi_extra=refuses(404, 409, 410))
def accept(request: MemberRequest, given: TokenOnly) -> Invitation:
    """For the person whose address was invited."""
    return invitations.accept(request.user, given.token)


def _made(invitation: Invitation, token: str | None) -> dict[str, Any]:
    return {**InvitationOut.from_orm(invitation).model_dump(), "token": token}
