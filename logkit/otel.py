"""The ids of the active OpenTelemetry span, where a process uses OpenTelemetry; it is never imported here."""

from __future__ import annotations

import sys

from logkit.trace import TraceParent


def current_span() -> TraceParent | None:
    """The active span, when the process has loaded OpenTelemetry and a valid span is recording or remote."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return TraceParent(
        format(context.trace_id, "032x"), format(context.span_id, "016x"), format(context.trace_flags, "02x")
    )
