"""Outgoing calls carry the ids of the work that makes them."""

import asyncio

import httpx

import logkit
from logkit.httpx import async_hooks, hooks

TRACE = "0af7651916cd43dd8448eb211c80319c"


def echo(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=dict(request.headers))


def sent(**headers: str) -> dict[str, str]:
    with httpx.Client(transport=httpx.MockTransport(echo), event_hooks=hooks()) as client:
        answer: dict[str, str] = client.get("http://other/", headers=headers).json()
        return answer


def test_r23_the_ids_travel() -> None:
    """The request id as it is; the trace with a span of its own for each call."""
    with logkit.bound_context(request_id="request-1", trace_id=TRACE, span_id="b7ad6b7169203331"):
        first, second = sent(), sent()
    assert first["x-request-id"] == "request-1"
    version, trace_id, span_id, flags = first["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "01")
    assert span_id not in ("b7ad6b7169203331", second["traceparent"].split("-")[2])


def test_r23_an_async_client_does_the_same() -> None:
    """Through hooks that it can await."""

    async def call() -> dict[str, str]:
        transport = httpx.MockTransport(echo)
        async with httpx.AsyncClient(transport=transport, event_hooks=async_hooks()) as client:
            answer: dict[str, str] = (await client.get("http://other/")).json()
            return answer

    with logkit.bound_context(request_id="request-1"):
        assert asyncio.run(call())["x-request-id"] == "request-1"


def test_r23_the_callers_own_headers_win() -> None:
    """Whoever sets them knows why."""
    with logkit.bound_context(request_id="request-1", trace_id=TRACE):
        headers = sent(**{"X-Request-ID": "mine-own-1", "traceparent": "mine"})
    assert headers["x-request-id"] == "mine-own-1"
    assert headers["traceparent"] == "mine"


def test_r23_what_is_no_id_does_not_travel() -> None:
    """Nothing is sent when there is no request; a header is never built from something else."""
    assert "x-request-id" not in sent()
    with logkit.bound_context(request_id="a\r\nInjected: 1", trace_id="nonsense"):
        headers = sent()
    assert "x-request-id" not in headers
    assert "injected" not in headers
    assert len(headers["traceparent"].split("-")[1]) == 32
