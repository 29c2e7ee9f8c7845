"""Copies of the trail for others: JSON Lines as recorded, CSV, ECS, OCSF. Taking one is itself an event."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from logkit.audit.emit.action import action
from logkit.audit.export.ecs import to_ecs
from logkit.audit.export.ocsf import to_ocsf

Event = Mapping[str, Any]

# One column for each part; dotted names are parts of parts, `target.` those of the first target.
COLUMNS = (
    *("stream", "seq", "id", "time", "event", "severity", "stage", "intent_id", "outcome", "reason", "tx"),
    *("actor.type", "actor.id", "actor.on_behalf_of", "actor.auth_method", "actor.mfa", "actor.session_ref"),
    *("actor.client_ip", "target.type", "target.id", "target.owner", "target.circle_id", "targets"),
    *("request.id", "request.method", "request.route", "task.id", "task.root_id", "task.retries", "trace_id"),
    *(
        "service.name",
        "service.environment",
        "service.release",
        "detail",
        "change",
        "dropped",
        "schema_error",
    ),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection


@dataclass(frozen=True, slots=True)
class Copy:
    """What was handed out."""

    rows: int
    bytes: int
    sha256: str


def export(events: Iterable[Event], form: str, write: Callable[[bytes], object], *, query: str) -> Copy:
    """Write `events` as `form` (jsonl, csv, ecs or ocsf) with `write`, in pieces.

    `query` says, for the record, what was asked for. The intent is in the trail before the first byte leaves; the
    outcome says how many rows and bytes, and their SHA-256. Raises `AuditUnavailable` when that cannot be recorded,
    `ValueError` for a form that is not known.
    """
    pieces = FORMS.get(form)
    if pieces is None:
        raise ValueError(f"there is no export as {form!r}; there is {', '.join(FORMS)}")
    digest, size, rows = hashlib.sha256(), 0, 0

    def counted() -> Iterator[Event]:
        nonlocal rows
        for event in events:
            rows += 1
            yield event

    with action("audit.log.exported", detail={"query": query, "format": form}) as act:
        for piece in pieces(counted()):
            digest.update(piece)
            size += len(piece)
            write(piece)
        act.add(rows=rows, bytes=size, sha256=digest.hexdigest())
    return Copy(rows, size, digest.hexdigest())


def as_jsonl(events: Iterable[Event]) -> Iterator[bytes]:
    """The lines as recorded, `seq` and `prev` included."""
    return (orjson.dumps(event) + b"\n" for event in events)


def as_ecs(events: Iterable[Event]) -> Iterator[bytes]:
    return (orjson.dumps(to_ecs(event)) + b"\n" for event in events)


def as_ocsf(events: Iterable[Event]) -> Iterator[bytes]:
    return (orjson.dumps(to_ocsf(event)) + b"\n" for event in events)


def as_csv(events: Iterable[Event]) -> Iterator[bytes]:
    """RFC 4180, UTF-8, a header line; a cell that a spreadsheet would take for a formula starts with `'`."""
    yield _row(COLUMNS)
    for event in events:
        yield _row(_cell(_part(event, column)) for column in COLUMNS)


FORMS: Mapping[str, Callable[[Iterable[Event]], Iterator[bytes]]] = {
    "jsonl": as_jsonl,
    "csv": as_csv,
    "ecs": as_ecs,
    "ocsf": as_ocsf,
}


def _row(cells: Iterable[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "backslashreplace")


def _part(event: Event, column: str) -> object:
    targets = event.get("target", [])
    if column == "targets":
        return len(targets)
    name, _, inner = column.partition(".")
    whole = (targets[0] if targets else {}) if name == "target" else event.get(name)
    return whole.get(inner) if inner and isinstance(whole, Mapping) else whole


def _cell(value: object) -> str:
    if value is None or value in ({}, []):
        return ""
    text = str(value) if isinstance(value, str | int) else orjson.dumps(value).decode()
    return f"'{text}" if text.startswith(_FORMULA) else text
