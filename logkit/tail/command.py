"""What `logkit tail` does once its options are read."""

from __future__ import annotations

import argparse
import gc
import heapq
import os
import shutil
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from logkit.console import Style
from logkit.errors import LogkitError
from logkit.manual import is_coloured
from logkit.tail import filters
from logkit.tail.filters import Filter
from logkit.tail.follow import Followed, batches
from logkit.tail.lines import Line, parse, parsed
from logkit.tail.printer import Printer, summary
from logkit.tail.sources import blocks, is_plain_file, lines_backwards, originals
from logkit.tail.times import milliseconds, moment, utc_text

NOTHING_MATCHED = 1
_FOLLOWED_FROM = 10  # lines shown before following, like tail -F
_SHOWN_AT_ONCE = 1000

Timed = tuple[str, Line]


class OptionError(LogkitError):
    """An option whose value cannot be used."""


def run(args: argparse.Namespace) -> int:
    """Show what `args` ask for; the exit code."""
    files = originals(args.files or from_environment(os.environ, verb="tail"))
    if args.follow and "-" in files:
        raise OptionError("-F follows files: name some; standard input is always read until it ends")
    wanted = _filter(args)
    printer = Printer(
        _write, _style(args), as_json=args.json, today=f"{datetime.now().astimezone():%Y-%m-%d}"
    )
    # Events are trees: the collector finds nothing in them and takes a third of the time when it looks often.
    gc.freeze()
    gc.set_threshold(100_000)
    try:
        if wanted.learns:
            _learn(files, wanted)
        if args.follow:
            _follow(files, wanted, printer, _FOLLOWED_FROM if args.lines is None else args.lines)
        elif args.lines is not None:
            printer.show(last_lines(files, wanted, args.lines))
        elif len(files) == 1:
            for lines in blocks(files[0]):
                printer.show(matching(lines, wanted) if wanted else parsed(lines))
        else:
            merged = (line for _, line in heapq.merge(*(timed(file, wanted) for file in files), key=_time_of))
            while some := list(islice(merged, _SHOWN_AT_ONCE)):
                printer.show(some)
    finally:
        if args.summary or sys.stderr.isatty():
            print(summary(printer.counts), file=sys.stderr)  # noqa: T201 - this is a command
    return NOTHING_MATCHED if wanted and not printer.counts else 0


def from_environment(environ: Mapping[str, str], *, verb: str) -> list[str]:
    """What to read when no file is named: what is piped in, else LOG_FILE. Raises `OptionError` for neither."""
    if not sys.stdin.isatty():
        return ["-"]
    if file := environ.get("LOG_FILE"):
        return [file]
    raise OptionError(
        f"there is nothing to read: name files, pipe lines in (make run | logkit {verb}), or set LOG_FILE"
    )


def _learn(files: list[str], wanted: Filter) -> None:
    """Look through the files once, because a line that names a task may come after lines of that task."""
    for file in files:
        if Path(file).is_file():
            for lines in blocks(file):
                deque(matching(lines, wanted), maxlen=0)


def _follow(files: list[str], wanted: Filter, printer: Printer, count: int) -> None:
    """The last lines of each file, then what comes; lines of one look are put in the order of their times."""
    followed = [Followed(file) for file in files]
    for source, file in zip(followed, files, strict=True):
        if not source.exists:
            print(f"logkit tail: waiting for {file}", file=sys.stderr)  # noqa: T201 - this is a command
    before = [_last(source.lines_before(), wanted, count) for source in followed]
    merged = [line for _, line in heapq.merge(*before, key=_time_of)]
    printer.show(merged[-count:] if count else [])
    try:
        for came in batches(followed):
            found: list[Timed] = []
            for source, lines in came:
                for line in matching(lines, wanted):
                    source.latest = max(source.latest, time_of(line) or source.latest)
                    found.append((source.latest, line))
            printer.show(line for _, line in sorted(found, key=_time_of))
    finally:
        for source in followed:
            source.close()


def matching(lines: list[bytes], wanted: Filter) -> Iterator[Line]:
    """The lines of a block that are wanted."""
    if not wanted:
        yield from map(parse, lines)
        return
    for raw in wanted.candidates(lines):
        line = parse(raw)
        if line.event is not None and wanted.matches(line.event):
            yield line


def timed(path: str, wanted: Filter) -> Iterator[Timed]:
    """Wanted lines with the time to merge them by; a line without one goes with the line before it."""
    latest = ""
    for lines in blocks(path):
        for line in matching(lines, wanted):
            latest = time_of(line) or latest
            yield latest, line


def time_of(line: Line) -> str | None:
    return None if line.event is None else utc_text(line.event.get("timestamp"))


def _time_of(item: Timed) -> str:
    return item[0]


def last_lines(files: list[str], wanted: Filter, count: int) -> list[Line]:
    """The last `count` wanted lines of all files together; plain files are read from their end."""
    kept: list[list[Timed]] = []
    for file in files:
        if is_plain_file(file):
            with Path(file).open("rb") as opened:
                fd = opened.fileno()
                kept.append(_last(lines_backwards(fd, os.fstat(fd).st_size), wanted, count))
        else:
            kept.append(list(deque(timed(file, wanted), maxlen=count)))
    merged = [line for _, line in heapq.merge(*kept, key=_time_of)]
    return merged[-count:] if count else []


def _last(lines_backwards: Iterable[bytes], wanted: Filter, count: int) -> list[Timed]:
    found = (line for raw in lines_backwards for line in matching([raw], wanted))
    latest, result = "", []
    for line in reversed(list(islice(found, count))):
        latest = time_of(line) or latest
        result.append((latest, line))
    return result


def _filter(args: argparse.Namespace) -> Filter:
    wanted = Filter()
    now = datetime.now(UTC)
    try:
        if args.level:
            wanted.conditions.append(filters.least_level(args.level))
        if args.since or args.until:
            since = moment(args.since, now=now) if args.since else None
            until = moment(args.until, now=now) if args.until else None
            wanted.conditions.append(filters.between(since, until))
        if args.request:
            wanted.conditions.append(filters.OfRequest(args.request).condition())
            wanted.learns = True
        if args.event:
            wanted.conditions.append(filters.event_named(args.event))
        wanted.conditions += [filters.where(text) for text in args.filter]
        if args.task:
            wanted.conditions.append(filters.of_task(args.task))
        if args.user:
            wanted.conditions.append(filters.of_user(args.user))
        if args.slow:
            wanted.conditions.append(filters.slower_than(milliseconds(args.slow)))
    except ValueError as error:
        raise OptionError(str(error)) from None
    return wanted


def _style(args: argparse.Namespace) -> Style:
    is_terminal = sys.stdout.isatty()
    return Style(
        colour=is_coloured(args.colour),
        local_time=not args.utc,
        expand=args.expand,
        single_line=args.single_line,
        width=shutil.get_terminal_size().columns if is_terminal else None,
        only=frozenset(_words(args.include)),
        without=frozenset(_words(args.ignore)),
        root=str(Path.cwd()),
    )


def _words(text: str) -> Iterator[str]:
    return (word.strip() for word in text.split(",") if word.strip())


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
