"""`logkit audit hold place`, `lift` and `list`: keep records beyond their time."""

from __future__ import annotations

import argparse
import os
import sys

import orjson

from logkit.audit.cli.options import Action, add_actions
from logkit.audit.cli.place import Place, as_operator, find_place
from logkit.audit.retention.holds import active_holds, lift, place
from logkit.terminal import safe

_SCOPE = """\
A SCOPE is one or more of actor=, circle=, target=, owner=, since=, until= and stream=, all of which have to fit;
actor=7 is any actor with this id, actor=user:7 only the user. A hold is in force from the moment on and keeps whole
segments, so it may keep more than it names. Retention says which segments are kept, and by which hold."""

ACTIONS = {
    "place": Action(
        "keep what SCOPE describes until the hold is lifted",
        "logkit audit hold place actor=user:7 since=2026-01-01 --reason 'matter 12/26'",
        _SCOPE,
    ),
    "lift": Action(
        "end a hold: what it kept may expire again",
        "logkit audit hold lift hold-5c1d9e07 --reason 'matter 12/26 is settled'",
        "Both placing and lifting are records of the trail, with who did it and why.",
    ),
    "list": Action(
        "the holds in force", "logkit audit hold list --json", "Their ids, when and why they were placed."
    ),
}


def add_arguments(verb: str, parser: argparse.ArgumentParser) -> None:
    """Arguments of `hold`."""
    actions = add_actions(parser, ACTIONS)
    actions["place"].add_argument("scope", nargs="+", metavar="SCOPE", help="actor=user:7, circle=3, ...")
    actions["lift"].add_argument("id", metavar="ID", help="the hold's; `logkit audit hold list` shows them")
    for name in ("place", "lift"):
        actions[name].add_argument("--reason", default="", help="why: the matter, the order")
    actions["list"].add_argument("--json", action="store_true", help="as JSON lines")


def run(args: argparse.Namespace) -> int:
    """Do it; the exit code."""
    where = find_place(args.dir, None, os.environ)
    if args.action == "list":
        return _list(where, as_json=args.json)
    where.live()
    with as_operator():
        if args.action == "place":
            hold_id = place(where.emitter(), scope=" ".join(args.scope), reason=args.reason)
            sys.stdout.write(f"{hold_id} is in force\n")
        else:
            lifted = lift(where.root, where.emitter(), hold_id=args.id, reason=args.reason)
            sys.stdout.write(f"{lifted.id} is lifted: {safe(lifted.scope)}\n")
    return 0


def _list(where: Place, *, as_json: bool) -> int:
    for hold in active_holds(where.root):
        if as_json:
            members = {"id": hold.id, "scope": hold.scope, "reason": hold.reason, "placed_at": hold.placed_at}
            sys.stdout.write(orjson.dumps(members).decode() + "\n")
        else:
            sys.stdout.write(f"{hold.id}  {hold.placed_at[:10]}  {safe(hold.scope)}  {safe(hold.reason)}\n")
    return 0
