"""Finding everything that belongs to one id: lines that have it, then lines that share an id with those."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from logkit.errors import LogkitError
from logkit.tail.filters import is_same_id, needle
from logkit.tail.lines import parse
from logkit.tail.sources import InputError, blocks, originals
from logkit.tail.times import utc_text

Lines = Iterable[list[bytes]]

_SHOWN_CANDIDATES = 5


class StoryError(LogkitError):
    """The id does not say which story to tell."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line or audit event of the story; `ids` are those of the request, trace and task it belongs to."""

    time: datetime
    event: dict[str, Any]
    ids: dict[str, str]
    is_audit: bool = False


Source = tuple[Callable[[], Lines], Callable[[bytes], Moment | None]]

_KINDS = (("request_id",), ("task_id", "root_id"), ("trace_id",))  # what a short id is first taken for


@dataclass(slots=True)
class Ids:
    """The ids that the story is made of; a trace counts only when it was asked for."""

    found: set[str]
    needles: list[bytes]

    @classmethod
    def of(cls, identifier: str) -> Ids:
        return cls({identifier}, [needle(identifier)])

    def accepts(self, ids: dict[str, str]) -> bool:
        """Does a line with these ids belong? Learns its other ids if so."""
        if self.found.isdisjoint(ids.values()):
            return False
        for name, value in ids.items():
            if name != "trace_id" and value not in self.found:
                self.found.add(value)
                self.needles.append(needle(value))
        return True


def collect(wanted: str, files: list[str], audit_directory: str | None) -> list[Moment]:
    """Every moment of the story of `wanted`, in the order of time. Raises `StoryError`, `InputError`."""
    sources: list[Source] = [(_reader(file), _line) for file in originals(files)]
    if audit_directory:
        sources += [(_reader(file), _audit) for file in originals(_segments(audit_directory))]
    whole = _resolved(wanted, sources)
    if whole is None:
        return []
    ids = Ids.of(whole)
    known = 0
    moments: list[Moment] = []
    # A task's lines may stand in a file before the line that ties it to its request, so look until nothing is new.
    while known < len(ids.found):
        known = len(ids.found)
        moments = [
            moment
            for source in sources
            for moment in _moments(source, ids.needles)
            if ids.accepts(moment.ids)
        ]
    return sorted(moments, key=lambda moment: moment.time)


def _resolved(wanted: str, sources: list[Source]) -> str | None:
    """The whole id that `wanted` is, or is a part of; None when there is none."""
    matched: dict[str, set[str]] = {}
    for source in sources:
        for moment in _moments(source, [needle(wanted)]):
            for name, value in moment.ids.items():
                if is_same_id(value, wanted):
                    matched.setdefault(name, set()).add(value)
    for kind in _KINDS:
        found = set().union(*(matched.get(name, set()) for name in kind))
        if wanted in found:
            return wanted
        if len(found) > 1:
            shown = ", ".join(sorted(found)[:_SHOWN_CANDIDATES])
            raise StoryError(f"{wanted!r} fits {len(found)} ids: {shown}; give more of the one you mean")
        if found:
            return found.pop()
    return None


def _reader(file: str) -> Callable[[], Lines]:
    if file != "-":
        return lambda: blocks(file)
    kept = list(blocks("-"))  # standard input can be read only once
    return lambda: kept


def _segments(directory: str) -> Iterator[str]:
    root = Path(directory)
    if not root.is_dir():
        raise StoryError(f"{directory} is no directory; --audit-dir wants that of the trail, AUDIT_DIR")
    for file in sorted([*root.glob("**/*.jsonl"), *root.glob("**/*.jsonl.gz")]):
        if not file.name.startswith("checkpoints"):
            yield str(file)


def _moments(source: Source, needles: list[bytes]) -> Iterator[Moment]:
    """The moments of a source whose lines hold one of `needles`, which may grow on the way."""
    read, parsed = source
    try:
        for block in read():
            for raw in block:
                if any(part in raw for part in needles) or rb"\u" in raw:
                    moment = parsed(raw)
                    if moment is not None:
                        yield moment
    except InputError as error:
        if parsed is not _audit:
            raise
        print(f"logkit story: without {error}", file=sys.stderr)  # noqa: T201 - this is a command


def _line(raw: bytes) -> Moment | None:
    event = parse(raw).event
    if event is None:
        return None
    context = event.get("context")
    time = _time(event.get("timestamp"))
    if time is None or not isinstance(context, dict):
        return None
    names = ("request_id", "trace_id", "task_id", "root_id")
    return Moment(time, event, {name: str(context[name]) for name in names if context.get(name)})


def _audit(raw: bytes) -> Moment | None:
    try:
        event = orjson.loads(raw)
    except ValueError:
        return None
    time = _time(event.get("time")) if isinstance(event, dict) else None
    if time is None:
        return None
    request, task = _member(event, "request"), _member(event, "task")
    ids = {
        "request_id": request.get("id"),
        "trace_id": event.get("trace_id"),
        "task_id": task.get("id"),
        "root_id": task.get("root_id"),
    }
    return Moment(time, event, {name: str(value) for name, value in ids.items() if value}, is_audit=True)


def _member(event: dict[str, Any], name: str) -> dict[str, Any]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def _time(value: object) -> datetime | None:
    text = utc_text(value)
    return datetime.fromisoformat(text) if text else None
