"""What `logkit story` does once its options are read."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from logkit.console import Style
from logkit.errors import LogkitError
from logkit.manual import is_coloured
from logkit.story.collect import Moment, collect
from logkit.story.draw import Drawing
from logkit.story.node import Node
from logkit.story.tree import tree
from logkit.tail.command import from_environment
from logkit.tail.filters import Test, least_level

NOT_FOUND = 1


class OptionError(LogkitError):
    """An option whose value cannot be used."""


def run(args: argparse.Namespace) -> int:
    """Tell the story that `args` ask for; the exit code."""
    is_loud = _level(args.level)
    trail = _trail(args.audit_dir, os.environ)
    moments = collect(args.id, args.files or from_environment(os.environ, verb="story"), trail)
    if trail and not _may_be_shown(trail, args.id, moments):
        moments = [moment for moment in moments if not moment.is_audit]
    if not moments:
        _say(f"nothing in these files has the id {args.id!r}")
        return NOT_FOUND
    roots = tree(moments)
    for node in (node for root in roots for node in root.walk()):
        node.moments = [moment for moment in node.moments if moment.is_audit or is_loud(moment.event)]
    if args.json:
        shown = orjson.dumps(
            {"id": args.id, "tree": [as_data(root) for root in roots]}, option=orjson.OPT_INDENT_2
        )
        sys.stdout.buffer.write(shown + b"\n")
        return 0
    sys.stdout.buffer.write(Drawing(roots, _style(args)).text().encode())
    return 0


def _trail(given: str | None, environ: Mapping[str, str]) -> str | None:
    """The directory of the audit trail: the one asked for, or that of the environment if this user may read it."""
    if given:
        return given
    directory = environ.get("AUDIT_DIR", "")
    if not directory or not Path(directory).is_dir():
        return None
    if os.access(directory, os.R_OK | os.X_OK):
        return directory
    _say(f"without audit events: this user may not read {directory}")
    return None


def _may_be_shown(trail: str, identifier: str, moments: list[Moment]) -> bool:
    """Reading the live trail is recorded before anything of it is shown, or nothing of it is shown. (A13)"""
    from logkit.audit.cli.place import as_operator, find_place  # with cryptography, which takes a while

    try:
        with as_operator():
            state = find_place(Path(trail), None, os.environ).emitter()
            state(
                "audit.log.read", {"query": f"story {identifier}", "rows": sum(m.is_audit for m in moments)}
            )
    except (LogkitError, OSError) as error:
        _say(f"without audit events, because the reading could not be recorded: {error}")
        return False
    return True


def _say(text: str) -> None:
    print(f"logkit story: {text}", file=sys.stderr)  # noqa: T201 - this is a command


def _level(level: str | None) -> Test:
    """The test of `-l`; without it every line passes."""
    if level is None:
        return lambda event: True
    try:
        return least_level(level).test
    except ValueError as error:
        raise OptionError(str(error)) from None


def as_data(node: Node) -> dict[str, Any]:
    """A node for other programs; times in milliseconds, lines as they were."""
    return {
        "kind": node.kind,
        "id": node.id,
        "name": node.name,
        "start": node.start.isoformat(),
        "duration_ms": node.duration_ms,
        "ended_as": node.message or None,
        "failed": node.failed,
        "led_to_failure": node.led_to_failure,
        "lines": [moment.event for moment in _in_order(node) if not moment.is_audit],
        "audit": [moment.event for moment in node.moments if moment.is_audit],
        "canonical": node.canonical.event if node.canonical else None,
        "children": [as_data(child) for child in node.children],
    }


def _in_order(node: Node) -> list[Moment]:
    return sorted([*node.moments, *node.steps], key=lambda moment: moment.time)


def _style(args: argparse.Namespace) -> Style:
    return Style(
        colour=is_coloured(args.colour),
        local_time=not args.utc,
        expand=args.expand,
        width=shutil.get_terminal_size().columns if sys.stdout.isatty() else None,
        without=frozenset({"user_id", "on_behalf_of", "queue_ms"}),
        root=str(Path.cwd()),
    )
