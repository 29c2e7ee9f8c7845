"""OpenTelemetry around a site; importing it loads its API, which changes what a process does."""

from opentelemetry.sdk.trace import TracerProvider


def traces(get_response):
    """A span around everything inside, as OpenTelemetry's own instrumentation has it; a body comes after it."""
    tracer = TracerProvider().get_tracer("site")

    def middleware(request):
        with tracer.start_as_current_span("server") as span:
            request.span_trace = format(span.get_span_context().trace_id, "032x")
            return get_response(request)

    return middleware
