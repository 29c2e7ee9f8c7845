"""Logging in and out, and the CSRF token that every unsafe call carries."""

from __future__ import annotations

from django.http import HttpRequest
from django.middleware.csrf import get_token
from ninja import Router, Status

from mysite.http import MemberRequest, csrf_protected
from mysite.limits import AddressLimit
from mysite.openapi import refuses
from users.api.shapes import Csrf, LogIn, Me
from users.models import User
from users.services import sessions

router = Router(tags=["sessions"])


@router.get("/csrf", auth=None, response=Csrf)
def csrf(request: HttpRequest) -> dict[str, str]:
    """The token for the header X-CSRFToken; its cookie comes with the answer."""
    return {"csrf_token": get_token(request)}


@router.post(
    "/session", auth=csrf_protected, throttle=AddressLimit("login"), response=Me, openapi_extra=refuses(401)
)
def log_in(request: HttpRequest, given: LogIn) -> User:
    return sessions.log_in(request, given.email, given.password)


@router.delete("/session", response={204: None})
def log_out(request: MemberRequest) -> Status[None]:
    sessions.log_out(request)
    return Status(204, None)
