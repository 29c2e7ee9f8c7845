"""A story of any lines: nothing is lost, nothing is told twice, nothing is wider than the terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from logkit.console import Style
from logkit.story.collect import Moment
from logkit.story.command import as_data
from logkit.story.draw import Drawing
from logkit.story.tree import tree
from logkit.terminal import visible_length

BEGIN = datetime(2026, 1, 5, 14, 2, tzinfo=UTC)
IDS = ["request-0001", "request-0002", "task-0001", "task-0002", "task-0003", "bad\x1b[2J"]
EVENTS = [
    *(
        "request.started",
        "request.finished",
        "command.finished",
        "keep.shared",
        "Worker lost",
        "first\nsecond",
        "",
    ),
    *("task.published", "task.received", "task.started", "task.succeeded", "task.retried", "task.failed"),
    *("task.lost", "task.interrupted", "task.revoked"),
]
VALUES = st.none() | st.integers(-5, 9000) | st.floats(allow_nan=False) | st.text(max_size=5) | st.booleans()

contexts = st.fixed_dictionaries(
    {},
    optional={
        "request_id": st.sampled_from(IDS),
        "task_id": st.sampled_from(IDS),
        "root_id": st.sampled_from(IDS),
        "parent_id": st.sampled_from(IDS),
        "trace_id": st.sampled_from(IDS),
        "task": st.sampled_from(["a.fan", "b.leaf", "\x1b[31m"]),
        "retries": st.integers(0, 3) | VALUES,
        "duration_ms": st.integers(0, 5000) | VALUES,
        "queue_ms": st.integers(0, 5000) | VALUES,
        "status": st.sampled_from([200, 404, 500]) | VALUES,
        "user_id": VALUES,
        "method": VALUES,
    },
)
exceptions = st.none() | st.text(max_size=20) | st.fixed_dictionaries({"type": VALUES, "message": VALUES})


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    time = BEGIN + timedelta(milliseconds=draw(st.integers(0, 20_000)))
    context = draw(contexts)
    names = ("request_id", "trace_id", "task_id", "root_id")
    ids = {name: str(context[name]) for name in names if name in context}
    if draw(st.integers(0, 9)) == 0:
        event: dict[str, Any] = {
            "event": draw(st.text(max_size=8)),
            "outcome": draw(st.sampled_from(["success", "failure", "denied", None])),
            "task": draw(st.none() | st.fixed_dictionaries({"retries": VALUES})),
            "target": draw(
                st.none() | st.lists(st.dictionaries(st.sampled_from(["type", "id"]), VALUES), max_size=2)
            ),
        }
        return Moment(time, event, ids, is_audit=True)
    event = {
        "timestamp": time.isoformat(),
        "level": draw(st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR", "odd"])),
        "message": draw(st.sampled_from(EVENTS)),
        "context": context,
    }
    if exception := draw(exceptions):
        event["exception"] = exception
    return Moment(time, event, ids)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(moments(), min_size=1, max_size=25),
    st.sampled_from([None, 40, 80, 120]),
    st.booleans(),
)
def test_any_lines_make_a_story(told: list[Moment], width: int | None, expand: bool) -> None:
    """Each moment is in the tree once, the drawing fits and holds no escape sequence, and the data is the same tree."""
    told.sort(key=lambda moment: moment.time)
    roots = tree(told)
    nodes = [node for root in roots for node in root.walk()]
    placed = [
        id(moment)
        for node in nodes
        for moment in (*node.moments, *node.steps, *([node.canonical] if node.canonical else []))
    ]
    assert sorted(placed) == sorted(map(id, told))
    text = Drawing(roots, Style(local_time=False, width=width, expand=expand)).text()
    assert "\x1b" not in text
    if width is not None and not expand:
        assert max(map(visible_length, text.splitlines())) <= max(width, 80)
    assert [as_data(root)["id"] for root in roots] == [root.id for root in roots]
