"""Text for a terminal: what is safe to print, how wide it is, how it is coloured."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Protocol

RESET = "\x1b[0m"
BOLD = "\x1b[1m"
DIM = "\x1b[2m"
RED = "\x1b[31m"
GREEN = "\x1b[32m"
YELLOW = "\x1b[33m"
MAGENTA = "\x1b[35m"
CYAN = "\x1b[36m"

# Control characters, line and paragraph separators, invisible and direction-changing format characters, surrogates,
# tags. The joiners U+200C and U+200D stay: scripts and emoji need them, and they move nothing.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SEQUENCES = re.compile("(\x1b\\[[0-9;]*m)")


class Stream(Protocol):
    def isatty(self) -> bool: ...


def wants_colour(stream: Stream, environ: Mapping[str, str]) -> bool:
    """Should text for `stream` be coloured? NO_COLOR wins, then FORCE_COLOR, then whether it is a terminal.

    Conventions: https://no-color.org, https://force-color.org; a dumb terminal has no colours.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] != "0"
    try:
        return stream.isatty() and environ.get("TERM", "") != "dumb"
    except ValueError:  # a closed stream
        return False


def safe(text: str) -> str:
    """`text` with everything that could move the cursor, hide or reorder text shown as an escape. (L10)"""
    return text if text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def paint(text: str, sgr: str, colour: bool) -> str:
    return f"{sgr}{text}{RESET}" if colour and sgr else text


def visible_length(text: str) -> int:
    """Columns that `text` takes, its colours aside."""
    if "\x1b" in text:
        text = _SEQUENCES.sub("", text)
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def clip(text: str, width: int) -> str:
    """`text` within `width` columns, its last one an ellipsis when something was cut."""
    if visible_length(text) <= width:
        return text
    first = fold(text, width - 1, at_words=False)[0]
    return first.removesuffix(RESET) + "…" + (RESET if "\x1b" in first else "")


def fold(text: str, width: int, *, at_words: bool = True) -> list[str]:
    """`text` in pieces of at most `width` columns, whose ends are those of words where that wastes little.

    A colour goes on in the next piece.
    """
    if visible_length(text) <= width:
        return [text]
    pieces, piece, used, sgr = [], "", 0, ""
    word = (0, 0, "")  # where the last word began: characters and columns before it, and its colour
    for part in _SEQUENCES.split(text):
        if part.startswith("\x1b"):
            sgr = "" if part == RESET else part
            piece += part
            continue
        for character in part:
            columns = _columns(character)
            if used + columns > width:
                length, before, colour = word if word[1] > width // 2 else (len(piece), used, sgr)
                pieces.append(piece[:length] + (RESET if colour else ""))
                piece, used = colour + piece[length:], used - before
                word = (0, 0, "")
            piece += character
            used += columns
            if at_words and character == " ":
                word = (len(piece), used, sgr)
    return [*pieces, piece]
