"""`logkit audit seal` and `retention`: what has to be done for a trail from time to time."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from logkit.audit.cli.options import Progress, add_streams, use_colour
from logkit.audit.cli.place import Place, as_operator, find_place
from logkit.audit.files.segments import list_segments
from logkit.audit.notices import ALERT_LEVELS, utc_text
from logkit.audit.retention import Decision, apply, plan, policy_text
from logkit.audit.retention.holds import active_holds
from logkit.audit.seal import Sealing
from logkit.audit.seal.keys import SealError
from logkit.errors import LogkitError
from logkit.terminal import BOLD, DIM, RED, YELLOW, paint, safe

_COLOURS = {"expire": RED, "finish": RED, "compress": DIM, "keep": ""}
_WORDS = {"expire": "EXPIRE", "finish": "EXPIRE (unfinished)", "compress": "COMPRESS", "keep": "KEEP"}


def add_arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    add_streams(parser)
    add = parser.add_argument
    if verb == "retention":
        add("--apply", action="store_true", help="remove what is due; without it nothing is changed")
        add("--json", action="store_true", help="as JSON lines")
    else:
        add(
            "--json",
            action="store_true",
            help="anchors as JSON lines, for a log elsewhere and `verify --anchor`",
        )


def run(args: argparse.Namespace) -> int:
    place = find_place(args.dir, None, os.environ)
    with as_operator():
        return (_seal if args.audit_verb == "seal" else _retention)(place, args)


def _seal(where: Place, args: argparse.Namespace) -> int:
    where.live()
    failed = False
    for directory in where.streams(args.stream):
        told: list[tuple[str, dict[str, object]]] = []

        def hear(
            name: str, detail: Mapping[str, object], told: list[tuple[str, dict[str, object]]] = told
        ) -> None:
            told.append((name, dict(detail)))

        ledger = where.ledger(directory.name, hear)
        drained = ledger.drain()
        try:
            sealing = ledger.seal()
        except SealError as error:
            sealing = Sealing(alarms=(str(error),))
            told.append(("audit.seal_alarm", {"stream": directory.name, "alarm": str(error)}))
        ledger.tend()
        failed = failed or bool(sealing.alarms)
        if args.json:
            for name, detail in told:
                line = {
                    "timestamp": utc_text(datetime.now(UTC)),
                    "level": ALERT_LEVELS[name],
                    "message": name,
                }
                sys.stdout.write(orjson.dumps({**line, "context": detail}).decode() + "\n")
            continue
        state = (
            "somebody else is sealing"
            if sealing.is_busy
            else f"{len(sealing.lines)} new checkpoint{'' if len(sealing.lines) == 1 else 's'}"
        )
        sys.stdout.write(
            f"{directory.name}: {state}" + (f", {drained} records drained" if drained else "") + "\n"
        )
        for alarm in sealing.alarms:
            sys.stdout.write(f"  {paint('ALARM', RED + BOLD, use_colour())}  {safe(alarm)}\n")
    return 1 if failed else 0


def _retention(where: Place, args: argparse.Namespace) -> int:
    settings = where.live().audit
    if args.apply and not settings.retention_apply:
        raise LogkitError("AUDIT_RETENTION_APPLY is off: nothing is removed")
    colour = use_colour()
    for directory in where.streams(args.stream):
        keep = settings.retention_of(directory.name)
        if args.apply:
            decisions = _applied(where, directory, keep)
        else:
            decisions = plan(directory, keep=keep, now=datetime.now(UTC), holds=active_holds(where.root))
        if not args.json:
            sys.stdout.write(f"{paint(directory.name, BOLD, colour)}  kept for {policy_text(keep)}\n")
        for decision in decisions:
            sys.stdout.write(_decision(decision, args.json, colour) + "\n")
    if not args.apply and not args.json:
        sys.stdout.write(
            f"{paint('Nothing was changed', YELLOW, colour)}; --apply does it, receipts first.\n"
        )
    return 0


def _applied(where: Place, directory: Path, keep: timedelta) -> list[Decision]:
    """Compressing takes a second for some 50 MB, so the terminal hears of each segment."""
    progress, done = Progress(), 0
    sizes = {segment.name: segment.path.stat().st_size for segment in list_segments(directory)}

    def say(decision: Decision) -> None:
        nonlocal done
        done += sizes.get(decision.segment.name, 0)
        progress(directory.name, done, sum(sizes.values()))

    try:
        return apply(where.ledger(directory.name), keep=keep, emit=where.emitter(), say=say)
    finally:
        progress.finish()


def _decision(decision: Decision, as_json: bool, colour: bool) -> str:
    segment = decision.segment
    if as_json:
        members = {
            "stream": segment.path.parent.name,
            "segment": segment.name,
            "do": decision.do,
            "why": decision.why,
        }
        return orjson.dumps(members).decode()
    word = paint(f"{_WORDS[decision.do]:<10}", _COLOURS[decision.do], colour)
    return f"  {word}  {safe(segment.name)}  {safe(decision.why)}"
