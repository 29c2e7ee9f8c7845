"""One event to its line, or lines: the time, the level, the request, the event, what it is about, its fields.

What every line of a request repeats is said once, by its canonical line; `-x` shows everything of every line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from logkit.console.layout import BELOW, fitted, laid_out
from logkit.console.levels import LOUD, brightness, label
from logkit.console.style import Style
from logkit.console.values import (
    SLOW_MS,
    correlation,
    duration_text,
    gutter,
    id_colour,
    key_text,
    meaning,
    rounded,
    shortened,
    time_text,
    value_text,
)
from logkit.stacktext import Look, exception_lines
from logkit.terminal import DIM, RED, RESET, YELLOW, clip, paint, safe, visible_length

# Said by the line's other columns, or by the lines around; -x and -I show them.
_QUIET = frozenset(
    {
        *("request_id", "trace_id", "span_id", "session", "client_ip", "method", "route", "path"),
        *("task_id", "task", "root_id", "parent_id", "retries", "queue_ms", "worker"),
        "command",
    }
)
_CANONICAL = ("request.", "task.", "command.")
_HEADLINE = ("status", "duration_ms")  # a canonical line begins with these
_METRICS = ("db_queries", "db_ms", "bytes")  # at the end of a canonical line, dimmed, where they fit
_WHO = "user_id"  # on every line of a request: shown where the request ends, and where something is wrong
_SAID = frozenset(  # by the event's name or the status
    {
        *("success", "succeeded", "retried", "failed", "failure", "rejected", "lost", "ignored", "revoked"),
        *("interrupted", "unknown"),
    }
)
_USUAL_QUEUE = "celery"
_SPECIAL = frozenset({*_HEADLINE, *_METRICS, _WHO, "outcome", "queue"})
_NAME = re.compile(
    r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+"
)  # an event's; anything else is a sentence of a library
_SHORTEST_ID = 24  # characters
_HUGE = 10**18  # a number that is longer goes the careful way
_KEPT = 4096  # entries of a memory: what is in a log may be chosen by anybody
_LONG_NAME = 100  # no event's name
_EVENT_WIDTH, _NARROW_EVENT_WIDTH = (
    25,
    20,
)  # what follows starts in one column unless an event's name is longer
_WIDE = 120  # columns of a terminal that has room for the wider one
_LONGEST_MESSAGE = 240  # characters; -x shows all


class Renderer:
    """Renders events in one style, and remembers what comes again: keys, names, loggers."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._colour = style.colour
        is_narrow = style.width is not None and style.width < _WIDE
        self._event_width = _NARROW_EVENT_WIDTH if is_narrow else _EVENT_WIDTH
        self._hidden = (_QUIET | style.without) - style.only
        self._prefixes: dict[str, str] = {}  # by key; empty for a field that is not shown
        self._names: dict[tuple[str, str], str] = {}  # events, as wide as their column
        self._loggers: dict[str, str] = {}

    def __call__(self, event: Mapping[str, Any]) -> str:
        style, colour = self._style, self._colour
        context, level = _mapping(event.get("context")), event.get("level")
        message, rest = self._message(event.get("message"))
        if type(level) is not str:
            level = "" if level is None else str(level)
        name = self._names.get((level, message)) or self._name(level, message)
        time = time_text(event.get("timestamp"), style.local_time)
        if colour:
            time = f"{DIM}{time}{RESET}"
        correlated = correlation(context)
        head = f"{time} {label(level, colour)} {gutter(correlated, colour)} "
        subject = self._subject(context, message, correlated)
        exception = event.get("exception")
        if style.expand:
            line = f"{head}{name} {subject[0]}\n" if subject else f"{head}{name.rstrip()}\n"
            line += self._expanded(event, context)
        else:
            spare = []
            if "duration_ms" in context and message.startswith(_CANONICAL):
                parts = subject + self._canonical(context, message)
                spare = self._metrics(context)
            else:
                parts = subject + self._fields(context, False, not correlated or level in LOUD)
                if (logger := event.get("logger")) and not _NAME.fullmatch(message):
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
        return [shown, *self._fields(_mapping(event.get("context")), False, False)]

    def canonical_parts(self, event: Mapping[str, Any]) -> list[str]:
        """What a canonical line says besides its name."""
        context = _mapping(event.get("context"))
        if event.get("exception"):  # which says its type itself
            context = {key: value for key, value in context.items() if key != "exception_type"}
        return self._canonical(context, str(event.get("message"))) + self._metrics(context)

    def request_line(self, context: Mapping[str, Any]) -> str:
        """`POST /api/keeps`; empty outside of requests."""
        method, route = context.get("method"), context.get("route") or context.get("path")
        target = safe(str(route or ""))
        return f"{safe(str(method))} {target if target.startswith('/') else '/' + target}" if method else ""

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

    def _name(self, level: str, message: str) -> str:
        """The event, bright, as wide as its column; remembered, because names are few."""
        name = safe(message)
        sgr = brightness(level, is_name=_NAME.fullmatch(message) is not None)
        name = paint(name, sgr, self._colour) + " " * max(self._event_width - len(name), 1)
        if len(message) < _LONG_NAME:
            _keep(self._names, (level, message), name)
        return name

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
        for key in _HEADLINE:
            if key in context and self._is_wanted(key):
                shown = duration_text(context[key]) if key == "duration_ms" else value_text(context[key])
                parts.append(paint(shown, meaning(key, context[key]), self._colour))
        waited = context.get("queue_ms")
        if isinstance(waited, int | float) and waited >= SLOW_MS and self._is_wanted("queue_ms"):
            sgr = YELLOW if meaning("queue_ms", waited) == RED else DIM
            parts.append(paint(f"queued {duration_text(waited)}", sgr, self._colour))
        return parts + self._fields(context, True, True)

    def _fields(self, context: Mapping[str, Any], is_canonical: bool, shows_who: bool) -> list[str]:
        prefixes = self._prefixes
        parts, who = [], []
        for key, value in context.items():
            prefix = prefixes.get(key)
            if prefix is None:
                prefix = self._prefix(key)
            if not prefix:
                continue
            kind = type(value)
            if key in _SPECIAL:
                if key == _WHO:
                    if shows_who or self._style.only:
                        who.append(self._dimmed(prefix, shortened(value) or value_text(value)))
                elif not (is_canonical and self._is_said(key, value)) and self._is_worth_saying(key, value):
                    text = value_text(rounded(key, value))
                    parts.append(prefix + paint(text, meaning(key, value), self._colour))
            elif kind is int:
                parts.append(prefix + (str(value) if -_HUGE < value < _HUGE else value_text(value)))
            elif kind is str and len(value) >= _SHORTEST_ID and (short := shortened(value)):
                parts.append(self._dimmed(prefix, short))
            else:
                parts.append(prefix + value_text(rounded(key, value) if kind is float else value))
        return parts + who if who else parts

    def _is_said(self, key: str, value: object) -> bool:
        """Does a canonical line say it already, in its name, at its beginning, or at its end?"""
        if key in _METRICS:
            return not meaning(key, value)
        return key in _HEADLINE or (key == "outcome" and value in _SAID)

    def _is_worth_saying(self, key: str, value: object) -> bool:
        return key != "queue" or value != _USUAL_QUEUE or bool(self._style.only)

    def _metrics(self, context: Mapping[str, Any]) -> list[str]:
        """What a canonical line measured and nobody needs to notice; no queries are no news."""
        parts = []
        for key in _METRICS:
            prefix, value = self._prefixes.get(key) or self._prefix(key), context.get(key)
            if prefix and value and not meaning(key, value):
                parts.append(self._dimmed(prefix, value_text(rounded(key, value))))
        return parts

    def _dimmed(self, prefix: str, text: str) -> str:
        return f"{prefix.removesuffix(RESET)}{text}{RESET}" if self._colour else prefix + text

    def _prefix(self, key: str) -> str:
        """`key=`, or nothing when the field is not shown."""
        is_shown = key in self._style.only if self._style.only else key not in self._hidden
        prefix = paint(f"{key_text(key)}=", DIM, self._colour) if is_shown else ""
        _keep(self._prefixes, key, prefix)
        return prefix

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
            if self._is_wanted(key)
        ]
        if not self._style.only:
            rows += [
                (key_text(key), text) for key, text in _envelope(event) if key not in self._style.without
            ]
        widest = min(max((len(key) for key, _ in rows), default=0), 24)
        pad = " " * BELOW
        return "".join(f"{pad}{paint(key.ljust(widest), DIM, self._colour)}  {text}\n" for key, text in rows)

    def _is_wanted(self, key: str) -> bool:
        return key in self._style.only if self._style.only else key not in self._style.without

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


def _mapping(value: object) -> Mapping[str, Any]:
    """The context, or what stands in its place."""
    if type(value) is dict:
        return value
    return {} if value is None else {"context": value}


def _keep(memory: dict[Any, str], key: Any, text: str) -> None:
    if len(memory) >= _KEPT:
        memory.clear()
    memory[key] = text


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
