"""While staff act as a member, the request's person is the member and the actor of everything is the staff."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

import logkit
from mysite.http import error_response
from users.models import User
from users.services import support

READING = ("GET", "HEAD", "OPTIONS")
END_PATH = "/api/staff/impersonation"


class ImpersonationMiddleware:
    """Looks at the session only of requests that bring its cookie, so that no other response varies by it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or support.SESSION_KEY not in request.session:
            return self.get_response(request)
        staff = request.user
        record = support.current(request, staff) if isinstance(staff, User) else None
        if record is None or record.member is None:
            return self.get_response(request)
        logkit.bind_context(user_id=staff.pk, actor_type="staff", on_behalf_of=record.member_id)
        ending = request.method == "DELETE" and request.path_info == END_PATH
        if request.method not in READING and not ending:
            refusal = support.refuse_change(record.member.id)
            return error_response(403, refusal.code, str(refusal))
        request.impersonation = record  # type: ignore[attr-defined]
        if not ending:
            request.user = record.member
        return self.get_response(request)
