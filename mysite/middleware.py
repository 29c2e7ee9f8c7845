"""What holds for every answer of the service: the shape of errors, the version, what browsers and caches may do."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from mysite.http import API_PREFIX, API_VERSION, VERSION_HEADER, error_body, error_response

_PAGES = API_PREFIX + "docs"  # the API's documentation, which is a page for people
_PAGE_POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"  # nothing in an answer is a page


class AnswerMiddleware:
    """Refuses what no client of ours sends, and makes errors and headers of the rest those of the API.

    Goes outside of all that may answer: errors that Django answers itself (no route, bad host, a crash) get the API's
    shape, too. The response is changed in place: Django remembers on the object that it has been logged. (R14)
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = _refused(request) or self.get_response(request)
        if not request.path_info.startswith(API_PREFIX) or request.path_info.startswith(_PAGES):
            response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
            return response
        if response.status_code >= 400:
            _as_json(response)
        response.headers[VERSION_HEADER] = API_VERSION
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.setdefault("Content-Security-Policy", _DATA_POLICY)
        return response


def _refused(request: HttpRequest) -> HttpResponseBase | None:
    # A cookie can hold NUL in quotes, as can a path; PostgreSQL takes it for a fault of ours.
    if "\0" in request.path_info or any("\0" in value for value in request.COOKIES.values()):
        return error_response(400, "bad_request", "NUL characters are not allowed.")
    asked = request.headers.get(VERSION_HEADER, API_VERSION)
    if asked != API_VERSION and request.path_info.startswith(API_PREFIX):
        return error_response(
            400, "unsupported_version", f"This service speaks version {API_VERSION} of its API."
        )
    return None


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
