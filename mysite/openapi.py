"""How the API's document tells what can go wrong: `refuses` at an endpoint, `with_refusals` for what holds for all.

The document is held against the answers in tests/apps/project/test_openapi.py: a status that it does not name fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mysite.http import API_VERSION, VERSION_HEADER

Document = dict[str, Any]

_WHY = {
    400: "Not understood: broken JSON or form, a version that is not spoken, a host that is not ours.",
    401: "Nobody is logged in, or the password is wrong.",
    403: "The CSRF token is missing, or the role, the address or an impersonation does not allow it.",
    404: "There is no such thing, or none that this person may know of.",
    409: "It contradicts what is there.",
    410: "It was there, and has expired, been used or been withdrawn.",
    422: "Not of the expected shape, or of a value that cannot be used.",
    429: "Too many calls, or too many wrong passwords.",
    503: "It cannot be recorded in the audit trail now, so it was not done.",
}
_COMES_BACK = (429, 503)  # with Retry-After
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string", "description": "For programs: one of a few, and it stays."},
                "message": {"type": "string", "description": "For people."},
                "request_id": {
                    "type": "string",
                    "description": "To quote to support; X-Request-ID has it, too.",
                },
                "fields": {
                    "type": "array",
                    "description": "What does not have the expected shape; never what was given.",
                    "items": {
                        "type": "object",
                        "required": ["where", "what"],
                        "properties": {
                            "where": {"type": "array", "items": {"type": "string"}},
                            "what": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}
_SAFE = ("get", "head", "options")
_SESSION, _CSRF = "SessionAuth", "CsrfToken"


def refuses(*statuses: int) -> Document:
    """The `openapi_extra` of an endpoint that answers with these, beside what every endpoint may answer."""
    return {"responses": {status: _refusal(status) for status in statuses}}


def with_refusals(document: Document) -> Document:
    """The document, each operation with what it answers when it does not do what it is for. Changes it in place."""
    for path, method, operation in operations(document):
        security = operation.get("security", [])
        if method not in _SAFE:
            operation["security"] = [{**schemes, _CSRF: []} for schemes in security]
        for status in _usual(path, method, operation):
            operation["responses"].setdefault(status, _refusal(status))
        operation["responses"] = dict(sorted(operation["responses"].items()))
    components = document["components"]
    components.setdefault("schemas", {})["Error"] = _ERROR
    components["responses"] = {str(status): _response(status) for status in _WHY}
    return document


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Every operation: path, method in lower case, description."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _usual(path: str, method: str, operation: Document) -> Iterator[int]:
    yield from (400, 429)
    if any(_SESSION in schemes for schemes in operation.get("security", ())):
        yield 401
    if method not in _SAFE:
        yield from (403, 503)
    if "{" in path:
        yield 404
    if "requestBody" in operation or any(each["in"] == "query" for each in operation["parameters"]):
        yield 422


def _refusal(status: int) -> Document:
    return {"$ref": f"#/components/responses/{status}"}


def _response(status: int) -> Document:
    headers = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return {
        "description": _WHY[status],
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        **({"headers": headers} if status in _COMES_BACK else {}),
    }


DESCRIPTION = f"""Circles, messages and keeps of a family.

Log in with POST /api/session; the session is a cookie, and unsafe calls carry the token of GET /api/csrf in
X-CSRFToken. Every answer has X-Request-ID and {VERSION_HEADER}; a call that names another {VERSION_HEADER} than
{API_VERSION} is refused. Pages follow one another by `next`, which goes into `cursor`.
"""
