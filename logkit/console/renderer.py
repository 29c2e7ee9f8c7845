"""One event to its line, or lines: the time, the level, the request, the event, what it is about, its fields.

What every line of a request repeats is said once, by its canonical line; `-x` shows everything of every line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from logkit.console.fields import HEADLINE, Fields
from logkit.console.layout import BELOW, fitted, laid_out
from logkit.console.levels import LOUD, brightness, label
from logkit.console.style import Style
from logkit.console.values import (
    SLOW_MS,
    correlation,
    duration_text,
    gutter,
    id_colour,
    is_schema_time,
    key_text,
    meaning,
    minute_text,
    time_text,
    value_text,
)
from logkit.stacktext import Look, exception_lines
from logkit.terminal import DIM, RED, RESET, YELLOW, clip, paint, safe, visible_length

_CANONICAL = ("request.", "task.", "command.")
_NAME = re.compile(
    r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+"
)  # an event's; anything else is a sentence of a library
_KEPT = 4096  # entries of a memory: what is in a log may be chosen by anybody
_LONG_NAME = 100  # no event's name
_EVENT_WIDTH, _NARROW_EVENT_WIDTH = (
    25,
    20,
)  # what follows starts in one column unless an event's name is longer
_WIDE = 120  # columns of a terminal that has room for the wider one
_LONGEST_MESSAGE = 240  # characters; -x shows all


K = TypeVar("K")
V = TypeVar("V")


# The event of a line: as wide as its column; whether it is a name, not a sentence; whether it is a canonical line's.
_Name = tuple[str, bool, bool]


class Renderer:
    """Renders events in one style, and remembers what comes again: names, requests, loggers, the minute."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._colour = style.colour
        is_narrow = style.width is not None and style.width < _WIDE
        self._event_width = _NARROW_EVENT_WIDTH if is_narrow else _EVENT_WIDTH
        self._fields = Fields(style)
        self._names: dict[tuple[str, str], _Name] = {}
        self._levels: dict[str, str] = {}
        self._gutters: dict[str, str] = {}
        self._loggers: dict[str, str] = {}
        self._targets: dict[tuple[str, str], str] = {}
        self._minute = ("", "")  # the last one, and how it is shown

    def __call__(self, event: Mapping[str, Any]) -> str:
        style = self._style
        context, level = event.get("context"), event.get("level")
        message: Any = event.get("message")
        if type(context) is not dict:
            context = _mapping(context)
        if type(level) is not str:
            level = "" if level is None else str(level)
        rest = ""
        known = self._names.get((level, message)) if type(message) is str else None
        if known is None:
            message, rest = self._message(message)
            known = self._names.get((level, message)) or self._name(level, message)
        name, is_name, is_canonical = known
        correlated = context.get("request_id")
        if type(correlated) is not str or not correlated:
            correlated = correlation(context)
        head = (
            f"{self._time(event.get('timestamp'))} {self._levels.get(level) or self._label(level)} "
            f"{self._gutters.get(correlated) or self._gutter(correlated)} "
        )
        subject = self._subject(context, message, correlated) if _is_about(context) else []
        exception = event.get("exception")
        if style.expand:
            line = f"{head}{name} {subject[0]}\n" if subject else f"{head}{name.rstrip()}\n"
            line += self._expanded(event, context)
        else:
            spare = []
            if is_canonical and "duration_ms" in context:
                parts = subject + self._canonical(context, message)
                spare = self._fields.metrics(context)
            else:
                shows_who = not correlated or level in LOUD
                parts = subject + self._fields.shown(context, is_canonical=False, shows_who=shows_who)
                if not is_name and (logger := event.get("logger")):
                    spare = [self._logger(logger)]
            line = self._line(head, name, parts, spare)
        if style.single_line:
            return line if not exception else self._with_summary(line, exception)
        if rest:
            line += "".join(f"{self._bar('')}{safe(part)}\n" for part in rest.splitlines() if part.strip())
        if exception:
            line += self._traceback(exception)
        return line

    def brief(self, event: Mapping[str, Any]) -> list[str]:
        """The event's name and fields alone: for a tree, where its place says the rest."""
        level, (message, _) = str(event.get("level") or ""), self._message(event.get("message"))
        is_name = _NAME.fullmatch(message) is not None
        shown = paint(safe(message), brightness(level, is_name=is_name), self._colour)
        if level in LOUD:
            shown = f"{label(level, self._colour).replace(' ', '')} {shown}"
        context = _mapping(event.get("context"))
        return [shown, *self._fields.shown(context, is_canonical=False, shows_who=False)]

    def canonical_parts(self, event: Mapping[str, Any]) -> list[str]:
        """What a canonical line says besides its name."""
        context = _mapping(event.get("context"))
        if event.get("exception"):  # which says its type itself
            context = {key: value for key, value in context.items() if key != "exception_type"}
        return self._canonical(context, str(event.get("message"))) + self._fields.metrics(context)

    def request_line(self, context: Mapping[str, Any]) -> str:
        """`POST /api/keeps`; empty outside of requests."""
        if not (method := context.get("method")):
            return ""
        key = (str(method), str(context.get("route") or context.get("path") or ""))
        shown = self._targets.get(key)
        if shown is None:
            method, target = map(safe, key)
            shown = f"{method} {target if target.startswith('/') else '/' + target}"
            _keep(self._targets, key, shown)
        return shown

    def traceback_lines(self, exception: object) -> list[str]:
        return self._traceback(exception).splitlines()

    def _message(self, message: object) -> tuple[str, str]:
        """The first line of a message, perhaps shortened, and what follows it."""
        text = message if type(message) is str else "" if message is None else value_text(message)
        rest = ""
        if "\n" in text:
            text, _, rest = text.lstrip("\n").partition("\n")
        if len(text) > _LONGEST_MESSAGE and not self._style.expand:
            text = f"{text[:_LONGEST_MESSAGE]}…(+{len(text) - _LONGEST_MESSAGE})"
        return text, rest

    def _name(self, level: str, message: str) -> _Name:
        """The event, bright, as wide as its column; remembered, because names are few."""
        is_name = _NAME.fullmatch(message) is not None
        shown = paint(safe(message), brightness(level, is_name=is_name), self._colour)
        wide = shown + " " * max(self._event_width - len(safe(message)), 1)
        name = (wide, is_name, message.startswith(_CANONICAL))
        if len(message) < _LONG_NAME:
            _keep(self._names, (level, message), name)
        return name

    def _time(self, timestamp: object) -> str:
        """The time of day, dimmed; lines of one minute look it up once."""
        minute, clock = self._minute
        if type(timestamp) is str and is_schema_time(timestamp):
            if timestamp[:16] != minute:
                try:
                    clock = minute_text(timestamp[:16], self._style.local_time)
                except (ValueError, OverflowError):
                    return paint(time_text(timestamp, self._style.local_time), DIM, self._colour)
                self._minute = (timestamp[:16], clock)
            time = clock + timestamp[16:23]
        else:
            time = time_text(timestamp, self._style.local_time)
        return f"{DIM}{time}{RESET}" if self._colour else time

    def _label(self, level: str) -> str:
        shown = label(level, self._colour)
        _keep(self._levels, level, shown)
        return shown

    def _gutter(self, correlated: str) -> str:
        shown = gutter(correlated, self._colour)
        _keep(self._gutters, correlated, shown)
        return shown

    def _subject(self, context: Mapping[str, Any], message: str, correlated: str) -> list[str]:
        """`↳ deliver#2`, the task and its attempt, or `$ migrate`, in the colour of what they belong to."""
        if task := context.get("task"):
            name, retries = safe(str(task)).rpartition(".")[2], context.get("retries")
            if isinstance(retries, int) and retries and message != "task.published":  # whose number it is
                name += f"#{retries + 1}"
            return [paint(f"↳ {name}", id_colour(correlated), self._colour)]
        if command := context.get("command"):
            return [paint(f"$ {safe(str(command))}", id_colour(correlated), self._colour)]
        return []

    def _logger(self, logger: object) -> str:
        name = str(logger)
        shown = self._loggers.get(name)
        if shown is None:
            shown = paint(safe(name), DIM, self._colour)
            _keep(self._loggers, name, shown)
        return shown

    def _canonical(self, context: Mapping[str, Any], message: str) -> list[str]:
        """A canonical line says first the request line, the status, the duration, and how long a task waited."""
        parts = []
        if message.startswith("request.") and (request_line := self.request_line(context)):
            parts.append(request_line)
        for key in HEADLINE:
            if key in context and self._fields.is_wanted(key):
                shown = duration_text(context[key]) if key == "duration_ms" else value_text(context[key])
                parts.append(paint(shown, meaning(key, context[key]), self._colour))
        waited = context.get("queue_ms")
        if isinstance(waited, int | float) and waited >= SLOW_MS and self._fields.is_wanted("queue_ms"):
            sgr = YELLOW if meaning("queue_ms", waited) == RED else DIM
            parts.append(paint(f"queued {duration_text(waited)}", sgr, self._colour))
        return parts + self._fields.shown(context, is_canonical=True, shows_who=True)

    def _line(self, head: str, name: str, parts: list[str], spare: list[str]) -> str:
        width, single_line = self._style.width, self._style.single_line
        if width is None:
            parts = parts + spare if spare else parts
            return f"{head}{name} {'  '.join(parts)}\n" if parts else f"{head}{name.rstrip()}\n"
        column = self._event_width + 1
        shown = laid_out(head, name, parts, spare, width=width, column=column, single_line=single_line)
        return shown + "\n"

    def _expanded(self, event: Mapping[str, Any], context: Mapping[str, Any]) -> str:
        rows = [
            (key_text(key), value_text(value, longest=None))
            for key, value in context.items()
            if self._fields.is_wanted(key)
        ]
        if not self._style.only:
            rows += [
                (key_text(key), text) for key, text in _envelope(event) if key not in self._style.without
            ]
        widest = min(max((len(key) for key, _ in rows), default=0), 24)
        pad = " " * BELOW
        return "".join(f"{pad}{paint(key.ljust(widest), DIM, self._colour)}  {text}\n" for key, text in rows)

    def _bar(self, sgr: str) -> str:
        return " " * BELOW + paint("┃ ", sgr or DIM, self._colour)

    def _traceback(self, exception: object) -> str:
        bar, width = self._bar(RED), self._style.width
        lines = exception_lines(exception, Look(self._colour, self._style.expand, self._style.root))
        if width is not None:
            room = width - visible_length(bar)
            lines = (piece for line in lines for piece in fitted(line, room, whole=self._style.expand))
        return "".join(f"{bar}{line}".rstrip() + "\n" for line in lines)

    def _with_summary(self, line: str, exception: object) -> str:
        """-S: the exception as one phrase at the end of the line."""
        kind = exception.get("type") if isinstance(exception, dict) else None
        text = exception.get("message") if isinstance(exception, dict) else exception
        phrase = safe(" ".join(f"{kind or ''}: {text or ''}".split())).strip(": ")
        line = f"{line[:-1]}  {paint(phrase, RED, self._colour)}"
        return (line if self._style.width is None else clip(line, self._style.width)) + "\n"


def _is_about(context: Mapping[str, Any]) -> bool:
    return "task" in context or "command" in context


def _mapping(value: object) -> Mapping[str, Any]:
    """The context, or what stands in its place."""
    if type(value) is dict:
        return value
    return {} if value is None else {"context": value}


def _keep(memory: dict[K, V], key: K, value: V) -> None:
    if len(memory) >= _KEPT:
        memory.clear()
    memory[key] = value


def _envelope(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What surrounds the context, in a person's words; members that the schema does not know as they are."""
    for key, value in event.items():
        if key in ("timestamp", "level", "message", "context", "exception"):
            continue
        if key == "source" and isinstance(value, dict):
            place = f"{value.get('file', '?')}:{value.get('line', '?')} {value.get('function', '')}"
            yield key, safe(place.rstrip())
        elif isinstance(value, dict):
            yield key, " ".join(value_text(item) for item in value.values())
        else:
            yield key, value_text(value, longest=None)
