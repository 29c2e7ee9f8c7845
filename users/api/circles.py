"""Circles and their members."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from ninja import Router, Status

from mysite.http import MemberRequest
from mysite.openapi import refuses
from users import queries
from users.api.shapes import CircleIn, CircleOut, Heir, MemberOut, RoleChange
from users.models import Circle, Membership, Role
from users.services import circles

router = Router(tags=["circles"])


@router.get("/circles", response=list[CircleOut])
def my_circles(request: MemberRequest) -> QuerySet[Circle]:
    return queries.circles_of(request.user)


@router.post("/circles", response={201: CircleOut}, openapi_extra=refuses(409))
def create_circle(request: MemberRequest, given: CircleIn) -> Status[Circle]:
    circle = circles.create(request.user, given.name)
    return Status(201, queries.circle_of(request.user, circle.id))


@router.get("/circles/{uuid:circle_id}", response=CircleOut)
def circle(request: MemberRequest, circle_id: UUID) -> Circle:
    return queries.circle_of(request.user, circle_id)


@router.patch("/circles/{uuid:circle_id}", response=CircleOut)
def rename_circle(request: MemberRequest, circle_id: UUID, given: CircleIn) -> Circle:
    circles.rename(request.user, circle_id, given.name)
    return queries.circle_of(request.user, circle_id)


@router.delete("/circles/{uuid:circle_id}", response={204: None})
def delete_circle(request: MemberRequest, circle_id: UUID) -> Status[None]:
    """With everything that is in it; for the owner."""
    circles.delete(request.user, circle_id)
    return Status(204, None)


@router.put("/circles/{uuid:circle_id}/owner", response=MemberOut, openapi_extra=refuses(409))
def transfer_ownership(request: MemberRequest, circle_id: UUID, given: Heir) -> Membership:
    return circles.transfer_ownership(request.user, circle_id, given.user_id)


@router.get("/circles/{uuid:circle_id}/members", response=list[MemberOut])
def members(request: MemberRequest, circle_id: UUID) -> QuerySet[Membership]:
    return queries.members(request.user, circle_id)


@router.patch(
    "/circles/{uuid:circle_id}/members/{uuid:user_id}", response=MemberOut, openapi_extra=refuses(409)
)
def change_role(request: MemberRequest, circle_id: UUID, user_id: UUID, given: RoleChange) -> Membership:
    return circles.change_role(request.user, circle_id, user_id, Role(given.role))


@router.delete("/circles/{uuid:circle_id}/members/{uuid:user_id}", response={204: None})
def remove_member(request: MemberRequest, circle_id: UUID, user_id: UUID) -> Status[None]:
    """One's own id: leave."""
    circles.remove_member(request.user, circle_id, user_id)
    return Status(204, None)
