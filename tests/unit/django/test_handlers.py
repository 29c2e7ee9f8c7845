"""Requests through Django's own handlers and whatever other middleware does around ours."""

import asyncio
import contextlib
import gc
import io
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.conf import LazySettings
from django.core.handlers.wsgi import WSGIHandler
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from loguru import logger

import logkit
from logkit.context import get_context
from logkit.testing import Capture

pytestmark = pytest.mark.django_db  # Django's test client lets responses look after connections again

OURS = "logkit.django.middleware.RequestContextMiddleware"
THEIRS = "tests.conformance.site."
SHARED = ValueError("one instance for all")


@pytest.fixture
def serve(settings: LazySettings) -> Callable[..., None]:
    """Make the project consist of these views (by their names) and this middleware."""

    def arrange(*views: Callable[..., Any], middleware: tuple[str, ...] = ()) -> None:
        settings.MIDDLEWARE = [OURS, *[THEIRS + name for name in middleware]]
        urlpatterns = tuple(path(view.__name__, view) for view in views)
        settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": urlpatterns})

    return arrange


def ok(request: HttpRequest) -> HttpResponse:
    logger.info("view.ran")
    return HttpResponse("ok")


def get(url: str, **extra: Any) -> Any:
    return Client(raise_request_exception=False).get(url, **extra)


def only(logs: Capture, event: str, answer: Any) -> Any:
    (line,) = logs.find(event, request_id=answer["X-Request-ID"])
    return line


# -- Other middleware -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "route"),
    [
        ("middleware.fails_before", None),
        ("middleware.fails_after", "ok"),
        ("middleware.answers_itself", None),
    ],
)
@pytest.mark.allow_log_errors
def test_r14_other_middleware_may_fail_or_answer(
    serve: Any, logs: Capture, other: str, route: str | None
) -> None:
    """Its failure is the request's: one traceback, with the ids, and one canonical line."""
    serve(ok, middleware=(other,))
    answer = get("/ok")
    line = only(logs, "request.finished", answer)
    assert line["context"]["status"] == answer.status_code
    assert line["context"]["outcome"] == "failure"
    assert line["context"].get("route") == route
    traced = [line for line in logs.events if "exception" in line]
    assert [one["context"]["request_id"] for one in traced] == (
        [] if other == "middleware.answers_itself" else [answer["X-Request-ID"]]
    )


def test_r04_r09_an_answer_that_we_cannot_read_has_its_line_all_the_same(serve: Any, logs: Capture) -> None:
    """A template response that nobody rendered raises whenever it is looked at: that is told, once, as a failure."""
    serve(ok, middleware=("middleware.forgets_to_render",))
    with pytest.raises(Exception, match="must be rendered"):
        _ = get("/ok").content
    logs.only("logkit.hook_failed", hook="answer")
    logs.only("request.finished", outcome="failure", exception_type="ContentNotRenderedError")
    assert len([line for line in logs.events if "exception" in line]) == 1


def test_r21_the_route_is_that_of_the_urls_that_a_middleware_chose(serve: Any, logs: Capture) -> None:
    """`request.urlconf` decides for one request."""
    serve(ok, middleware=("middleware.chooses_urls",))
    assert only(logs, "request.finished", get("/tenants/ann/"))["context"]["route"] == "tenants/{tenant}/"
    assert only(logs, "request.finished", get("/ok"))["context"]["status"] == 404


def test_r21_a_mounted_project_has_the_same_routes(serve: Any, logs: Capture) -> None:
    """Behind another application that strips its prefix, under WSGI and under ASGI."""
    serve(ok)
    sync = get("/ok", SCRIPT_NAME="/mounted")
    assert only(logs, "request.finished", sync)["context"]["route"] == "ok"
    logs.none("logkit.hook_failed")


# -- What is left behind ----------------------------------------------------------------------------------------


@pytest.mark.allow_log_errors("request.finished")
def test_r14_an_error_that_is_raised_again_and_again_has_a_traceback_each_time(
    serve: Any, logs: Capture
) -> None:
    """Each failure is told under its own request, also when it is the very same object."""

    def fails(request: HttpRequest) -> HttpResponse:
        raise SHARED

    serve(fails)
    answers = [get("/fails") for _ in range(3)]
    for answer in answers:
        traced = only(logs, "Internal Server Error: /fails", answer)
        assert traced["exception"]["message"] == "one instance for all"


class Large:
    """Something that a request holds."""


