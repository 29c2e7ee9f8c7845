"""Labelled lines of the project's own: what must not come out of the redactor, and what must.

`lines.txt` is written line by line, `made.py` combines values with places, `kept.txt` holds what no rule may touch,
`names_*.txt` names of fields. Nothing in them was ever a secret: tokens are made when the lines are read.
"""

from __future__ import annotations

from pathlib import Path

from tests.redaction import lines, made
from tests.redaction.case import Case, kept

_HERE = Path(__file__).parent


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


NAMES_HIDDEN = _text("names_hidden.txt").split()
NAMES_KEPT = _text("names_kept.txt").split()
CASES: tuple[Case, ...] = (
    *made.CASES,
    *lines.parse(_text("lines.txt"), seed=20261123),
    *(kept("kept", line) for line in _text("kept.txt").splitlines()),
    *(Case("name", {name: made.PASSWORD, "n": 7}, (made.PASSWORD,), ('"n":7',)) for name in NAMES_HIDDEN),
    *(
        Case(
            "name of a subtree",
            {"outer": [{name: {"deep": [made.PASSWORD, 493028]}}]},
            (made.PASSWORD, "493028"),
        )
        for name in NAMES_HIDDEN
    ),
    *(Case("kept name", {name: "blue-17"}, (), (f'"{name}":"blue-17"',)) for name in NAMES_KEPT),
)
