"""Questions to the trail: filters, and reading the records that pass them, live and compressed segments alike."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from logkit.audit.files.segments import Segment, list_segments, open_segment
from logkit.audit.notices import utc_text
from logkit.parsers import SEVERITIES

Record = dict[str, Any]
Needle = tuple[bytes, ...]  # forms of one value, of which a line holds at least one
Progress = Callable[[int, int], None]  # bytes read, bytes in all
_WILD = re.compile(r"[*?\[]")
_RARE = SEVERITIES[3:]  # worth looking for; most records are of the others
_BLOCK = 64 * 1024  # bytes
_SLACK = timedelta(
    minutes=5
)  # a record's time is taken before its line is written, on the clock of that moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a record must be like; what is empty is not asked.

    `events` are globs (`auth.*`); `actor`, `target` and `owner` are ids, or `type:id`; `severity` is the least one;
    `ids` are event, intent, request, trace or task ids, of which one must be the record's.
    """

    since: datetime | None = None
    until: datetime | None = None
    events: tuple[str, ...] = ()
    actor: str | None = None
    target: str | None = None
    owner: str | None = None
    circle: str | None = None
    outcomes: tuple[str, ...] = ()
    severity: str | None = None
    ids: tuple[str, ...] = ()

    def described(self) -> str:
        """The filter as words, for the record that somebody read the trail."""
        said = [f"since={utc_text(self.since)}"] if self.since else []
        said += [f"until={utc_text(self.until)}"] if self.until else []
        said += [f"event={event}" for event in self.events]
        for name in ("actor", "target", "owner", "circle", "severity"):
            if value := getattr(self, name):
                said.append(f"{name}={value}")
        said += [f"outcome={outcome}" for outcome in self.outcomes]
        said += [f"id={identifier}" for identifier in self.ids]
        return " ".join(said) or "everything"


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that passed, with its line as it stands in the ledger."""

    stream: str
    segment: str
    line: bytes = field(repr=False)
    record: Record = field(repr=False)

    @property
    def time(self) -> str:
        time = self.record.get("time")
        return time if isinstance(time, str) else ""


def search(directories: Sequence[Path], wanted: Filter, *, progress: Progress | None = None) -> Iterator[Hit]:
    """The records of these streams that pass, oldest first. A record that was appended twice comes once.

    Raises `OSError`; a line that is no record is passed over (`verify` names it).
    """
    chosen = [(directory, _segments(directory, wanted)) for directory in directories]
    meter = _Meter(progress, sum(_size(segment) for _, segments in chosen for segment in segments))
    seen: set[str] = set()
    streams = [_hits(directory, segments, wanted, meter) for directory, segments in chosen]
    for hit in heapq.merge(*streams, key=lambda hit: hit.time):
        identifier = hit.record.get("id")
        if isinstance(identifier, str):
            if identifier in seen:
                continue
            seen.add(identifier)
        yield hit


class _Meter:
    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def add(self, size: int) -> None:
        self._done += size
        if self._progress:
            self._progress(self._done, self._total)


def _segments(directory: Path, wanted: Filter) -> list[Segment]:
    segments = list_segments(directory)
    kept = []
    for index, segment in enumerate(segments):
        follower = segments[index + 1] if index + 1 < len(segments) else None
        if wanted.since and follower and follower.started + _SLACK < wanted.since:
            continue
        if wanted.until and segment.started - _SLACK > wanted.until:
            continue
        kept.append(segment)
    return kept


def _size(segment: Segment) -> int:
    try:
        return segment.path.stat().st_size
    except FileNotFoundError:
        return 0


def _hits(directory: Path, segments: Sequence[Segment], wanted: Filter, meter: _Meter) -> Iterator[Hit]:
    needles = _needles(wanted)
    passes = matcher(wanted)
    for segment in segments:
        try:
            with open_segment(segment) as file:
                for line in _lines_with(needles, file):
                    try:
                        record = orjson.loads(line)
                    except ValueError:
                        continue
                    if passes(record):
                        yield Hit(directory.name, segment.name, line, record)
        except FileNotFoundError:
            continue  # retention removed it since it was listed
        meter.add(_size(segment))


def _lines_with(needles: Sequence[Needle], file: BinaryIO) -> Iterator[bytes]:
    """The lines that hold all needles, found block by block: most blocks hold not one such line."""
    while block := file.read(_BLOCK):
        block += file.readline()
        if not needles:
            yield from BytesIO(block)
        elif _holds(block, needles):
            yield from (line for line in BytesIO(block) if _holds(line, needles))


def _holds(text: bytes, needles: Sequence[Needle]) -> bool:
    for forms in needles:
        for form in forms:
            if form in text:
                break
        else:
            return False
    return True


def _needles(wanted: Filter) -> list[Needle]:
    """Bytes of which every line that passes must hold some: they are looked for before anything is parsed."""
    needles = [
        _forms(value.rpartition(":")[2])
        for value in (wanted.actor, wanted.target, wanted.owner, wanted.circle)
        if value
    ]
    needles += [
        tuple(form for value in values for form in _forms(value))
        for values in (wanted.ids, wanted.outcomes)
        if values
    ]
    beginnings = [_WILD.split(event, maxsplit=1)[0] for event in wanted.events]
    if beginnings and all(beginnings):
        needles.append(tuple(orjson.dumps(beginning)[:-1] for beginning in beginnings))
    if wanted.severity in _RARE:
        needles.append(tuple(orjson.dumps(each) for each in SEVERITIES[SEVERITIES.index(wanted.severity) :]))
    return needles


def _forms(value: str) -> Needle:
    """An id as JSON: a string, or a number."""
    text = orjson.dumps(value)
    return (text, b":" + value.encode(), b": " + value.encode()) if value.isdecimal() else (text,)


def matcher(wanted: Filter) -> Callable[[Record], bool]:
    """The filter as a function of a parsed record."""
    since = utc_text(wanted.since) if wanted.since else ""
    until = utc_text(wanted.until) if wanted.until else "~"
    least = SEVERITIES.index(wanted.severity) if wanted.severity else 0
    severe = frozenset(SEVERITIES[least:])
    whole = frozenset(event for event in wanted.events if not _WILD.search(event))
    globs = [event for event in wanted.events if event not in whole]
    outcomes, ids = frozenset(wanted.outcomes), frozenset(wanted.ids)

    def passes(record: Record) -> bool:
        time = record.get("time")
        if not isinstance(time, str) or not since <= time < until:
            return False
        event = record.get("event") or ""
        if wanted.events and event not in whole and not any(fnmatchcase(event, glob) for glob in globs):
            return False
        if outcomes and record.get("outcome") not in outcomes:
            return False
        if least and record.get("severity") not in severe:
            return False
        if ids and ids.isdisjoint(_ids(record)):
            return False
        if wanted.actor and not _is_actor(record, wanted.actor):
            return False
        if wanted.target and not any(_names(target, wanted.target) for target in targets_of(record)):
            return False
        if wanted.owner and not any(_owned(target, wanted.owner) for target in targets_of(record)):
            return False
        return not wanted.circle or wanted.circle in _circles(record)

    return passes


def targets_of(record: Record) -> list[Record]:
    targets = record.get("target")
    if isinstance(targets, dict):
        return [targets]
    return [target for target in targets if isinstance(target, dict)] if isinstance(targets, list) else []


def actor_of(record: Record) -> Record:
    actor = record.get("actor")
    return actor if isinstance(actor, dict) else {}


def _is_actor(record: Record, wanted: str) -> bool:
    actor = actor_of(record)
    return _names(actor, wanted) or str(actor.get("on_behalf_of")) == wanted.rpartition(":")[2]


def _names(party: Record, wanted: str) -> bool:
    kind, colon, identifier = wanted.rpartition(":")
    return str(party.get("id")) == identifier and (not colon or party.get("type") == kind)


def _owned(target: Record, wanted: str) -> bool:
    identifier = wanted.rpartition(":")[2]
    return str(target.get("owner")) == identifier or _names(target, f"user:{identifier}")


def _circles(record: Record) -> set[str]:
    found = {str(target["circle_id"]) for target in targets_of(record) if target.get("circle_id") is not None}
    found |= {str(target.get("id")) for target in targets_of(record) if target.get("type") == "circle"}
    detail = record.get("detail")
    if isinstance(detail, dict) and detail.get("circle_id") is not None:
        found.add(str(detail["circle_id"]))
    return found


def _ids(record: Record) -> Iterator[str]:
    for name in ("id", "intent_id", "trace_id"):
        if isinstance(value := record.get(name), str):
            yield value
    for part, names in (("request", ("id",)), ("task", ("id", "root_id"))):
        if isinstance(members := record.get(part), dict):
            yield from (str(members[name]) for name in names if members.get(name) is not None)
