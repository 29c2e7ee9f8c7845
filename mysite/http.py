"""What every HTTP endpoint shares: the version, the shape of errors, CSRF of anonymous calls, plain text.

`MemberRequest`, `error_body`, `error_response`, `csrf_protected`, `Given`, `Line`, `Text`.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from django.http import HttpRequest, JsonResponse
from ninja.errors import AuthorizationError
from ninja.security.base import AuthBase
from ninja.utils import check_csrf
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

import logkit
from users.models import User

API_PREFIX = "/api/"
# A client that names a version gets that one or a clear refusal; a breaking change makes the next.
VERSION_HEADER, API_VERSION = "API-Version", "1"


def error_body(code: str, message: str, **more: object) -> dict[str, Any]:
    """The one shape of an error: what a program and a person need, and the id to quote to support."""
    return {"error": {"code": code, "message": message, "request_id": request_id(), **more}}


def error_response(status: int, code: str, message: str, **more: object) -> JsonResponse:
    return JsonResponse(error_body(code, message, **more), status=status)


def request_id() -> str | None:
    given = logkit.get_context().get("request_id")
    return None if given is None else str(given)


class CsrfToken(AuthBase):
    """Ninja checks CSRF only together with session authentication; this is the check for anonymous calls."""

    openapi_type = "apiKey"
    openapi_in = "header"
    openapi_name = "X-CSRFToken"
    openapi_description = "The token that GET /api/csrf gives, together with its cookie."

    def __call__(self, request: HttpRequest) -> bool:
        if check_csrf(request):
            raise AuthorizationError(message="The CSRF token is missing or wrong; GET /api/csrf gives one.")
        return True


csrf_protected = CsrfToken()


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


class Given(BaseModel):
    """What a client sends: an object with the fields that we know and no others.

    A field that is misspelt, or that was never for clients to set, is refused rather than ignored. No `ninja.Schema`:
    that reads attributes, which a list has as well as any object, so that `[]` would pass for one of only defaults.
    """

    model_config = ConfigDict(extra="forbid")


class MemberRequest(HttpRequest):
    """A request that session authentication let through."""

    user: User
