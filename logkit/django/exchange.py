"""One request and its response: what is bound while it lasts, and the one line that says how it went.

`Exchange` opens the context, learns the route and the user when they become known, puts the id on the response and
writes `request.finished` when the last byte is produced, or when the client is gone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase, StreamingHttpResponse
from loguru import logger

from logkit import otel
from logkit.context import (
    CONTEXT_ATTRIBUTE,
    Context,
    Scope,
    current_context,
    get_context,
    set_answered,
    set_context,
)
from logkit.django.database import NO_QUERIES
from logkit.django.policy import Policy
from logkit.django.routes import route_of
from logkit.django.streaming import follow
from logkit.django.users import evaluated_user_id
from logkit.errors import raise_if_asynchronous
from logkit.redact import hide_path_segments
from logkit.trace import parse_traceparent

REQUEST_ID_HEADER = "X-Request-ID"
_EXPOSE = "Access-Control-Expose-Headers"
_ODD = {403, 429}  # a refusal that somebody may want to look at
_BODILESS = {204, 304}
_OUTCOMES = {False: "success", True: "rejected"}
_LONGEST_METHOD = 16


class Exchange:
    """One request on its way. Everything but `open` is called in the request's context."""

    __slots__ = ("_is_finished", "_policy", "_request", "_started_ns", "scope")

    def __init__(self, request: HttpRequest, policy: Policy) -> None:
        self._request = request
        self._policy = policy
        self._started_ns = time.perf_counter_ns()
        self._is_finished = False
        self.scope = Scope(self._learn)

    def open(self) -> None:
        """Make the request's own context the current one; nothing of the outer one is in it. (R03)"""
        request, meta, policy = self._request, self._request.META, self._policy
        request_id = policy.request_id(meta.get("HTTP_X_REQUEST_ID"))
        trace = self._trace(meta.get("HTTP_TRACEPARENT"))
        fields: dict[str, object] = {"request_id": request_id, **trace}
        if "HTTP_COOKIE" in meta and (
            session := policy.session(request.COOKIES.get(django_settings.SESSION_COOKIE_NAME))
        ):
            fields["session"] = session
        if client_ip := policy.client_address(meta.get("REMOTE_ADDR"), meta.get("HTTP_X_FORWARDED_FOR")):
            fields["client_ip"] = client_ip
        fields["method"] = (request.method or "")[:_LONGEST_METHOD]
        self.scope.moving = otel.span_ids(trace)
        context = Context(fields, self.scope)
        request.__dict__["request_id"] = request_id
        request.__dict__[CONTEXT_ATTRIBUTE] = context
        set_answered(None)
        set_context(context)
        logger.debug("request.started")

    def _trace(self, header: str | None) -> dict[str, object]:
        """The ids that the request brought, or those of a trace that starts here."""
        if header is not None and (span := parse_traceparent(header)) is not None:
            self.scope.trace_flags = span.flags
            return {"trace_id": span.trace_id, "span_id": span.span_id}
        new = os.urandom(24).hex()
        return {"trace_id": new[:32], "span_id": new[32:]}

    def _learn(self) -> Mapping[str, object] | None:
        """The route and the user, as soon as they are known. (R11)"""
        known = self.scope.known
        found: dict[str, object] = {}
        try:
            if "route" not in known and (route := route_of(self._request)) is not None:
                found["route"] = route
            if "user_id" not in known and (user_id := evaluated_user_id(self._request)) is not None:
                found["user_id"] = user_id
        except Exception as error:  # noqa: BLE001 - a user model may do anything (R13)
            raise_if_asynchronous(error)
            self.scope.late = None
            report(error, "learn")
        return found

    def answer(self, response: HttpResponseBase) -> None:
        """Put the id on `response`, and write the line unless a body is still to be produced."""
        headers = response.headers
        headers[REQUEST_ID_HEADER] = self._request.__dict__["request_id"]
        if _EXPOSE in headers:
            headers[_EXPOSE] = _with_our_header(headers[_EXPOSE])  # R08
        elif "Access-Control-Allow-Origin" in headers:
            headers[_EXPOSE] = REQUEST_ID_HEADER
        if response.streaming:
            follow(cast(StreamingHttpResponse, response), partial(self._end_of_body, response.status_code))
        else:
            size = 0 if self._has_no_body(response.status_code) else len(getattr(response, "content", b""))
            self._finish(response.status_code, size)
        self._leave()

    def break_off(self, error: BaseException) -> None:
        """The stack raised instead of answering: a failure, or the end of a client, a worker or a task. (R19)"""
        self._finish(None, 0, error=error)
        self._leave()

    def _leave(self) -> None:
        """Keep the context for what is written about the request after it was left. (R01)"""
        context = current_context()
        if context.scope is self.scope:
            self._request.__dict__[CONTEXT_ATTRIBUTE] = context
            set_answered(context)

    def _end_of_body(
        self, status: int, size: int, *, error: BaseException | None = None, abandoned: bool = False
    ) -> None:
        if self._has_no_body(status):
            size, abandoned = 0, False  # what was made of it went nowhere
        self._finish(status, size, error=error, abandoned=abandoned)

    def _has_no_body(self, status: int) -> bool:
        return self._request.method == "HEAD" or status in _BODILESS

    def _finish(
        self, status: int | None, size: int, *, error: BaseException | None = None, abandoned: bool = False
    ) -> None:
        """Write the canonical line, once."""
        if self._is_finished:
            return
        self._is_finished = True
        scope = self.scope
        failed = isinstance(error, Exception) or (status is not None and status >= 500)
        aborted = abandoned or (error is not None and not failed)
        error = error or (scope.error if failed else None)
        fields: dict[str, Any] = scope.fields
        if status is not None:
            fields["status"] = status
        fields["duration_ms"] = round((time.perf_counter_ns() - self._started_ns) / 1e6, 3)
        fields["bytes"] = size
        fields.update(scope.database.fields() if scope.database else NO_QUERIES)
        fields["outcome"] = (
            "aborted" if aborted else "failure" if failed else _OUTCOMES[(status or 200) >= 400]
        )
        if error is not None:
            fields["exception_type"] = type(error).__qualname__
        path = self._request.path
        if "route" not in current_context():
            fields["path"] = hide_path_segments(path)
        scope.late = None
        line = logger.bind(**fields)
        if failed:
            if error is not None:
                if scope.traced is not error:  # R14: nobody else has shown it
                    line = line.opt(exception=error)
                error.__dict__[CONTEXT_ATTRIBUTE] = (
                    get_context()
                )  # for the server, which may tell of it again
            line.error("request.finished")
        elif status in _ODD:
            line.warning("request.finished")
        elif (status is None or status < 400) and self._policy.is_quiet(path):  # R22
            line.debug("request.finished")
        else:
            line.info("request.finished")
        scope.error = scope.traced = None  # an error holds its frames, and they hold the request


def report(error: Exception, hook: str) -> None:
    """Say that a hook of ours failed; the request goes on as if we were not there. (R04)"""
    logger.opt(exception=error).bind(hook=hook).error("logkit.hook_failed")


def _with_our_header(value: str) -> str:
    names = [name.strip() for name in value.split(",")]
    if REQUEST_ID_HEADER.lower() in map(str.lower, names):
        return value
    return ", ".join([*filter(None, names), REQUEST_ID_HEADER])
