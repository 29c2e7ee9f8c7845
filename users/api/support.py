"""Staff acting as a member, to see what the member sees."""

from __future__ import annotations

from ninja import Router, Status

from mysite.http import MemberRequest
from mysite.openapi import refuses
from users.api.shapes import ImpersonationIn, ImpersonationOut
from users.models import Impersonation
from users.services import support

router = Router(tags=["staff"])


@router.post("/staff/impersonation", response={201: ImpersonationOut}, openapi_extra=refuses(404, 409))
def impersonate(request: MemberRequest, given: ImpersonationIn) -> Status[Impersonation]:
    """For staff with the permission; needs a reason and a ticket, lasts half an hour, only reads."""
    record = support.start(request, request.user, given.user_id, reason=given.reason, ticket=given.ticket)
    return Status(201, record)


@router.delete("/staff/impersonation", response={204: None}, openapi_extra=refuses(409))
def end_impersonation(request: MemberRequest) -> Status[None]:
    support.end_current(request)
    return Status(204, None)
