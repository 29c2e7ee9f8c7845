"""An audit event of a request, from being stated to its receipt; no fsync. Its line has about 800 bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from benchmarks.slice import scratch

_USER = "01a2096d-adf4-74dd-bc12-000000000007"
_CONTEXT = {
    "request_id": "3f1c9a52-22aa-4e0e-93c7-0f3d4b6b1d10",
    "method": "POST",
    "route": "api/circles/{circle_id}/members",
    "user_id": _USER,
    "session": "h1:k1:" + "ab" * 16,
    "client_ip": "203.0.113.7",
    "trace_id": "ab" * 16,
    "span_id": "cd" * 8,
}
_DETAIL = {"role": "member", "via": "invitation"}


def emit() -> Callable[[], object]:
    """As an application does it."""
    targets = _set_up()
    from logkit import audit

    return lambda: audit.emit("circle.member.added", target=next(targets), detail=_DETAIL)


def direct() -> Callable[[], object]:
    """Without Loguru's record."""
    targets = _set_up()
    from logkit.audit import AuditEvent
    from logkit.audit.trail import current

    trail = current()
    return lambda: trail.write_directly(
        trail.seal_up(AuditEvent("circle.member.added", target=next(targets), detail=_DETAIL))
    )


def _set_up() -> cycle[object]:
    """An installed trail, the context of a request, and two hundred people to add to their circles."""
    import logkit
    from logkit.audit import Target
    from logkit.context import Context, Scope, set_context

    folders = {
        name: str(scratch() / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
    }
    logkit.configure({"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT_FSYNC": "never", **folders})
    set_context(Context(_CONTEXT, Scope()))
    ids = [f"01a2096d-adf4-74dd-bc12-{number:012x}" for number in range(400)]
    return cycle([Target("user", ids[number], circle_id=ids[-number]) for number in range(200)])
