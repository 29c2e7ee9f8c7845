"""`logkit audit search`, `show`, `timeline`, `report` and `export`: reading, which is itself recorded.

A reader of the live trail is recorded before the first row is shown; where that cannot be recorded nothing is shown.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from logkit.audit.cli.listing import access_report, accesses, table, timeline
from logkit.audit.cli.options import add_range, add_streams, reading, use_colour
from logkit.audit.cli.place import Place, as_operator, find_place
from logkit.audit.files.checkpoints import parse_checkpoint, read_checkpoints
from logkit.audit.query import Filter, Hit, search
from logkit.errors import LogkitError
from logkit.parsers import SEVERITIES

_OUTCOMES = ("success", "failure", "denied", "unknown")
_FORMS = ("jsonl", "csv", "ecs", "ocsf")
_LIMIT = 100
_IN_MEMORY = 16_000_000


def add_arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    if verb == "show":
        parser.add_argument("id", metavar="ID", help="an event's id, or STREAM:SEQ")
        return
    if verb == "report":
        parser.add_argument("what", choices=["access"], help="access: who reached a person's data")
        parser.add_argument("--subject", required=True, metavar="ID", help="the person's id")
        parser.add_argument("--json", action="store_true", help="as JSON lines")
    elif verb == "timeline":
        parser.add_argument("ids", nargs="*", metavar="ID", help="request, trace, task, intent or event ids")
        parser.add_argument("--limit", type=int, default=1000, metavar="N", help="the last N records (1000)")
    if verb != "report":
        _add_filters(verb, parser)
    add_streams(parser)
    add_range(parser)


def _add_filters(verb: str, parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--event",
        action="append",
        default=[],
        metavar="GLOB",
        help="auth.login.failed, auth.*; may be given again",
    )
    add("--actor", metavar="ID", help="7, user:7; also those on whose behalf")
    add("--target", metavar="ID", help="12, keep:12")
    add("--owner", metavar="ID", help="things of this person")
    add("--circle", metavar="ID", help="in this circle")
    add("--outcome", action="append", default=[], choices=_OUTCOMES, help="may be given again")
    add("--severity", choices=SEVERITIES, help="at least")
    if verb != "timeline":
        add(
            "--id",
            dest="ids",
            action="append",
            default=[],
            metavar="ID",
            help="event, request, trace, task or intent",
        )
    if verb == "search":
        add("--limit", type=int, default=_LIMIT, metavar="N", help=f"show the last N ({_LIMIT}); 0 for all")
        add(
            "--format",
            choices=("table", "jsonl", "csv"),
            default="table",
            help="jsonl and csv give all, for machines",
        )
    elif verb == "export":
        add("--format", choices=_FORMS, default="jsonl", help="default: jsonl")
        add("--output", "-o", type=Path, metavar="FILE", help="where to write it (default: stdout)")


def run(args: argparse.Namespace) -> int:
    place = find_place(args.dir, None, os.environ)
    with as_operator():
        if args.audit_verb == "show":
            return _show(place, args.id)
        if args.audit_verb == "report":
            return _report(place, args)
        if args.audit_verb == "export" or getattr(args, "format", "table") != "table":
            return _export(place, args)
        return _list(place, args)


def _filter(args: argparse.Namespace) -> Filter:
    return Filter(
        since=args.since,
        until=args.until,
        events=tuple(args.event),
        actor=args.actor,
        target=args.target,
        owner=args.owner,
        circle=args.circle,
        outcomes=tuple(args.outcome),
        severity=args.severity,
        ids=tuple(args.ids),
    )


def _hits(place: Place, wanted: Filter, streams: list[str] | None = None) -> Iterator[Hit]:
    with reading() as progress:
        yield from search(place.streams(streams), wanted, progress=progress)


def _say_read(place: Place, query: str, rows: int) -> None:
    """Closed: raises `AuditUnavailable`, and then nothing is shown. (A13)"""
    place.emitter()("audit.log.read", {"query": query, "rows": rows})


def _list(place: Place, args: argparse.Namespace) -> int:
    wanted = _filter(args)
    hits: deque[Hit] = deque(maxlen=args.limit or None)
    count = 0
    for hit in _hits(place, wanted, args.stream):
        hits.append(hit)
        count += 1
    _say_read(place, f"{args.audit_verb} {wanted.described()}", len(hits))
    shown = list(hits)
    colour = use_colour()
    if args.audit_verb == "timeline":
        lines = timeline(shown, colour=colour)
    else:
        width = shutil.get_terminal_size((160, 24)).columns if sys.stdout.isatty() else 400
        lines = table(shown, colour=colour, width=width)
    for line in lines:
        sys.stdout.write(line + "\n")
    if count > len(shown):
        sys.stderr.write(f"the last {len(shown):,} of {count:,} records; --limit {count} shows all\n")
    elif not count:
        sys.stderr.write(f"no record: {wanted.described()}\n")
    return 0


def _show(place: Place, identifier: str) -> int:
    hit = _one(place, identifier)
    _say_read(place, f"show {identifier}", 1)
    sys.stdout.write(
        orjson.dumps(hit.record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    )
    seq = hit.record["seq"]
    seal = next(
        (
            each
            for each in map(parse_checkpoint, read_checkpoints(place.root / hit.stream))
            if each.first <= seq < each.next
        ),
        None,
    )
    sealed = f"sealed by checkpoint {seal.epoch} on {seal.time[:19]}Z" if seal else "UNSEALED"
    sys.stdout.write(f"line {seq} of {hit.stream}, segment {hit.segment}, {sealed}\n")
    return 0


def _one(place: Place, identifier: str) -> Hit:
    stream, colon, number = identifier.partition(":")
    if colon and number.isdecimal():
        for hit in _hits(place, Filter(), [stream]):
            if hit.record.get("seq") == int(number):
                return hit
    else:
        for hit in _hits(place, Filter(ids=(identifier,))):
            if hit.record.get("id") == identifier:
                return hit
    raise LogkitError(f"there is no record {identifier!r}; an id is an event's `id`, or STREAM:SEQ")


def _report(place: Place, args: argparse.Namespace) -> int:
    subject = args.subject.rpartition(":")[2]
    wanted = Filter(owner=subject, since=args.since, until=args.until)
    entries = accesses(_hits(place, wanted, args.stream), subject)
    _say_read(place, f"report access {wanted.described()}", len(entries))
    if args.json:
        for entry in entries:
            said = {
                name: getattr(entry, name) for name in ("actor", "event", "count", "denied", "first", "last")
            }
            sys.stdout.write(orjson.dumps({**said, "targets": sorted(entry.targets)}).decode() + "\n")
        return 0
    for line in access_report(entries, subject, colour=use_colour()):
        sys.stdout.write(line + "\n")
    return 0


def _export(place: Place, args: argparse.Namespace) -> int:
    """Into a temporary file first: the trail knows count and digest before a byte leaves."""
    from logkit.audit.export import FORMS, export

    wanted = _filter(args)
    records = (hit.record for hit in _hits(place, wanted, args.stream))
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as held:
        if place.is_live:
            place.emitter()
            copy = export(records, args.format, held.write, query=wanted.described())
            told = f"{copy.rows:,} records, {copy.bytes:,} bytes, SHA-256 {copy.sha256}"
        else:
            for piece in FORMS[args.format](records):
                held.write(piece)
            told = f"{held.tell():,} bytes of a copy"
        held.seek(0)
        output = getattr(args, "output", None)
        if output is None:
            sys.stdout.flush()
            shutil.copyfileobj(cast(BinaryIO, held), sys.stdout.buffer)
        else:
            descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                shutil.copyfileobj(cast(BinaryIO, held), file)
            sys.stderr.write(f"{output}: {told}\n")
    return 0
