"""What the console and `tail` remember of earlier lines changes none that follows, whatever the lines hold."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logkit.console import Style
from logkit.console.renderer import Renderer
from logkit.tail.lines import parse, parsed

IDS = ("4bf92f3577b34da6a3ce929d0e0e4736", "6f9d2c1e-6a3b-4c1d-9e2f-5b7a8c9d0e1f", "short")
KEYS = (
    *(
        "request_id",
        "task_id",
        "task",
        "retries",
        "command",
        "method",
        "route",
        "user_id",
        "outcome",
        "queue",
    ),
    *("queue_ms", "status", "duration_ms", "db_queries", "bytes", "wait_s", "circle_id", "sql", "a b"),
)
TIMES = (
    *("2026-01-05T14:02:11.123456Z", "2026-01-05T14:02:59.9Z", "2026-01-05T14:03:11.123456Z"),
    *("2026-01-05T14:03:11+02:00", "2026-13-45T14:02:11.123456Z", "never", None),
)
MESSAGES = (
    *("message.sent", "request.finished", "task.failed", "a library's words", "two\nlines", "L" * 300),
    *("", None, 5),
)
values = st.one_of(
    st.sampled_from([*IDS, "celery", "success", "a b", "x" * 201, "\x1b[2J", 503, 10**18, 1234.5678, 0.05]),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    st.lists(st.integers(), max_size=2) | st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
)
events = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from(TIMES),
        "level": st.sampled_from(["INFO", "ERROR", "warn", "", None, 30]),
        "logger": st.sampled_from(["keeps.services", "", None]),
        "message": st.sampled_from(MESSAGES),
        "context": st.dictionaries(st.sampled_from(KEYS), values, max_size=6),
    },
    optional={"exception": st.sampled_from(["boom", {"type": "KeyError", "message": "k"}])},
)
styles = st.sampled_from(
    [
        Style(),
        Style(colour=True, local_time=False),
        Style(colour=True, width=80),
        Style(only=frozenset(["user_id", "queue", "status"])),
        Style(without=frozenset(["user_id", "status"]), single_line=True),
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # random text is slow to make on a busy machine
@given(st.lists(events, max_size=12), styles)
def test_a_line_looks_the_same_whatever_came_before(shown: list[dict[str, Any]], style: Style) -> None:
    """One renderer for all lines, and a new one for each: the same text, and no value that either cannot take."""
    together = Renderer(style)
    assert [together(event) for event in shown] == [Renderer(style)(event) for event in shown]


lines = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"{", b"{}", b'{"context":1,"message":2}', b'web | {"level":"INFO","msg":"up"}', b"[1]"]
    ),
    events.map(lambda event: json.dumps(event).encode()),
    events.map(lambda event: json.dumps({"log": json.dumps(event)}).encode()),
)


@given(st.lists(lines, max_size=8))
def test_lines_read_together_are_what_each_is_alone(raw: list[bytes]) -> None:
    """The short way for lines that are all wanted finds what the long way finds."""
    assert [tuple(line) for line in parsed(raw)] == [tuple(parse(line)) for line in raw]
