"""How `--help` looks: room for long options, text that keeps its own line breaks, headings that stand out."""

from __future__ import annotations

import argparse
import os
import re
import sys

from logkit.terminal import BOLD, RESET, wants_colour

_HEADING = re.compile(r"^(?:usage:|[a-z][^\n]*:$)", re.MULTILINE)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Room for long options, and text that keeps its own line breaks."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)

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
