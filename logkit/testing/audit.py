"""`AuditCapture`: what a test states to the audit trail, in this process and in others that share its ledger.

Written events are read from the ledger itself. Those that wait for a commit, which a `TestCase` never makes, are seen
as well: their `state` is "deferred". (A15)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from logkit.audit.emit.deferred import pending
from logkit.audit.files.head import read_head
from logkit.audit.files.segments import Segment, list_segments, open_segment
from logkit.audit.trail import current
from logkit.parsers import SEVERITIES, STREAMS
from logkit.pipeline import configure, current_settings, shutdown
from logkit.settings import AuditSettings, LogSettings
from logkit.testing.capture import QUIET
from logkit.testing.expectation import MISSING, Line
from logkit.testing.failures import Kind
from logkit.testing.questions import Questions

_PLACES = {"AUDIT_DIR": "directory", "AUDIT_SPOOL_DIR": "spool_directory", "AUDIT_KEY_DIR": "key_directory"}
_HEADING = frozenset(
    {"event", "severity", "outcome", "state", "stream", "time", "id", "seq", "prev", "service", "v"}
)


def _field(line: Line, name: str) -> Any:
    return line[name] if name in line else line.get("detail", {}).get(name, MISSING)


def _heading(line: Line) -> str:
    return f"{line['event']}   {line['outcome']}, {line['state']}, {line['severity']}"


def _shown(line: Line) -> Mapping[str, Any]:
    told = {name: value for name, value in line.items() if name not in _HEADING and name != "detail"}
    return {**told, **line.get("detail", {})}


TRAIL = Kind(
    noun="audit event",
    name=itemgetter("event"),
    field=_field,
    heading=_heading,
    shown=_shown,
    ranks={severity: rank for rank, severity in enumerate(SEVERITIES)},
    rank=lambda line: SEVERITIES.index(line["severity"]),
)


class AuditCapture(Questions):
    """The audit events of a test. A field is looked for in the event itself (`outcome`, `actor`, `target`), then in
    its `detail`. Of an action that has ended the outcome is meant, unless `stage="intent"` is asked for.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(TRAIL)
        self._streams = [_Stream(directory / stream) for stream in STREAMS]
        self._written: list[Line] = []
        self._earlier = {each.event.id for each in pending()}

    @property
    def events(self) -> list[Line]:
        """Every event, the written ones by their time, then those that wait for a commit."""
        return [*self.written, *self.deferred]

    @property
    def written(self) -> list[Line]:
        """What is in the ledger."""
        fresh = [line for stream in self._streams for line in stream.read()]
        if fresh:
            self._written = sorted([*self._written, *fresh], key=itemgetter("time"))
        return list(self._written)

    @property
    def deferred(self) -> list[Line]:
        """What waits for a commit now."""
        return [
            {**orjson.loads(each.envelope.body), "state": "deferred"}
            for each in pending()
            if each.event.id not in self._earlier
        ]

    def _agrees(self, line: Line, event: str | None, fields: dict[str, object]) -> bool:
        if line["stage"] == "intent" and "stage" not in fields and self._has_ended(line["id"]):
            return False
        return super()._agrees(line, event, fields)

    def _has_ended(self, intent: str) -> bool:
        return any(line.get("intent_id") == intent for line in [*self._written, *self.deferred])


class _Stream:
    """The lines that come to one stream of a ledger from now on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        head, _ = read_head(directory)
        self._segment, self._offset = (head.segment, head.size) if head else ("", 0)

    def read(self) -> Iterator[Line]:
        segments = list_segments(self._directory)
        known = next((place for place, each in enumerate(segments) if each.name == self._segment), 0)
        for segment in segments[known:]:
            if segment.name != self._segment:
                self._segment, self._offset = segment.name, 0
            for raw in self._rest(segment):
                yield {**orjson.loads(raw), "state": "written"}

    def _rest(self, segment: Segment) -> list[bytes]:
        with open_segment(segment) as file:
            file.seek(self._offset)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        return data[:whole].splitlines()


@contextmanager
def capture_audit(directory: Path) -> Iterator[AuditCapture]:
    """An `AuditCapture` of a block.

    Where the trail is off, or logging not configured yet, it is on for the block, with its ledger below `directory`,
    also for processes that are started in it.
    """
    before = current_settings()
    settings = before or LogSettings.from_env(QUIET)
    with ExitStack() as stack:
        if before is None or not settings.audit.enabled:
            audit = _trail_below(directory, settings.audit)
            stack.callback(configure, before) if before else stack.callback(shutdown)
            stack.enter_context(_in_environment(audit))
            settings = configure(replace(settings, audit=audit))
        current().open()  # what a trail says of itself when it is opened is no event of the test
        yield AuditCapture(settings.audit.directory)


def _trail_below(directory: Path, audit: AuditSettings) -> AuditSettings:
    places = {name: directory / name for name in _PLACES.values()}
    return replace(audit, enabled=True, fsync="never", **places)  # type: ignore[arg-type]


@contextmanager
def _in_environment(audit: AuditSettings) -> Iterator[None]:
    given = {"AUDIT": "on", **{variable: str(getattr(audit, name)) for variable, name in _PLACES.items()}}
    before = {variable: os.environ.get(variable) for variable in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
