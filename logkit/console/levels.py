"""Levels as they look: five columns of label, and how bright the event beside it is."""

from __future__ import annotations

from functools import lru_cache

from logkit.terminal import BOLD, CYAN, DIM, GREEN, MAGENTA, RED, YELLOW, paint, safe

LOUD = frozenset({"WARNING", "WARN", "ERROR", "CRITICAL"})
_LABELS = {
    "TRACE": ("TRACE", DIM),
    "DEBUG": ("DEBUG", DIM),
    "INFO": ("INFO ", GREEN),
    "SUCCESS": ("OK   ", GREEN),
    "WARNING": ("WARN ", YELLOW),
    "WARN": ("WARN ", YELLOW),
    "ERROR": ("ERROR", RED),
    "CRITICAL": ("CRIT ", "\x1b[1;97;41m"),
    "AUDIT": ("AUDIT", MAGENTA),
}
_EVENTS = {
    "TRACE": DIM,
    "DEBUG": "",
    "WARNING": BOLD + YELLOW,
    "WARN": BOLD + YELLOW,
    "ERROR": BOLD + RED,
    "CRITICAL": BOLD + RED,
}


@lru_cache(maxsize=256)
def label(level: str, colour: bool) -> str:
    """A level of any name in five columns."""
    text, sgr = _LABELS.get(level.upper(), (safe(level).upper()[:5].ljust(5), CYAN))
    return paint(text, sgr, colour)


def brightness(level: str, *, is_name: bool) -> str:
    """The colour of an event; a sentence of some library is bright only where it warns."""
    return _EVENTS.get(level, BOLD if is_name else "")
