"""How `--help` looks: room for long options, text that keeps its own line breaks, headings that stand out."""

from __future__ import annotations

import argparse
import os
import re
import sys
from textwrap import fill

from logkit.terminal import BOLD, RESET, wants_colour

_WIDEST = 100  # columns
_HEADING = re.compile(r"^(?:usage:|[a-z][^\n]*:$)", re.MULTILINE)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Room for long options, and text that keeps its own line breaks."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=min(_WIDEST, _columns()))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Paragraphs as wide as the terminal; those with an indented line are tables, and stay as they are."""
        paragraphs = text.split("\n\n")
        return "\n\n".join(part if "\n  " in f"\n{part}" else fill(part, width) for part in paragraphs)

    def add_argument(self, action: argparse.Action) -> None:
        """Room for the verbs below an action with their indent, on every Python as in 3.13."""
        super().add_argument(action)
        for verb in self._iter_indented_subactions(action):
            length = len(self._format_action_invocation(verb)) + self._current_indent
            self._action_max_length = max(self._action_max_length, length)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """`-l, --level LEVEL` on every Python, as 3.13 writes it."""
        if not action.option_strings:
            return super()._format_action_invocation(action)
        names = ", ".join(action.option_strings)
        if action.nargs == 0:
            return names
        return f"{names} {self._format_args(action, (action.dest or '').upper())}"

    def format_help(self) -> str:
        text = super().format_help()
        return _HEADING.sub(rf"{BOLD}\g<0>{RESET}", text) if wants_colour(sys.stdout, os.environ) else text


def _columns() -> int:
    """Of the terminal; what `shutil` would say, whose import takes as long as the rest of a `--help`."""
    if (given := os.environ.get("COLUMNS", "")).isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ else _WIDEST
    except (OSError, ValueError):
        return _WIDEST


def add_colour(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """`--colour`, which every verb that prints for people has."""
    parser.add_argument(
        "--colour",
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="auto obeys NO_COLOR, FORCE_COLOR, the terminal",
    )


def is_coloured(choice: str) -> bool:
    """Shall standard output be coloured? `choice` is that of `--colour`."""
    return {"always": True, "never": False}.get(choice, wants_colour(sys.stdout, os.environ))
