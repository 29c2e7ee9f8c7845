"""The request middleware by itself: whose context is bound when, and what becomes of its own failures."""

import asyncio
import contextlib
import contextvars
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from loguru import logger

import logkit
from logkit.context import answered_context, get_context
from logkit.django import exchange as exchanges
from logkit.django.middleware import RequestContextMiddleware
from logkit.testing import Capture


def ask(view: Any, path: str = "/x", **headers: str) -> Any:
    return RequestContextMiddleware(view)(RequestFactory().get(path, headers=headers))


def test_r03_a_stale_context_is_not_inherited_and_the_outer_one_comes_back(logs: Capture) -> None:
    """What somebody left bound is in no line of the request, and is there again after it."""
    with logkit.bound_context(stale="left over") as outer:

        def view(request: Any) -> HttpResponse:
            assert "stale" not in get_context()
            logkit.bind_context(mine=1)
            return HttpResponse()

        ask(view)
        assert get_context() is outer
    assert "stale" not in logs.only("request.finished", mine=1)["context"]


def test_r03_the_outer_context_comes_back_after_an_error(logs: Capture) -> None:
    """Also when the stack raises, as it does when a worker is told to exit."""

    def view(request: Any) -> HttpResponse:
        raise SystemExit(3)

    with logkit.bound_context(outer=1) as outer:
        with pytest.raises(SystemExit):
            ask(view)
        assert get_context() is outer
    line = logs.only("request.finished", outcome="aborted", exception_type="SystemExit")
    assert "exception" not in line


def test_r05_process_wide_fields_survive(logs: Capture) -> None:
    """Fields that Loguru adds to every record, and what the process itself has bound outside of requests."""
    logger.configure(extra={"region": "eu"})
    try:
        logkit.bind_context(deployment="blue")
        ask(lambda request: HttpResponse())
        logger.info("process.idle")
    finally:
        logger.configure(extra={})
    logs.only("request.finished", region="eu")
    logs.only("process.idle", region="eu", deployment="blue")


