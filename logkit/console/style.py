"""What can be chosen about the look of events."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How events look. `width` is the terminal's, in columns; None means no wrapping and no cutting."""

    colour: bool = False
    local_time: bool = True
    expand: bool = False  # every field on its own line, every frame of a traceback
    single_line: bool = False  # nothing below the line
    width: int | None = None
    only: frozenset[str] = frozenset()  # fields to show; empty: the usual ones
    without: frozenset[str] = frozenset()  # fields to leave out
    root: str = ""  # the directory that our own files in tracebacks are named from
