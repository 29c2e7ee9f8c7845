"""Encoding is total: whatever is logged, one strict JSON line of schema v1 comes out, within its bounds."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkit.context import Context
from logkit.encode import LogkitEncoder, service_block, timestamp
from logkit.event import Event, EventBuilder, Origin, Where
from logkit.redact import Redactor
from tests.schema import check_line

BUILD = EventBuilder(Redactor()).build
ORIGIN = Origin("messaging.services", "/srv/app/messaging/services.py", 42, "send")
WHERE = Where(71, "gunicorn", "MainThread")

TEXT = st.text(st.characters(), max_size=40)  # lone surrogates included
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.binary(max_size=20)
    | st.complex_numbers()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.integers(), inner, max_size=4),
    max_leaves=15,
)
FIELDS = st.dictionaries(TEXT, VALUES, max_size=6)


def encoder(max_line_bytes: int = 16_384) -> LogkitEncoder:
    return LogkitEncoder(service_block("mysite", "test", "r1"), limit=lambda: max_line_bytes)


def event(message: str = "message.sent", context: Any = None, fields: Any = None, **options: Any) -> Event:
    return BUILD(
        1_700_000_000_123_456_789,
        "INFO",
        20,
        ORIGIN,
        message,
        Context(context),
        fields or {},
        WHERE,
        **options or {"exception": None},
    )


def strict(line: bytes) -> dict[str, Any]:
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    parsed: dict[str, Any] = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    check_line(parsed)
    return parsed


@given(TEXT, FIELDS, FIELDS)
def test_l09_anything_is_one_strict_line_of_schema_v1(
    message: str, context: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Whatever the message, the context and the fields hold."""
    strict(encoder()(event(message, context, fields)))


@given(TEXT, FIELDS, FIELDS, st.integers(1024, 3000))
def test_a_line_is_never_longer_than_allowed(
    message: str, context: dict[str, Any], fields: dict[str, Any], most: int
) -> None:
    """A long line is shortened to the limit, stays valid and says so."""
    line = encoder(most)(event(message * 30, context, {"big": "x" * 5000, **fields}))
    assert len(line) <= most
    assert strict(line)["truncated"] is True


def test_the_same_bytes_as_the_data() -> None:
    """The fast assembly of bytes and the plain data agree, member by member, in order."""
    one = event(context={"request_id": "r-12345678", "circle_id": 1}, fields={"circle_id": 2, "rows": 3})
    parsed = strict(encoder()(one))
    assert parsed == encoder().as_dict(one)
    assert list(parsed) == [
        "timestamp",
        "level",
        "logger",
        "message",
        "context",
        "source",
        "process",
        "thread",
        "service",
    ]


def test_the_call_wins_over_the_context() -> None:
    """A field that is bound and given by the call has the call's value, once."""
    line = encoder()(event(context={"a": 1, "b": 1}, fields={"b": 2}))
    assert line.count(b'"b":') == 1
    assert strict(line)["context"] == {"a": 1, "b": 2}


@given(st.integers(0, 4_102_444_800_000_000_000))
def test_a_timestamp_is_rfc_3339_in_utc(time_ns: int) -> None:
    """The clock with its kept prefix agrees with the standard library, in any order of times."""
    seconds, rest = divmod(time_ns, 10**9)
    expected = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06d}Z"
    assert timestamp(time_ns) == expected


def test_caches_are_bounded() -> None:
    """A million different messages, levels and origins do not grow the encoder."""
    encode = encoder()
    for number in range(10_000):
        made = BUILD(
            0, "INFO", 20, Origin("a", "/b.py", number, "f"), f"event.{number}", Context(), {}, WHERE, None
        )
        encode(made)
    assert len(encode._frames) <= 4096
