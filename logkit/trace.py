"""Request ids and W3C trace context: parse, validate, create. What comes from outside is never trusted.

Format of `traceparent`: https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TypeGuard

_REQUEST_ID = re.compile(r"[A-Za-z0-9._~:-]{8,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

SAMPLED, NOT_SAMPLED = (
    "01",
    "00",
)  # the one flag that is passed on; those of later versions are not ours to set

_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


@dataclass(frozen=True, slots=True)
class TraceParent:
    """Where in a distributed trace a request stands."""

    trace_id: str
    span_id: str
    flags: str = SAMPLED

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def new_request_id() -> str:
    """A random UUID of version 4 (RFC 9562), made in a third of the time of `str(uuid4())`."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"


def is_request_id(value: object) -> TypeGuard[str]:
    """Is `value` an id that we keep: 8 to 128 of the characters that log systems and URLs leave alone? (R06, R07)"""
    return isinstance(value, str) and _REQUEST_ID.fullmatch(value) is not None


def parse_traceparent(value: str) -> TraceParent | None:
    """The trace context of a header, or None when it is not one. A later version's extra parts are ignored."""
    match = _TRACEPARENT.fullmatch(value)
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceParent(trace_id, span_id, SAMPLED if int(flags, 16) & 1 else NOT_SAMPLED)


def new_traceparent(trace_id: str | None = None, flags: str | None = None) -> TraceParent:
    """A new span, in the trace `trace_id` or in one of its own."""
    return TraceParent(trace_id or os.urandom(16).hex(), os.urandom(8).hex(), flags or SAMPLED)
