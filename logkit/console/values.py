"""Single values as text: ids, times, levels, numbers, anything a field may hold."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from logkit.terminal import CYAN, DIM, GREEN, RED, RESET, YELLOW, paint, safe

# Readable on dark and on light, and no reds or yellows, which mean something.
_ID_COLOURS = (33, 37, 71, 133, 67, 99, 30, 169, 64, 139, 38, 63, 108, 97)
ID_WIDTH = 6
# UUIDs, perhaps behind a word; hashes and trace ids; pseudonyms.
_LONG_ID = re.compile(
    r"(?:[a-z]{1,16}-)?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|(?:h1:[\w.-]+:)?[0-9a-f]{24,128}"
)
LONGEST = 200  # characters of a value, unless everything is asked for
SLOW_MS, VERY_SLOW_MS = 500.0, 2000.0


def correlation(context: Mapping[str, Any]) -> str:
    """The id that lines of one cause share: the request's, or that of the root task."""
    return str(context.get("request_id") or context.get("root_id") or context.get("task_id") or "")


def short_id(identifier: str) -> str:
    """The last characters of an id: ids that begin with a time or a prefix differ only at the end."""
    return safe(identifier)[-ID_WIDTH:]


@lru_cache(maxsize=4096)
def shortened(value: str) -> str:
    """A long id by its end, `…bbee41`, which filters take as a value; empty for anything else."""
    if _LONG_ID.fullmatch(value):
        return f"…{value[-ID_WIDTH:]}"
    return ""


@lru_cache(maxsize=4096)
def gutter(identifier: str, colour: bool) -> str:
    if not identifier:
        return paint("·".rjust(ID_WIDTH), DIM, colour)
    text = short_id(identifier).ljust(ID_WIDTH)
    return f"{id_colour(identifier)}{text}{RESET}" if colour else text


@lru_cache(maxsize=4096)
def id_colour(identifier: str) -> str:
    return f"\x1b[38;5;{_ID_COLOURS[zlib.crc32(identifier.encode('utf-8', 'replace')) % len(_ID_COLOURS)]}m"


@lru_cache(maxsize=1024)
def key_text(key: object) -> str:
    return safe(str(key))


def is_schema_time(text: str) -> bool:
    """Is `text` of the schema's own form, as far as its ends tell?"""
    return len(text) == 27 and text[26] == "Z" and text.isprintable()


@lru_cache(maxsize=256)
def minute_text(minute: str, local: bool) -> str:
    """`2026-11-23T14:02` in UTC to `15:02` here; zones differ by whole minutes. Raises ValueError, OverflowError."""
    if not local:
        return minute[11:]
    return datetime.fromisoformat(minute + "+00:00").astimezone().strftime("%H:%M")


def time_text(timestamp: object, local: bool) -> str:
    """HH:MM:SS.mmm; what is no time is shown as it is, cut to that width."""
    text = timestamp if isinstance(timestamp, str) else "" if timestamp is None else value_text(timestamp)
    try:
        if is_schema_time(text):
            return minute_text(text[:16], local) + text[16:23]
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone() if local else moment
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    except (ValueError, OverflowError):
        return safe(text)[:12].ljust(12)


def value_text(value: object, *, longest: int | None = LONGEST) -> str:
    """A value as text on one line: bare when that is unambiguous, else quoted; containers as JSON."""
    if type(value) is str:
        if longest is not None and len(value) > longest:
            return f"{_text(value[:longest])}…(+{len(value) - longest})"
        return value if value and " " not in value and value.isprintable() else _text(value)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return _clipped(safe(_json(value)), longest)
    return _clipped(safe(str(value)), longest)


def _clipped(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else f"{text[:longest]}…(+{len(text) - longest})"


def _text(value: str) -> str:
    if value and " " not in value and '"' not in value and (shown := safe(value)) == value:
        return shown
    return '"' + safe(value).replace('"', '\\"') + '"'


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__}>"


def decimals(key: str) -> int | None:
    """How many digits of a fraction somebody reads in a duration; None for what is none."""
    return 1 if key.endswith("_ms") else 2 if key.endswith(("_s", "_seconds")) else None


def rounded(key: str, value: object) -> object:
    """A duration without the digits that nobody reads."""
    if type(value) is float and (digits := decimals(key)) is not None:
        return round(value, digits)
    return value


def duration_text(value: object) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value_text(value)
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def meaning(key: str, value: object) -> str:
    """The colour that says how good a status or a duration is."""
    if not isinstance(value, int | float) or not (key == "status" or key.endswith("_ms")):
        return ""
    if key == "status":
        return RED if value >= 500 else YELLOW if value >= 400 else CYAN if value >= 300 else GREEN
    return RED if value >= VERY_SLOW_MS else YELLOW if value >= SLOW_MS else ""
