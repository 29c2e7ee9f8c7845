"""What a test expects of an event, held against what was logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logkit.redact.keys import PLAIN
from logkit.redact.walk import Walk

MISSING = object()
_SCALARS = frozenset({str, int, float, bool, type(None)})
_ENVELOPE = ("level", "logger", "exception", "source", "process", "thread", "service")

Line = Mapping[str, Any]


def _unchanged(text: str) -> str:
    return text


# Values become what they would be in a line (a UUID its text, an enum its value), and nothing is hidden.
_as_logged = Walk(lambda name: PLAIN, _unchanged, lambda name, value, verdict: False).value


def logged(line: Line, name: str) -> Any:
    """The field `name` of a line: of its context, else of the line itself; `MISSING` where neither has it."""
    context = line["context"]
    if name in context:
        return context[name]
    return line.get(name, MISSING) if name in _ENVELOPE else MISSING


def agrees(expected: object, found: Any) -> bool:
    """Is `found` what was expected: equal, or equal once it is written, or, for a mapping, a part of it?

    A mapping agrees with a list of which one element agrees: the targets of an audit event, say.
    """
    if found is MISSING:
        return False
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return all(agrees(value, found.get(name, MISSING)) for name, value in expected.items())
    if isinstance(expected, Mapping) and isinstance(found, list):
        return any(agrees(expected, each) for each in found)
    if type(expected) in _SCALARS:
        is_flag = isinstance(found, bool)
        return is_flag == isinstance(expected, bool) and expected == found  # True is no 1
    return bool(
        expected == found or _as_logged(expected) == found
    )  # pytest.approx and mock.ANY are asked first
