"""What every HTTP endpoint shares: the shape of errors, CSRF of anonymous calls, rate limits, plain text.

`MemberRequest`, `error_response`, `ErrorBodyMiddleware`, `csrf_protected`, `AddressThrottle`, `MemberThrottle`,
`Line`, `Text`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja.errors import AuthorizationError
from ninja.throttling import SimpleRateThrottle
from ninja.utils import check_csrf
from pydantic import AfterValidator, StringConstraints

import logkit
from users.models import User

API_PREFIX = "/api/"


def error_body(code: str, message: str, **more: object) -> dict[str, Any]:
    """The one shape of an error: what a program and a person need, and the id to quote to support."""
    return {"error": {"code": code, "message": message, "request_id": request_id(), **more}}


def error_response(status: int, code: str, message: str, **more: object) -> JsonResponse:
    return JsonResponse(error_body(code, message, **more), status=status)


def request_id() -> str | None:
    given = logkit.get_context().get("request_id")
    return None if given is None else str(given)


class ErrorBodyMiddleware:
    """Gives the errors that Django answers itself (no route, bad host, a crash) the API's error shape.

    The response is changed in place: Django remembers on the object that it has been logged. (R14)
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code >= 400 and request.path_info.startswith(API_PREFIX):
            _as_json(response)
        return response


def _as_json(response: HttpResponseBase) -> None:
    if not isinstance(response, HttpResponse) or response.headers.get("Content-Type", "").startswith(
        "application/json"
    ):
        return
    if response.status_code == 500 and settings.DEBUG:
        return  # the technical page is what the developer wants to see
    status = HTTPStatus(response.status_code)
    code = status.phrase.lower().replace(" ", "_").replace("-", "_")
    response.content = JsonResponse(error_body(code, f"{status.phrase}.")).content
    response.headers["Content-Type"] = "application/json"
    if "Content-Length" in response.headers:
        response.headers["Content-Length"] = str(len(response.content))


def csrf_protected(request: HttpRequest) -> bool:
    """Ninja checks CSRF only together with session authentication; this is the check for anonymous calls."""
    if check_csrf(request):
        raise AuthorizationError(message="The CSRF token is missing or wrong; GET /api/csrf gives one.")
    return True


def without_controls(value: str, allowed: str = "") -> str:
    """The text, for pydantic. A database refuses NUL; escapes and line breaks are a trap for whoever shows it."""
    if any(unicodedata.category(char) == "Cc" and char not in allowed for char in value):
        raise ValueError("control characters are not allowed")
    return value


def _with_line_breaks(value: str) -> str:
    return without_controls(value, "\n\r\t")


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(without_controls)
]
Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(_with_line_breaks)]


class MemberRequest(HttpRequest):
    """A request that session authentication let through."""

    user: User


class AddressThrottle(SimpleRateThrottle):
    """At most `rate` ("30/m"; ADDRESS_RATE unless told) calls of one kind from one client address."""

    def __init__(self, scope: str, rate: str | None = None) -> None:
        self.scope = scope
        super().__init__(rate or settings.ADDRESS_RATE)

    def get_cache_key(self, request: HttpRequest) -> str:
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}


class MemberThrottle(SimpleRateThrottle):
    """At most `rate` calls of one person, whatever they call."""

    scope = "member"

    def get_cache_key(self, request: HttpRequest) -> str | None:
        return self.cache_format % {"scope": self.scope, "ident": request.user.pk or self.get_ident(request)}
