"""The texts of failed expectations: what was expected, and beside it what came nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Any

from logkit.testing.expectation import MISSING, Line, agrees

_SHOWN = 5  # events that a failure lists
_COMPARED = 2  # of them, with a table of their fields
_LONGEST = 60  # characters of a value
_ONE_LINE = 80  # characters of what was expected


@dataclass(frozen=True, slots=True)
class Kind:
    """How to read the events of a log, or those of a trail. `shown` are the fields that say what an event is about."""

    noun: str
    name: Callable[[Line], str]
    field: Callable[[Line, str], Any]
    heading: Callable[[Line], str]
    shown: Callable[[Line], Mapping[str, Any]]
    ranks: Mapping[str, int]
    rank: Callable[[Line], int]

    def least(self, level: str | None) -> int:
        """The rank of `level`, 0 for None. Raises `ValueError`."""
        if level is None:
            return 0
        for known, rank in self.ranks.items():
            if known.lower() == level.lower():
                return rank
        raise ValueError(f"there is no level {level!r}; the levels are {', '.join(self.ranks)}")


def missing(kind: Kind, events: Sequence[Line], event: str, fields: Mapping[str, object]) -> str:
    """Nothing agrees: the nearest events, each with what differs."""
    head = f"no {kind.noun} {_wanted(event, fields)}"
    if not events:
        return f"{head}; there was none at all"
    names = {kind.name(line) for line in events}
    meant = event if event in names else next(iter(get_close_matches(event, names, n=1, cutoff=0.8)), None)
    if meant not in (None, event):
        head = f"{head}; do you mean {meant}?"
    near = [line for line in events if kind.name(line) == meant] or list(events)
    near.sort(key=lambda line: _distance(kind, line, event, fields))
    parts = [f"{head}\n\nnearest of {_counted(kind, events)}:"]
    for place, line in enumerate(near[:_SHOWN]):
        compared = meant is not None and bool(fields) and place < _COMPARED
        parts.append(_compared(kind, line, fields) if compared else _listed(kind, line))
    return "\n\n".join(parts)


def many(kind: Kind, found: Sequence[Line], event: str, fields: Mapping[str, object]) -> str:
    """There are several where one was expected."""
    return _list(kind, found, f"{_counted(kind, found)} {event}, expected the one {_wanted(event, fields)}")


def unwanted(
    kind: Kind, found: Sequence[Line], event: str | None, level: str | None, fields: Mapping[str, object]
) -> str:
    """There are some where none was expected."""
    what = _wanted(event or "", fields).strip()
    which = f"{kind.noun}{f' {what}' if what else ''}{f' at {level.upper()} or above' if level else ''}"
    return _list(kind, found, f"expected no {which}, there {'is' if len(found) == 1 else 'are'} {len(found)}")


def unexpected(kind: Kind, found: Sequence[Line]) -> str:
    """Errors that a test did not know of, and what to do about them."""
    name = kind.name(found[0])
    events = f"{len(found)} ERROR {kind.noun}{'' if len(found) == 1 else 's'}"
    shown = _list(kind, found, f"{events} that this test did not expect")
    return (
        f"{shown}\n\nWhere that is right, the test says so, by asking for it or by a mark:\n"
        f'    logs.has("{name}")\n    @pytest.mark.allow_log_errors("{name}")'
    )


def _list(kind: Kind, found: Sequence[Line], head: str) -> str:
    parts = [f"{head}:", *(_listed(kind, line) for line in found[:_SHOWN])]
    if len(found) > _SHOWN:
        parts.append(f"  … and {len(found) - _SHOWN} more")
    return "\n\n".join(parts)


def _listed(kind: Kind, line: Line) -> str:
    fields = [f"{name}={_short(value)}" for name, value in kind.shown(line).items()]
    return "\n".join([f"  {kind.heading(line)}", *(f"      {row}" for row in _wrapped(fields))])


def _compared(kind: Kind, line: Line, fields: Mapping[str, object]) -> str:
    """A table: what was expected, what is there, and first what differs."""
    rows = [(name, expected, kind.field(line, name)) for name, expected in fields.items()]
    rows.sort(key=lambda row: agrees(row[1], row[2]))
    cells = [("", "expected", "logged")] + [
        (name, _short(expected), "nothing" if found is MISSING else _short(found))
        for name, expected, found in rows
    ]
    marks = [" ", *("=" if agrees(expected, found) else "≠" for _, expected, found in rows)]
    first, second = (max(len(row[column]) for row in cells) for column in (0, 1))
    table = [
        f"      {mark} {name:<{first}}  {expected:<{second}}  {found}".rstrip()
        for mark, (name, expected, found) in zip(marks, cells, strict=True)
    ]
    others = [f"{name}={_short(value)}" for name, value in kind.shown(line).items() if name not in fields]
    rest = [f"        {row}" for row in _wrapped(others)]
    hints = list(_hints(rows))
    return "\n".join([f"  {kind.heading(line)}", *table, *rest, *hints])


def _hints(rows: Sequence[tuple[str, object, Any]]) -> Iterator[str]:
    for name, expected, found in rows:
        if agrees(expected, found):
            continue
        if isinstance(found, str) and "[REDACTED" in found:
            yield f"      {name} is redacted before any sink sees it; expect its id, its size or a pseudonym"
        elif str(expected) == str(found) and found is not MISSING:
            yield f"      {name} differs in its type: {type(expected).__name__}, logged {type(found).__name__}"


def _wanted(event: str, fields: Mapping[str, object]) -> str:
    said = " ".join(f"{name}={_short(value)}" for name, value in fields.items())
    if len(said) > _ONE_LINE:
        said = f"these {len(fields)} fields"  # the table has them
    return f"{event} with {said}" if said else event


def _counted(kind: Kind, events: Sequence[Line]) -> str:
    return f"{len(events)} {kind.noun}{'' if len(events) == 1 else 's'}"


def _distance(kind: Kind, line: Line, event: str, fields: Mapping[str, object]) -> tuple[float, int]:
    differing = sum(not agrees(expected, kind.field(line, name)) for name, expected in fields.items())
    return -SequenceMatcher(None, kind.name(line), event).ratio(), differing


def _wrapped(fields: Sequence[str], width: int = 92) -> Iterator[str]:
    row = ""
    for field in fields:
        if row and len(row) + 2 + len(field) > width:
            yield row
            row = ""
        row = f"{row}  {field}" if row else field
    if row:
        yield row


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
