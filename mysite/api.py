"""The HTTP API: one NinjaAPI, its routers, and how every failure is answered."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import django_auth

from keeps.api import router as keeps_router
from logkit.errors import AuditUnavailable
from messaging.api import router as messaging_router
from mysite.http import API_VERSION, error_response
from mysite.limits import MemberLimit
from mysite.openapi import DESCRIPTION, with_refusals
from users import errors
from users.api import router as users_router


class Api(NinjaAPI):
    """Ninja's API, whose document also tells how calls are refused."""

    def get_openapi_schema(self, **more: Any) -> Any:
        return with_refusals(super().get_openapi_schema(**more))


api = Api(
    title="Family circles",
    version=f"{API_VERSION}.0.0",
    description=DESCRIPTION,
    auth=django_auth,
    throttle=MemberLimit(),
)
api.add_router("", users_router)
api.add_router("", messaging_router)
api.add_router("", keeps_router)
if settings.DEBUG_ROUTES:

    @api.get("/debug/crash", auth=None, include_in_schema=False)
    def crash(request: HttpRequest) -> NoReturn:
        raise RuntimeError("This route fails on purpose.")


STATUSES: dict[type[errors.DomainError], int] = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.Unauthenticated: 401,
    errors.Invalid: 422,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooManyAttempts: 429,
}
HTTP_CODES = {400: "bad_request", 401: "unauthenticated", 403: "forbidden", 429: "too_many_requests"}


@api.exception_handler(errors.DomainError)
def refused(request: HttpRequest, error: errors.DomainError) -> HttpResponse:
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 400)
    response = error_response(status, error.code, str(error))
    if isinstance(error, errors.TooManyAttempts):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


@api.exception_handler(ValidationError)
def not_understood(request: HttpRequest, error: ValidationError) -> HttpResponse:
    # What was given is not repeated: it may be a password in the wrong field.
    fields = [{"where": [str(part) for part in fault["loc"]], "what": fault["msg"]} for fault in error.errors]
    return error_response(422, "invalid", "The request does not have the expected shape.", fields=fields)


@api.exception_handler(AuthenticationError)
def not_logged_in(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return error_response(401, "unauthenticated", "Log in first.")


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return error_response(error.status_code, HTTP_CODES.get(error.status_code, "refused"), error.message)


@api.exception_handler(Http404)
def not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return error_response(404, "not_found", "There is no such thing.")


@api.exception_handler(AuditUnavailable)
def no_trail(request: HttpRequest, error: AuditUnavailable) -> HttpResponse:
    """Nothing was done, because it could not have been recorded."""
    response = error_response(503, "audit_unavailable", "This cannot be recorded now, so it was not done.")
    response.headers["Retry-After"] = "30"  # seconds
    return response


@api.exception_handler(Exception)
def unhandled(request: HttpRequest, error: Exception) -> NoReturn:
    """To Django, which logs the traceback once and answers 500; Ninja's own handler would swallow it. (R14)"""
    raise error


def openapi() -> dict[str, Any]:
    """The OpenAPI document, for tests and the reference pages."""
    return dict(api.get_openapi_schema())
