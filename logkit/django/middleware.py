"""`RequestContextMiddleware`: every line knows its request. First in MIDDLEWARE, sync and async.

It adds no thread hop: Django runs it in whichever mode the rest of the stack has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from logkit.context import Context, get_context, set_context
from logkit.django import frameworks
from logkit.django.exchange import Exchange, report
from logkit.django.policy import Policy
from logkit.django.unavailable import answer_unavailable
from logkit.errors import raise_if_asynchronous
from logkit.pipeline import current_settings
from logkit.settings import LogSettings

GetResponse = Callable[[HttpRequest], Any]


class RequestContextMiddleware:
    """Binds the request's context, writes `request.finished`, and leaves the outer context as it was."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(cast(Any, self))
        frameworks.watch()
        self._policy = Policy(current_settings() or LogSettings())

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._serve(request)
        outer = get_context()
        exchange = self._open(request, outer)
        if exchange is None:
            return cast(HttpResponseBase, self.get_response(request))
        try:
            response: HttpResponseBase = self.get_response(request)
            _answer(exchange, response)
        except BaseException as error:
            exchange.break_off(error)
            raise
        finally:
            set_context(outer)
        return response

    async def _serve(self, request: HttpRequest) -> HttpResponseBase:
        outer = get_context()
        exchange = self._open(request, outer)
        if exchange is None:
            return cast(HttpResponseBase, await self.get_response(request))
        try:
            response: HttpResponseBase = await self.get_response(request)
            _answer(exchange, response)
        except BaseException as error:  # a cancelled task included: the client has gone (R19)
            exchange.break_off(error)
            raise
        finally:
            set_context(outer)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """What could not be recorded was not done. (A04)"""
        return answer_unavailable(request, exception)

    def _open(self, request: HttpRequest, outer: Context) -> Exchange | None:
        settings = current_settings()
        if settings is not None and settings is not self._policy.settings:
            self._policy = Policy(settings)
        exchange = Exchange(request, self._policy)
        try:
            exchange.open()
        except Exception as error:  # noqa: BLE001 - the request is worth more than its line (R04)
            set_context(outer)
            raise_if_asynchronous(error)
            report(error, "open")
            return None
        return exchange


def _answer(exchange: Exchange, response: HttpResponseBase) -> None:
    try:
        exchange.answer(response)
    except Exception as error:  # noqa: BLE001 - the response is worth more than its line (R04)
        raise_if_asynchronous(error)
        report(error, "answer")
        exchange.break_off(error)
