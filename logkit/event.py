"""Plain parts of a record to an `Event`: redacted and made safe once, shared by every sink.

Nothing after this room sees a raw value, and nothing in it raises: what cannot be made safe is said not to be.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import orjson

from logkit.context import Context
from logkit.errors import raise_if_asynchronous
from logkit.redact import Redactor
from logkit.stack import render_exception

REDACTION_FAILED = "[REDACTION_FAILED]"

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a record was made: the logger's name and the line of code.

    There is one object for each place (`logkit.record` sees to that), so that a cache can know it by identity.
    """

    logger: str
    file: str
    line: int
    function: str

    @property
    def short_file(self) -> str:
        """The file below the import path it was found on, so that lines do not depend on where code is installed."""
        return _short_path(self.file)


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """Which process and thread made a record; one object for each."""

    pid: int
    process: str
    thread: str


class RenderedContext(NamedTuple):
    """A context made safe: as data, and as the inside of a JSON object."""

    fields: dict[str, Any]
    json: bytes
    redactor: Redactor


@dataclass(
    slots=True, eq=False
)  # not frozen: there is one for every line, and frozen ones take twice as long to make
class Event:
    """One safe record. `context` is what was bound before the call, `fields` what the call itself said."""

    time_ns: int  # since the Unix epoch
    level: str
    level_no: int
    origin: Origin
    message: str
    context: RenderedContext
    fields: dict[str, Any]
    where: Where
    exception: dict[str, Any] | None

    @property
    def all_fields(self) -> dict[str, Any]:
        """Bound and call fields together; the call wins."""
        return {**self.context.fields, **self.fields}


class EventBuilder:
    """Makes events with one redactor."""

    __slots__ = ("_redactor",)

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def build(
        self,
        time_ns: int,
        level: str,
        level_no: int,
        origin: Origin,
        message: str,
        context: Context,
        fields: Mapping[str, object],
        where: Where,
        exception: ExcInfo | None,
    ) -> Event:
        """The event of these parts; total. Positional, because every line of the process passes here."""
        redactor = self._redactor
        try:
            rendered: RenderedContext | None = context.rendered
            if rendered is None or rendered.redactor is not redactor:
                rendered = self._render(context)
            return Event(
                time_ns,
                level,
                level_no,
                origin,
                redactor.text(message),
                rendered,
                redactor.fields(fields) if fields else {},
                where,
                render_exception(exception, redactor) if exception is not None else None,
            )
        except Exception as error:  # noqa: BLE001 - whatever failed, nothing of the input may leave
            raise_if_asynchronous(error)
            nothing = RenderedContext({}, b"", redactor)
            return Event(time_ns, level, level_no, origin, REDACTION_FAILED, nothing, {}, where, None)

    def _render(self, context: Context) -> RenderedContext:
        fields = self._redactor.fields(context)
        rendered = RenderedContext(fields, orjson.dumps(fields)[1:-1], self._redactor)
        context.rendered = rendered
        return rendered


@lru_cache(maxsize=4096)
def _short_path(path: str) -> str:
    file = Path(path)
    candidates = [Path(entry) for entry in sys.path if entry]
    parents = [entry for entry in candidates if file.is_relative_to(entry)]
    return str(file.relative_to(max(parents, key=lambda entry: len(entry.parts)))) if parents else path
