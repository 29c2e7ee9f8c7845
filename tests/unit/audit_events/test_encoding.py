"""Values of an event as JSON: whatever they are, the event is written."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from logkit.audit.events.encoding import encoded, members


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError("no")


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"n": 1, "t": "x", "none": None, "yes": True}, {"n": 1, "t": "x", "none": None, "yes": True}),
        ({"when": datetime(2026, 1, 5, tzinfo=UTC)}, {"when": "2026-01-05T00:00:00Z"}),
        (
            {"big": 2**70, "small": -(2**70), "fits": 5},
            {"big": str(2**70), "small": str(-(2**70)), "fits": 5},
        ),
        ({"half": "\ud800", "list": [1.5, {2}]}, {"half": "\\ud800", "list": [1.5, [2]]}),
        ({("a", "tuple"): 1}, {"('a', 'tuple')": 1}),
        ({"it": Unspeakable()}, {"it": "[Unspeakable: ValueError]"}),
    ],
)
def test_any_value_is_shown(value: object, shown: object) -> None:
    """As JSON where JSON can hold it, else as text."""
    assert json.loads(encoded(value)) == shown


def test_what_is_too_deep_is_text() -> None:
    """Beyond what a reader would look at, and beyond what the encoder can."""
    text = encoded(nested(300)).decode()
    assert text.startswith("[" * 8 + '"')
    assert "deep" in json.loads(text)[0][0][0][0][0][0][0][0]


def test_members_follow_others() -> None:
    """With a comma before them; none is nothing."""
    assert members({"a": 1, "b": "x"}) == b',"a":1,"b":"x"'
    assert members({}) == b""
