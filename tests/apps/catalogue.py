"""What a catalogue of events promises, checked against the log and against the source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from logkit.testing import Capture
from mysite.events import Event, page

ROOT = Path(__file__).parents[2]
_CALLS = re.compile(r"""\.(?:debug|info|warning|error|critical)\(\s*"([^"]+)"\s*\)""")
_TABLE = re.compile(r"""\(\s*"(?:INFO|WARNING|ERROR)",\s*"([a-z_]+\.[a-z_]+)"\s*\)""")


# What a line has beside what its call bound: the request or task that caused it.
SURROUNDINGS = {
    *("request_id", "trace_id", "span_id", "user_id", "session", "client_ip", "actor_type", "on_behalf_of"),
    *("method", "route", "task", "task_id", "root_id", "parent_id", "retries", "queue_ms"),
}


def check(logs: Capture, name: str, event: Event) -> None:
    """`name` was logged, every time at its level, with its fields and no others."""
    logs.has(name)
    for line in logs.find(name):
        assert line["level"] == event.level
        bound = set(line["context"])
        missing = set(event.fields) - bound
        assert not missing, f"{name} lacks {sorted(missing)}"
        more = bound - {*event.fields, *event.optional} - SURROUNDINGS
        assert not more, f"{name} has {sorted(more)}, which the catalogue does not tell"


def in_source(app: str, *, but: tuple[str, ...] = ()) -> set[str]:
    """Every event that the source of an app can log."""
    rooms = [path for path in (ROOT / app).rglob("*.py") if not set(path.parts) & set(but)]
    return {
        name for path in rooms for pattern in (_CALLS, _TABLE) for name in pattern.findall(path.read_text())
    }


def texts(logs: Capture) -> str:
    """Everything that was logged, as one text to search for what must not be there."""
    return "\n".join(repr(dict(line)) for line in logs.events)


def check_page(app: str, catalogue: Mapping[str, Event]) -> None:
    """The page in docs/reference is the output of `python -m mysite.events APP`."""
    written = (ROOT / "docs" / "reference" / f"events-{app}.md").read_text()
    assert written == page(app, catalogue), f"run: python -m mysite.events {app}"
