"""The ids of the active OpenTelemetry span, where a process uses OpenTelemetry; it is never imported here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from logkit.trace import TraceParent

_API = "opentelemetry.trace"


def current_span() -> TraceParent | None:
    """The active span, when the process has loaded OpenTelemetry and a valid span is recording or remote."""
    trace = sys.modules.get(_API)
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return TraceParent(
        format(context.trace_id, "032x"), format(context.span_id, "016x"), format(context.trace_flags, "02x")
    )


def span_ids(own: Mapping[str, object]) -> Callable[[], Mapping[str, object]] | None:
    """What tells the ids of the span that is active at the time; None without the API.

    While none is active these are the ids of the first span that was, because a server's span may end before the
    request's last line; before that, they are `own`.
    """
    if _API not in sys.modules:
        return None
    first = _active()

    def active() -> Mapping[str, object]:
        nonlocal first
        ids = _active()
        first = first or ids
        return ids or first or own

    return active


def _active() -> Mapping[str, object] | None:
    span = current_span()
    return None if span is None else {"trace_id": span.trace_id, "span_id": span.span_id}
