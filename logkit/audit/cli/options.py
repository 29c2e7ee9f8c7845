"""What the verbs of `logkit audit` share: a range of time, streams, colour, progress."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from logkit.manual import HelpFormatter
from logkit.parsers import STREAMS, period
from logkit.terminal import wants_colour


class Action(NamedTuple):
    """What a verb with actions can do: what it is for, an example, what else to know."""

    help: str
    example: str
    more: str


def add_actions(
    parser: argparse.ArgumentParser, actions: Mapping[str, Action]
) -> dict[str, argparse.ArgumentParser]:
    """Put `actions` on a verb's parser, each with a `--help` of its own; their parsers by name."""
    choices = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")
    return {name: _add_action(choices, name, action) for name, action in actions.items()}


def _add_action(
    choices: argparse._SubParsersAction[argparse.ArgumentParser], name: str, action: Action
) -> argparse.ArgumentParser:
    parser = choices.add_parser(
        name,
        help=action.help,
        description=f"{action.help[0].upper()}{action.help[1:]}.\n\n{action.more}",
        epilog=f"example:\n  {action.example}",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    add_directory(parser, default=argparse.SUPPRESS)  # else it would undo what stands before the action
    return parser


def add_directory(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """`--dir`, which every verb has."""
    parser.add_argument(
        "--dir",
        type=Path,
        metavar="DIR",
        default=default,
        help="the trail's directory (default: AUDIT_DIR)",
    )


def add_range(parser: argparse.ArgumentParser) -> None:
    """`--since` and `--until`, which most verbs have."""
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="7d, 24h (ago), 2026-10-01, an ISO 8601 time"
    )
    parser.add_argument(
        "--until", type=moment, metavar="TIME", help="the same; the moment itself is not included"
    )


def add_streams(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stream",
        action="append",
        choices=STREAMS,
        help="only this stream; may be given again (default: all)",
    )


def moment(text: str) -> datetime:
    """A period ago, a date or an ISO 8601 time; without a zone it is UTC, as the trail writes it."""
    try:
        return datetime.now(UTC) - period(text)
    except (ValueError, OverflowError):
        pass
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        allowed = "write 7d, 24h, 2026-10-01 or 2026-10-01T14:00:00Z"
        raise argparse.ArgumentTypeError(f"{text!r} is no time: {allowed}") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def use_colour() -> bool:
    return wants_colour(sys.stdout, os.environ)


class Progress:
    """A line on the terminal that says how far a long read is; silent where nobody is watching."""

    def __init__(self) -> None:
        self._is_watched = sys.stderr.isatty()
        self._shown = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._is_watched and total:
            text = f"{what}  {100 * done // total:>3}%  {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
            if text != self._shown:
                self._shown = text
                sys.stderr.write(f"\r\x1b[K{text}")
                sys.stderr.flush()

    def finish(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def reading() -> Iterator[Callable[[int, int], None]]:
    """Progress of one long read: what it gives takes the bytes that are done, and all of them."""
    progress = Progress()
    try:
        yield lambda done, total: progress("reading", done, total)
    finally:
        progress.finish()
