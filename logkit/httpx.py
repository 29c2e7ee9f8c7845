"""Outgoing HTTP calls carry the ids of the work that makes them: `X-Request-ID` and `traceparent`. (R23)

    httpx.Client(event_hooks=logkit.httpx.hooks())
    httpx.AsyncClient(event_hooks=logkit.httpx.async_hooks())

Headers that the caller has set are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import httpx

from logkit import otel
from logkit.context import current_context
from logkit.trace import is_request_id, new_traceparent

_TRACE_ID = re.compile(r"[0-9a-f]{32}")

Hook = Callable[[httpx.Request], None]
AsyncHook = Callable[[httpx.Request], Awaitable[None]]


def hooks() -> dict[str, list[Hook]]:
    """Event hooks for `httpx.Client`."""
    return {"request": [add_headers]}


def async_hooks() -> dict[str, list[AsyncHook]]:
    """Event hooks for `httpx.AsyncClient`."""
    return {"request": [_add_headers_async]}


def add_headers(request: httpx.Request) -> None:
    """Put the ids of the current context on `request`."""
    context = current_context()
    headers = request.headers
    request_id = context.get("request_id")
    if is_request_id(request_id) and "x-request-id" not in headers:
        headers["X-Request-ID"] = request_id
    if "traceparent" not in headers:
        flags = context.scope.trace_flags if context.scope is not None else None
        span = otel.current_span() or new_traceparent(_trace_id(context.get("trace_id")), flags)
        headers["traceparent"] = str(span)


def _trace_id(value: object) -> str | None:
    return value if isinstance(value, str) and _TRACE_ID.fullmatch(value) else None


async def _add_headers_async(request: httpx.Request) -> None:
    add_headers(request)
