"""The ids of the active OpenTelemetry span are on the lines written in it."""

from typing import Any

from django.http import HttpResponse
from django.test import RequestFactory
from loguru import logger
from opentelemetry.sdk import trace

from logkit import otel
from logkit.django.middleware import RequestContextMiddleware
from logkit.testing import Capture


def test_the_active_span_wins_over_what_the_request_brought(logs: Capture) -> None:
    """The server's span, a span inside it, and the server's again."""
    tracer = trace.TracerProvider().get_tracer("test")
    spans: list[Any] = []

    def view(request: Any) -> HttpResponse:
        logger.info("view.before")
        with tracer.start_as_current_span("inner") as inner:
            spans.append(inner)
            logger.info("view.inside")
        logger.info("view.after")
        return HttpResponse()

    with tracer.start_as_current_span("server") as server:
        RequestContextMiddleware(view)(
            RequestFactory().get("/x", headers={"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"})
        )
    outer, inner = (format(span.get_span_context().span_id, "016x") for span in (server, *spans))
    trace_id = format(server.get_span_context().trace_id, "032x")
    for event, span_id in [("view.before", outer), ("view.inside", inner), ("view.after", outer)]:
        logs.only(event, span_id=span_id, trace_id=trace_id)
    logs.only("request.finished", span_id=outer, trace_id=trace_id)


def test_without_a_span_the_requests_own_ids_stay(logs: Capture) -> None:
    """The API is loaded, and nobody traces."""
    assert otel.current_span() is None
    header = f"00-{'1' * 32}-{'2' * 16}-01"
    RequestContextMiddleware(lambda request: HttpResponse())(
        RequestFactory().get("/x", headers={"traceparent": header})
    )
    logs.only("request.finished", trace_id="1" * 32, span_id="2" * 16)
