"""One event to the text a person reads: shared by the development console, `tail` and `story`.

Pure: the same event and style give the same text. The event is the mapping of schema v1 as parsed from a line; every
member may be missing or of another type. No control character or escape sequence of a value reaches the terminal. (L10)
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from logkit.stacktext import exception_lines
from logkit.terminal import (
    BOLD,
    CYAN,
    DIM,
    GREEN,
    MAGENTA,
    RED,
    RESET,
    YELLOW,
    clip,
    fold,
    paint,
    safe,
    visible_length,
)

__all__ = ["Style", "render", "renderer", "short_id", "wants_colour"]


class Stream(Protocol):
    def isatty(self) -> bool: ...


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


def render(event: Mapping[str, Any], *, colour: bool, local_time: bool = True, **style: Any) -> str:
    """`event` as text that ends with a newline; further keywords are the members of `Style`."""
    return renderer(Style(colour=colour, local_time=local_time, **style))(event)


# Said by the gutter, the headline or the lines around; -x shows them all.
_QUIET = frozenset(
    {
        *("request_id", "trace_id", "span_id", "session", "client_ip", "method", "route", "path"),
        *("task_id", "task", "root_id", "parent_id", "retries", "queue_ms"),
    }
)
_HEADLINE = ("status", "duration_ms")  # a canonical line begins with these
_WHO = ("user_id",)  # on every line of a request: dimmed, after what is new
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
# Readable on dark and on light, and no reds or yellows, which mean something.
_ID_COLOURS = (33, 37, 71, 133, 67, 99, 30, 169, 64, 139, 38, 63, 108, 97)
_ID_WIDTH = 6
_EVENT_WIDTH = 28  # fields start in one column unless an event's name is longer
_NARROWEST = 50  # columns that fields need below each other, else they continue below the event
_LONGEST_VALUE = 200
_SLOW_MS, _VERY_SLOW_MS = 500.0, 2000.0


@lru_cache(maxsize=64)
def renderer(style: Style) -> Callable[[Mapping[str, Any]], str]:
    """The function that renders in `style`; made once, because `tail` calls it for every line."""
    return _Renderer(style)


class _Renderer:
    def __init__(self, style: Style) -> None:
        self._style = style
        self._colour = style.colour
        self._keys: dict[str, str] = {}
        self._hidden = (_QUIET | style.without) - style.only
        self._indent = 13 + 6 + _ID_WIDTH + 1

    def __call__(self, event: Mapping[str, Any]) -> str:
        style = self._style
        context = event.get("context")
        if not isinstance(context, dict):
            context = {} if context is None else {"context": context}
        level = str(event.get("level") or "")
        message = event.get("message")
        text = message if isinstance(message, str) else "" if message is None else _value(message)
        first, newline, rest = text.partition("\n")
        name = self._event(level, safe(first), context)
        gutter = _gutter(_correlation(context), self._colour)
        time = _time(event.get("timestamp"), style.local_time, self._colour)
        head = f"{time} {_label(level, self._colour)} {gutter} "
        if style.expand:
            line = head + name.rstrip() + "\n" + self._expanded(event, context)
        else:
            is_canonical = "duration_ms" in context and text.startswith(("request.", "task.", "command."))
            parts = self._headline(context, text) if is_canonical else []
            parts += self._fields(context, is_canonical)
            logger = event.get("logger")
            shown = paint(safe(str(logger)), DIM, self._colour) if logger and not is_canonical else ""
            line = self._laid_out(head, name, parts, shown) + "\n"
        exception = event.get("exception")
        if style.single_line:
            return line if not exception else self._with_summary(line, exception)
        if newline:
            line += "".join(f"{self._bar('')}{safe(part)}\n" for part in rest.splitlines())
        if exception:
            line += self._traceback(exception)
        return line

    def _event(self, level: str, name: str, context: Mapping[str, Any]) -> str:
        """The event's name, bright; inside a task, tied to the request by the task's name in the request's colour."""
        task = context.get("task")
        sgr = _EVENTS.get(level, BOLD)
        if not task:
            pad = " " * (_EVENT_WIDTH - len(name))
            return (f"{sgr}{name}{RESET}{pad}" if sgr else name + pad) if self._colour else name + pad
        retries = context.get("retries")
        short = safe(str(task)).rpartition(".")[2] + (
            f"#{retries + 1}" if isinstance(retries, int) and retries else ""
        )
        pad = " " * (_EVENT_WIDTH - len(name) - len(short) - 3)
        if not self._colour:
            return f"↳ {short} {name}{pad}"
        return f"{_id_colour(_correlation(context))}↳ {short}{RESET} {sgr}{name}{RESET}{pad}"

    def _headline(self, context: Mapping[str, Any], message: str) -> list[str]:
        """What a canonical line says first: the request line, the status, the duration."""
        parts = []
        method, route = context.get("method"), context.get("route") or context.get("path")
        if method and message.startswith("request."):
            target = safe(str(route or ""))
            parts.append(f"{safe(str(method))} {target if target.startswith('/') else '/' + target}")
        for key in _HEADLINE:
            if key in context and self._is_wanted(key):
                shown = _duration(context[key]) if key == "duration_ms" else _value(context[key])
                parts.append(paint(shown, _meaning(key, context[key]), self._colour))
        return parts

    def _fields(self, context: Mapping[str, Any], is_canonical: bool) -> list[str]:
        hidden, only, keys = self._hidden, self._style.only, self._keys
        parts, who = [], []
        for key, value in context.items():
            if key in hidden or (only and key not in only):
                continue
            if is_canonical and (key in _HEADLINE or (key == "outcome" and value == "success")):
                continue
            if key in _WHO:
                who.append(paint(f"{_key(key)}={_value(value)}", DIM, self._colour))
                continue
            shown = keys.get(key)
            if shown is None:
                shown = keys[key] = paint(f"{_key(key)}=", DIM, self._colour)
            if type(value) is float and key.endswith("_ms"):
                value = round(value, 1)
            text = _value(value)
            if key in _HEADLINE:
                text = paint(text, _meaning(key, value), self._colour)
            parts.append(shown + text)
        return parts + who

    def _laid_out(self, head: str, name: str, parts: list[str], logger: str) -> str:
        """One line. On a terminal, fields that do not fit continue below each other, or are cut with -S.

        The logger is said only where it costs no further line.
        """
        width = self._style.width
        if width is None:
            parts = [*parts, logger] if logger else parts
            return f"{head}{name} {'  '.join(parts)}" if parts else head + name.rstrip()
        start = visible_length(head) + _EVENT_WIDTH + 1
        if width - start < _NARROWEST:
            start = visible_length(head) + 2
        lines, used, gap = [head + name], visible_length(head + name), 1
        for part in parts:
            length = visible_length(part)
            if used + gap + length <= width or self._style.single_line:
                lines[-1] += " " * gap + part
                used += gap + length
            else:
                lines += [" " * start + piece for piece in fold(part, max(width - start, 20))]
                used = visible_length(lines[-1])
            gap = 2
        if logger and used + gap + visible_length(logger) <= width:
            lines[-1] += " " * gap + logger
        lines = [line.rstrip() for line in lines]
        return clip(lines[0], width) if self._style.single_line else "\n".join(lines)

    def _expanded(self, event: Mapping[str, Any], context: Mapping[str, Any]) -> str:
        rows = [
            (_key(key), _value(value, longest=None)) for key, value in context.items() if self._is_wanted(key)
        ]
        if not self._style.only:
            rows += [(_key(key), text) for key, text in _envelope(event) if key not in self._style.without]
        widest = min(max((len(key) for key, _ in rows), default=0), 24)
        pad = " " * 13
        return "".join(f"{pad}{paint(key.ljust(widest), DIM, self._colour)}  {text}\n" for key, text in rows)

    def _is_wanted(self, key: str) -> bool:
        return key in self._style.only if self._style.only else key not in self._style.without

    def _bar(self, sgr: str) -> str:
        return " " * 13 + paint("┃ ", sgr or DIM, self._colour)

    def _traceback(self, exception: object) -> str:
        bar, width = self._bar(RED), self._style.width
        lines = exception_lines(exception, colour=self._colour, every_frame=self._style.expand)
        if width is not None:
            room = max(width - visible_length(bar), 20)
            fit = fold if self._style.expand else _fitted
            lines = (piece for line in lines for piece in fit(line, room))
        return "".join(f"{bar}{line}\n" for line in lines)

    def _with_summary(self, line: str, exception: object) -> str:
        """-S: the exception as one phrase at the end of the line."""
        kind = exception.get("type") if isinstance(exception, dict) else None
        text = exception.get("message") if isinstance(exception, dict) else exception
        phrase = safe(" ".join(f"{kind or ''}: {text or ''}".split())).strip(": ")
        line = f"{line[:-1]}  {paint(phrase, RED, self._colour)}"
        return (line if self._style.width is None else clip(line, self._style.width)) + "\n"


