"""`logkit audit seal`, `hold`, `retention` and `keys`: what changes the trail."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson

from logkit.audit.cli.options import add_streams, use_colour
from logkit.audit.cli.place import Place, as_operator, find_place
from logkit.audit.cli.verify import PIN_NAME
from logkit.audit.notices import ALERT_LEVELS, utc_text
from logkit.audit.retention import Decision, apply, plan, policy_text
from logkit.audit.retention.holds import active_holds, lift, place
from logkit.audit.seal import Sealing
from logkit.audit.seal.keys import SealError, create_key, public_bytes, read_key
from logkit.audit.verify.anchors import first_key, write_pins
from logkit.errors import LogkitError
from logkit.parsers import STREAMS
from logkit.terminal import BOLD, DIM, RED, YELLOW, paint, safe

_COLOURS = {"expire": RED, "finish": RED, "compress": DIM, "keep": ""}
_WORDS = {"expire": "EXPIRE", "finish": "EXPIRE (unfinished)", "compress": "COMPRESS", "keep": "KEEP"}


def add_arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    if verb == "hold":
        add("action", choices=("place", "lift", "list"))
        add(
            "words",
            nargs="*",
            metavar="SCOPE or ID",
            help="place: actor=, circle=, target=, owner=, since=, until=, stream=",
        )
        add("--reason", default="", help="why: the matter, the order")
        add("--json", action="store_true", help="list as JSON lines")
        return
    add_streams(parser)
    if verb == "retention":
        add("--apply", action="store_true", help="remove what is due; without it nothing is changed")
        add("--json", action="store_true", help="as JSON lines")
    elif verb == "seal":
        add(
            "--json",
            action="store_true",
            help="anchors as JSON lines, for a log elsewhere and `verify --anchor`",
        )
    else:
        add("action", choices=("init", "pin", "show"), help="make them; their first public keys; their state")
        add("--output", "-o", type=Path, metavar="FILE", help="pin: where to write it (default: stdout)")


def run(args: argparse.Namespace) -> int:
    place_ = find_place(args.dir, None, os.environ)
    with as_operator():
        return {"seal": _seal, "hold": _hold, "retention": _retention, "keys": _keys}[args.audit_verb](
            place_, args
        )


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


def _hold(where: Place, args: argparse.Namespace) -> int:
    if args.action == "list":
        for hold in active_holds(where.root):
            if args.json:
                members = {
                    "id": hold.id,
                    "scope": hold.scope,
                    "reason": hold.reason,
                    "placed_at": hold.placed_at,
                }
                sys.stdout.write(orjson.dumps(members).decode() + "\n")
            else:
                sys.stdout.write(
                    f"{hold.id}  {hold.placed_at[:10]}  {safe(hold.scope)}  {safe(hold.reason)}\n"
                )
        return 0
    where.live()
    if args.action == "place":
        hold_id = place(where.emitter(), scope=" ".join(args.words), reason=args.reason)
        sys.stdout.write(f"{hold_id} is in force\n")
        return 0
    if len(args.words) != 1:
        raise LogkitError("lift takes one hold's id; `logkit audit hold list` shows them")
    lifted = lift(where.root, where.emitter(), hold_id=args.words[0], reason=args.reason)
    sys.stdout.write(f"{lifted.id} is lifted: {safe(lifted.scope)}\n")
    return 0


def _retention(where: Place, args: argparse.Namespace) -> int:
    settings = where.live().audit
    if args.apply and not settings.retention_apply:
        raise LogkitError("AUDIT_RETENTION_APPLY is off: nothing is removed")
    colour = use_colour()
    for directory in where.streams(args.stream):
        keep = settings.retention_of(directory.name)
        if args.apply:
            decisions = apply(where.ledger(directory.name), keep=keep, emit=where.emitter())
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


def _keys(where: Place, args: argparse.Namespace) -> int:
    where.live()
    directory = where.key_directory
    assert directory is not None
    if args.action == "init":
        return _init(where, directory, args.stream or list(STREAMS))
    if args.action == "show":
        for stream in args.stream or STREAMS:
            key = read_key(directory / f"{stream}.key")
            state = (
                "no key yet"
                if key is None
                else f"epoch {key.epoch}, public key {public_bytes(key.key).hex()}"
            )
            sys.stdout.write(f"{stream}: {state}\n")
        return 0
    content = write_pins(_first_keys(where, directory, args.stream or list(STREAMS)))
    if args.output is None:
        sys.stdout.write(content)
    else:
        args.output.write_text(content, encoding="ascii")
        sys.stdout.write(f"{args.output}: keep it where the service cannot write\n")
    return 0


def _init(where: Place, directory: Path, streams: list[str]) -> int:
    for stream in streams:
        path = directory / f"{stream}.key"
        if first_key(where.root / stream, path) is None and not path.exists():
            create_key(path)
            sys.stdout.write(f"{stream}: made {path}\n")
        else:
            sys.stdout.write(f"{stream}: has a key already\n")
    pin = directory / PIN_NAME
    pin.write_text(write_pins(_first_keys(where, directory, list(STREAMS))), encoding="ascii")
    sys.stdout.write(f"pinned in {pin}: copy it to where the service cannot write\n")
    return 0


def _first_keys(where: Place, directory: Path, streams: list[str]) -> dict[str, bytes]:
    keys = {stream: first_key(where.root / stream, directory / f"{stream}.key") for stream in streams}
    found = {stream: key for stream, key in keys.items() if key is not None}
    if not found:
        raise LogkitError("there are no keys yet; `logkit audit keys init` makes them")
    return found
