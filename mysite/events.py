"""The catalogue of an app's log events, `<app>/events.py`: what each means, and its page in docs/reference.

python -m mysite.events keeps > docs/reference/events-keeps.md
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple


class Event(NamedTuple):
    """One entry: its level, the fields that its context always has, what it tells the person who reads it."""

    level: str
    fields: tuple[str, ...]
    meaning: str


def page(app: str, catalogue: Mapping[str, Event]) -> str:
    """The reference page of an app, as Markdown."""
    rows = [
        f"| `{name}` | {event.level} | {', '.join(f'`{field}`' for field in event.fields)} | {event.meaning} |"
        for name, event in sorted(catalogue.items())
    ]
    return "\n".join(
        [
            f"# Events of {app}",
            "",
            f"Made by `python -m mysite.events {app}` from `{app}/events.py`; a test provokes each event and checks it",
            "against this table. Beside these fields each line has those of the request or task that caused it.",
            "",
            "| event | level | fields | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(page(name, import_module(f"{name}.events").EVENTS))
