"""What `logkit story` does once its options are read."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import orjson

from logkit.console import Style, wants_colour
from logkit.errors import LogkitError
from logkit.story.collect import Moment, collect
from logkit.story.draw import Drawing
from logkit.story.tree import Node, tree
from logkit.tail.filters import least_level

NOT_FOUND = 1


class OptionError(LogkitError):
    """An option whose value cannot be used."""


def run(args: argparse.Namespace) -> int:
    """Tell the story that `args` ask for; the exit code."""
    moments = _loud_enough(collect(args.id, args.files or ["-"], args.audit_dir), args.level)
    if not moments:
        print(f"logkit story: nothing in these files has the id {args.id!r}", file=sys.stderr)  # noqa: T201
        return NOT_FOUND
    roots = tree(moments)
    if args.json:
        shown = orjson.dumps(
            {"id": args.id, "tree": [as_data(root) for root in roots]}, option=orjson.OPT_INDENT_2
        )
        sys.stdout.buffer.write(shown + b"\n")
        return 0
    sys.stdout.buffer.write(Drawing(roots, _style(args)).text().encode())
    return 0


def _loud_enough(moments: list[Moment], level: str | None) -> list[Moment]:
    if level is None:
        return moments
    try:
        wanted = least_level(level)
    except ValueError as error:
        raise OptionError(str(error)) from None
    return [
        moment
        for moment in moments
        if moment.is_audit or wanted.test(moment.event) or "duration_ms" in moment.event["context"]
    ]


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
        "lines": [moment.event for moment in node.moments if not moment.is_audit],
        "audit": [moment.event for moment in node.moments if moment.is_audit],
        "canonical": node.canonical.event if node.canonical else None,
        "children": [as_data(child) for child in node.children],
    }


def _style(args: argparse.Namespace) -> Style:
    colour = {"always": True, "never": False}.get(args.colour)
    return Style(
        colour=wants_colour(sys.stdout, os.environ) if colour is None else colour,
        local_time=not args.utc,
        expand=args.expand,
        width=shutil.get_terminal_size().columns if sys.stdout.isatty() else None,
        without=frozenset({"user_id"}),
        root=str(Path.cwd()),
    )