@pytest.mark.parametrize("fails", [False, True])
def test_a_streamed_request_is_gone_when_it_is_closed(serve: Any, fails: bool) -> None:
    """Nothing of ours keeps it until the garbage collector comes: no cycle through the body, the line or the error."""
    held: list[weakref.ref[Any]] = []

    def stream(request: HttpRequest) -> StreamingHttpResponse:
        large = Large()
        held.append(weakref.ref(large))

        def chunks() -> Iterator[bytes]:
            yield b"x"
            if fails:
                raise ValueError(large)

        response = StreamingHttpResponse(chunks())
        held.append(weakref.ref(response))
        return response

    serve(stream)
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/stream",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    handler = WSGIHandler()
    gc.disable()
    try:
        response: Any = handler(environ, lambda status, headers: None)
        with pytest.raises(ValueError, match="Large") if fails else contextlib.nullcontext():
            list(response)
        response.close()
        del response
        assert [one() for one in held] == [None, None]
    finally:
        gc.enable()


def test_r18_a_body_that_is_closed_twice_is_told_once(serve: Any, logs: Capture) -> None:
    """Servers that are careful close in several places."""

    def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse([b"x"])

    serve(stream)
    answer = get("/stream")
    assert answer.getvalue() == b"x"
    answer.close()
    answer.close()
    logs.only("request.finished", bytes=1, outcome="success")


# -- Work inside of work ----------------------------------------------------------------------------------------


def test_r03_a_request_inside_of_a_request(serve: Any, logs: Capture) -> None:
    """The inner one is on its own, and the outer one goes on as if nothing had been."""

    def outer(request: HttpRequest) -> HttpResponse:
        logkit.bind_context(mine=1)
        before = get_context()
        inner = get("/ok")
        assert get_context() is before
        logger.info("outer.after")
        return HttpResponse(inner["X-Request-ID"])

    serve(ok, outer)
    answer = get("/outer")
    assert "mine" not in logs.only("view.ran", request_id=answer.content.decode())["context"]
    logs.only("outer.after", request_id=answer["X-Request-ID"], mine=1)


def test_lines_of_signal_receivers_have_the_ids(serve: Any, logs: Capture) -> None:
    """Of sync and async ones, whichever way the signal is sent."""
    signal = Signal()

    def sync_receiver(**_: object) -> None:
        logger.info("sync.received")

    async def async_receiver(**_: object) -> None:
        logger.info("async.received")

    signal.connect(sync_receiver)
    signal.connect(async_receiver)

    async def sends(request: HttpRequest) -> HttpResponse:
        await signal.asend(sender=None)
        return HttpResponse()

    def sends_too(request: HttpRequest) -> HttpResponse:
        signal.send(sender=None)
        return HttpResponse()

    serve(sends, sends_too)
    for answer in (asyncio.run(AsyncClient().get("/sends")), get("/sends_too")):
        only(logs, "sync.received", answer)
        only(logs, "async.received", answer)


def test_r16_fifty_async_requests_at_once_never_mix(serve: Any, logs: Capture) -> None:
    """In one event loop, each waiting for the others in the middle."""
    together = asyncio.Barrier(50)

    async def meets(request: HttpRequest) -> HttpResponse:
        logkit.bind_context(mark=request.GET["mark"])
        await together.wait()
        logger.info("view.met")
        return HttpResponse()

    async def ask() -> list[Any]:
        return await asyncio.gather(*(AsyncClient().get(f"/meets?mark={number}") for number in range(50)))

    serve(meets)
    for number, answer in enumerate(asyncio.run(ask())):
        for event in ("view.met", "request.finished"):
            assert only(logs, event, answer)["context"]["mark"] == str(number)


def test_r16_the_middleware_adds_no_thread_hop(
    serve: Any, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An async request goes to threads as often with ours as without it."""
    hops: list[Any] = []
    call = SyncToAsync.__call__

    async def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        hops.append(self.func)
        return await call(self, *args, **kwargs)

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    serve(view)
    asyncio.run(AsyncClient().get("/view"))
    with_ours = len(hops)
    settings.MIDDLEWARE = []
    asyncio.run(AsyncClient().get("/view"))
    assert with_ours == len(hops) - with_ours > 0


# -- OpenTelemetry ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["ok", "fails", "streams"])
@pytest.mark.allow_log_errors
def test_every_line_of_a_traced_request_is_in_its_trace(serve: Any, logs: Capture, end: str) -> None:
    """Also those that are written when the server's span has ended already, which it does before a body is made."""
    traces: list[str] = []

    def view(request: Any) -> Any:
        traces.append(request.span_trace)
        logger.info("view.ran")
        if end == "fails":
            raise ValueError("boom")
        return HttpResponse() if end == "ok" else StreamingHttpResponse(chunks())

    def chunks() -> Iterator[bytes]:
        logger.info("chunk.made")
        yield b"x"

    serve(view, middleware=("tracing.traces",))
    answer = get("/view")
    b"".join(answer)
    lines = [*logs.find("view.ran"), *logs.find("chunk.made"), *logs.find("request.finished")]
    assert len(lines) == (3 if end == "streams" else 2)
    assert {line["context"]["trace_id"] for line in lines} == set(traces)