@pytest.mark.parametrize("hook", ["open", "answer"])
@pytest.mark.allow_log_errors("request.finished")
def test_r04_a_failing_hook_of_ours_is_reported_and_changes_nothing(
    hook: str, logs: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response is the view's; the failure is an error of its own."""

    def fail(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(exchanges.Exchange, hook, fail)
    with logkit.bound_context(outer=1) as outer:
        assert ask(lambda request: HttpResponse(b"theirs")).content == b"theirs"
        assert get_context() is outer
    line = logs.only("logkit.hook_failed", hook=hook)
    assert line["level"] == "ERROR"
    assert line["exception"]["type"] == "RuntimeError"


def test_r04_a_user_that_cannot_be_read_is_reported_once(logs: Capture) -> None:
    """Later lines of the request do not try again."""

    class Broken:
        @property
        def pk(self) -> int:
            raise RuntimeError("no key today")

    def view(request: Any) -> HttpResponse:
        request.user = Broken()
        logger.info("view.ran")
        logger.info("view.ran")
        return HttpResponse()

    assert ask(view).status_code == 200
    logs.only("logkit.hook_failed", hook="learn")
    assert len(logs.find("view.ran")) == 2


def test_r12_an_async_view_never_waits_for_a_user(logs: Capture) -> None:
    """The middleware is async with the stack, and reads nothing that would have to be awaited."""

    class Lazy:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError("somebody looked")

    async def view(request: Any) -> HttpResponse:
        request.auser = Lazy()
        logger.info("view.ran")
        return HttpResponse()

    middleware = RequestContextMiddleware(view)
    assert iscoroutinefunction(middleware)
    response = asyncio.run(middleware(RequestFactory().get("/x")))  # type: ignore[arg-type]
    assert response.status_code == 200
    logs.only("view.ran")


def test_r19_a_cancelled_request_is_told_and_stays_cancelled(logs: Capture) -> None:
    """`CancelledError` goes on to whoever cancelled."""
    started = asyncio.Event()

    async def view(request: Any) -> HttpResponse:
        started.set()
        await asyncio.sleep(60)
        return HttpResponse()

    async def main() -> None:
        task = asyncio.ensure_future(RequestContextMiddleware(view)(RequestFactory().get("/x")))  # type: ignore[arg-type]
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    line = logs.only("request.finished", outcome="aborted", exception_type="CancelledError")
    assert line["level"] == "INFO"


def test_r17_a_request_may_end_on_another_thread_than_it_began_on(logs: Capture) -> None:
    """No ContextVar token is held across the view, so that nothing has to be reset where it was set."""

    async def view(request: Any) -> HttpResponse:
        logkit.bind_context(circle_id=7)
        return HttpResponse()

    coroutine = RequestContextMiddleware(view)(RequestFactory().get("/x"))
    with contextlib.suppress(StopIteration):
        while True:  # another context runs every step
            contextvars.Context().run(coroutine.send, None)  # type: ignore[union-attr]
    logs.only("request.finished")
    assert not get_context()


def test_r18_nothing_leaks_to_the_caller_between_chunks(logs: Capture) -> None:
    """The consumer keeps its own context while the producer keeps the request's."""

    def chunks() -> Any:
        logkit.bind_context(step=1)
        yield b"a"
        logger.info("chunk.made")
        yield b"b"

    with logkit.bound_context(consumer=1) as outer:
        response = ask(lambda request: StreamingHttpResponse(chunks()))
        for _ in response:
            assert get_context() is outer
        response.close()
        assert get_context() is outer
    line = logs.only("chunk.made", step=1)
    assert "consumer" not in line["context"]
    logs.only("request.finished", bytes=2, outcome="success", step=1)


def test_r18_a_body_that_fails_is_raised_again(logs: Capture) -> None:
    """The server gets the error; the one line has the traceback."""

    def chunks() -> Any:
        yield b"a"
        raise ValueError("half-way")

    response = ask(lambda request: StreamingHttpResponse(chunks()))
    with pytest.raises(ValueError, match="half-way"):
        list(response)
    response.close()
    line = logs.only("request.finished", bytes=1, outcome="failure", exception_type="ValueError", status=200)
    assert line["exception"]["message"] == "half-way"


def test_r18_a_body_that_is_never_asked_for_is_aborted_unless_there_is_none(logs: Capture) -> None:
    """A HEAD request has no body to abandon."""
    ask(lambda request: StreamingHttpResponse([b"a"])).close()
    head = RequestFactory().head("/head")
    RequestContextMiddleware(lambda request: StreamingHttpResponse([b"a"]))(head).close()  # type: ignore[union-attr]
    assert [line["context"]["outcome"] for line in logs.find("request.finished")] == ["aborted", "success"]


def test_r27_a_file_keeps_what_sendfile_needs(logs: Capture, tmp_path: Any) -> None:
    """`file_to_stream` is the file itself; closing the response tells the end."""
    (tmp_path / "f").write_bytes(b"x" * 100)
    file = (tmp_path / "f").open("rb")
    response = ask(lambda request: FileResponse(file))
    assert response.file_to_stream is file
    logs.none("request.finished")
    response.close()
    assert file.closed
    logs.only("request.finished", bytes=100, outcome="success")


def test_r01_the_context_of_an_answered_request_lives_until_its_response_is_closed(logs: Capture) -> None:
    """For the server's own line; and no longer."""
    response = ask(lambda request: HttpResponse())
    answered = answered_context()
    assert answered is not None
    assert answered["request_id"] == response["X-Request-ID"]
    response.close()
    assert answered_context() is None


def test_request_started_is_for_debugging(logs: Capture) -> None:
    """It has the ids, and no route yet."""
    response = ask(lambda request: HttpResponse())
    line = logs.only("request.started", request_id=response["X-Request-ID"], method="GET")
    assert line["level"] == "DEBUG"


def test_the_request_knows_its_id() -> None:
    """As `request.request_id`, and in `get_context()`."""

    def view(request: Any) -> HttpResponse:
        return HttpResponse(f"{request.request_id} {get_context()['request_id']}")

    assert ask(view, x_request_id="given-id-1").content == b"given-id-1 given-id-1"


@pytest.mark.parametrize(
    "given", ["order-4111" + "111111111111", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + "c2lnbmF0dXJl"]
)
def test_r06_an_id_that_lines_would_hide_is_none(given: str, logs: Capture) -> None:
    """A card number, a token: the answer, the lines and what is passed on agree on another id."""
    response = ask(lambda request: HttpResponse(), x_request_id=given)
    assert response["X-Request-ID"] != given
    logs.only("request.finished", request_id=response["X-Request-ID"])


def test_a_traceparent_is_continued(logs: Capture) -> None:
    """Its ids are on every line; without one the request starts a trace."""
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    ask(lambda request: HttpResponse(), traceparent=f"00-{trace}-{span}-01")
    ask(lambda request: HttpResponse(), traceparent="nonsense")
    continued, started = logs.find("request.finished")
    assert (continued["context"]["trace_id"], continued["context"]["span_id"]) == (trace, span)
    assert len(started["context"]["trace_id"]) == 32
    assert len(started["context"]["span_id"]) == 16