def _fitted(line: str, width: int) -> list[str]:
    """A frame is cut at the terminal's edge; what an exception says is never."""
    return [clip(line, width)] if line.startswith(("  ", f"{DIM}  ")) else fold(line, width)


def _envelope(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What surrounds the context, in a person's words; members that the schema does not know as they are."""
    for key, value in event.items():
        if key in ("timestamp", "level", "message", "context", "exception"):
            continue
        if key == "source" and isinstance(value, dict):
            place = f"{value.get('file', '?')}:{value.get('line', '?')} {value.get('function', '')}"
            yield key, safe(place.rstrip())
        elif isinstance(value, dict):
            yield key, " ".join(_value(item) for item in value.values())
        else:
            yield key, _value(value, longest=None)


def _correlation(context: Mapping[str, Any]) -> str:
    """The id that lines of one cause share: the request's, or that of the root task."""
    return str(context.get("request_id") or context.get("root_id") or context.get("task_id") or "")


def short_id(identifier: str) -> str:
    """The last characters of an id: ids that begin with a time or a prefix differ only at the end."""
    return safe(identifier)[-_ID_WIDTH:]


@lru_cache(maxsize=4096)
def _gutter(identifier: str, colour: bool) -> str:
    if not identifier:
        return paint("·".rjust(_ID_WIDTH), DIM, colour)
    text = short_id(identifier).ljust(_ID_WIDTH)
    return f"{_id_colour(identifier)}{text}{RESET}" if colour else text


@lru_cache(maxsize=4096)
def _id_colour(identifier: str) -> str:
    return f"\x1b[38;5;{_ID_COLOURS[zlib.crc32(identifier.encode('utf-8', 'replace')) % len(_ID_COLOURS)]}m"


@lru_cache(maxsize=64)
def _label(level: str, colour: bool) -> str:
    text, sgr = _LABELS.get(level.upper(), (safe(level).upper()[:5].ljust(5), CYAN))
    return paint(text, sgr, colour)


@lru_cache(maxsize=1024)
def _key(key: object) -> str:
    return safe(str(key))


@lru_cache(maxsize=256)
def _local_minute(minute: str) -> str:
    """`2026-11-23T14:02` in UTC to `15:02` here; zones differ by whole minutes."""
    return datetime.fromisoformat(minute + "+00:00").astimezone().strftime("%H:%M")


def _time(timestamp: object, local: bool, colour: bool) -> str:
    """HH:MM:SS.mmm; what is no time is shown as it is."""
    text = timestamp if isinstance(timestamp, str) else "" if timestamp is None else _value(timestamp)
    try:
        if text[10:11] == "T" and text[-1:] == "Z" and text[19:20] in (".", "Z"):
            minute = _local_minute(text[:16]) if local else text[11:16]
            shown = f"{minute}:{text[17:19]}.{(text[20:-1] + '000')[:3]}"
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.astimezone() if local else moment
            shown = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    except ValueError:
        shown = text
    shown = shown[:12].ljust(12)
    return paint(shown if shown.isprintable() else safe(shown), DIM, colour)


def _value(value: object, *, longest: int | None = _LONGEST_VALUE) -> str:
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
    import json  # only nested values need it

    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__}>"


def _duration(value: object) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return _value(value)
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def _meaning(key: str, value: object) -> str:
    """The colour that says how good a status or a duration is."""
    if not isinstance(value, int | float):
        return ""
    if key == "status":
        return RED if value >= 500 else YELLOW if value >= 400 else CYAN if value >= 300 else GREEN
    return RED if value >= _VERY_SLOW_MS else YELLOW if value >= _SLOW_MS else ""
