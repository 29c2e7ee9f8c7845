"""One event to its line, or lines: what stands where, and how it fits the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from logkit.console.style import Style
from logkit.console.values import (
    correlation,
    duration_text,
    gutter,
    id_colour,
    is_uuid,
    key_text,
    meaning,
    short_id,
    time_text,
    value_text,
)
from logkit.stacktext import Look, exception_lines
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

# Said by the gutter, the headline or the lines around; -x shows them all.
_QUIET = frozenset(
    {
        *("request_id", "trace_id", "span_id", "session", "client_ip", "method", "route", "path"),
        *("task_id", "task", "root_id", "parent_id", "retries", "queue_ms"),
    }
)
_HEADLINE = ("status", "duration_ms")  # a canonical line begins with these
_WHO = ("user_id",)  # on every line of a request: dimmed, after what is new
_LOUD = frozenset({"WARNING", "WARN", "ERROR", "CRITICAL"})
_SAID = frozenset(
    {"success", "succeeded", "retried", "failed", "failure"}
)  # by the event's name or the status
_UUID = 36  # characters
_SPECIAL = frozenset({*_HEADLINE, *_WHO, "outcome"})
_HUGE = 10**18  # a number that is longer goes the careful way
_KEPT = 4096  # entries of a memory: what is in a log may be chosen by anybody
_LONG_NAME = 100  # no event's name
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
_EVENT_WIDTH = 28  # fields start in one column unless an event's name is longer
_LEAST = 20  # columns of text, however narrow the terminal is
_LONGEST_MESSAGE = 240  # characters; -x shows all
_NARROWEST = 50  # columns that fields need below each other, else they continue below the event


class Renderer:
    def __init__(self, style: Style) -> None:
        self._style = style
        self._colour = style.colour
        self._hidden = (_QUIET | style.without) - style.only
        self._prefixes: dict[str, str] = {}  # by key; empty for a field that is not shown
        self._labels: dict[str, str] = {}
        self._loggers: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}

    def __call__(self, event: Mapping[str, Any]) -> str:
        style, colour = self._style, self._colour
        context = event.get("context")
        if type(context) is not dict:
            context = {} if context is None else {"context": context}
        level, message = event.get("level"), event.get("message")
        if type(message) is not str:
            message = "" if message is None else value_text(message)
        if type(level) is not str:
            level = "" if level is None else str(level)
        rest = None
        if "\n" in message:
            message, _, rest = message.partition("\n")
        if len(message) > _LONGEST_MESSAGE and not style.expand:
            message = f"{message[:_LONGEST_MESSAGE]}…(+{len(message) - _LONGEST_MESSAGE})"
        name = (
            self._task_event(level, message, context) if context.get("task") else self._event(level, message)
        )
        time = time_text(event.get("timestamp"), style.local_time)
        label = self._labels.get(level) or self._label(level)
        if colour:
            time = f"{DIM}{time}{RESET}"
        head = f"{time} {label} {gutter(correlation(context), colour)} "
        if style.expand:
            line = head + name.rstrip() + "\n" + self._expanded(event, context)
        else:
            is_canonical = "duration_ms" in context and message.startswith(("request.", "task.", "command."))
            parts = self._fields(context, is_canonical)
            if is_canonical:
                parts = self._headline(context, message) + parts
            logger = event.get("logger")
            line = self._laid_out(
                head, name, parts, self._logger(logger) if logger and not is_canonical else ""
            )
            line += "\n"
        exception = event.get("exception")
        if style.single_line:
            return line if not exception else self._with_summary(line, exception)
        if rest is not None:
            line += "".join(f"{self._bar('')}{safe(part)}\n" for part in rest.splitlines())
        if exception:
            line += self._traceback(exception)
        return line

    def brief(self, event: Mapping[str, Any]) -> str:
        """The event's name and fields alone: for a tree, where its place says the rest."""
        context, level = event.get("context"), str(event.get("level") or "")
        name = safe(str(event.get("message") or "").partition("\n")[0])
        shown = paint(name, _EVENTS.get(level, BOLD), self._colour)
        if level in _LOUD:
            text, sgr = _LABELS[level]
            shown = f"{paint(text.rstrip(), sgr, self._colour)} {shown}"
        return "  ".join([shown, *self._fields(context if isinstance(context, dict) else {}, False)])

    def canonical_parts(self, event: Mapping[str, Any]) -> list[str]:
        """What a canonical line says besides its name."""
        context = event.get("context")
        if not isinstance(context, dict):
            return []
        return self._headline(context, str(event.get("message"))) + self._fields(context, True)

    def traceback_lines(self, exception: object) -> list[str]:
        return self._traceback(exception).splitlines()

    def _label(self, level: str) -> str:
        text, sgr = _LABELS.get(level.upper(), (safe(level).upper()[:5].ljust(5), CYAN))
        label = paint(text, sgr, self._colour)
        _keep(self._labels, level, label)
        return label

    def _event(self, level: str, message: str) -> str:
        """The event's name, bright, as wide as its column; remembered, because names are few."""
        name = self._names.get((level, message))
        if name is None:
            name = safe(message)
            pad = " " * (_EVENT_WIDTH - len(name))
            name = paint(name, _EVENTS.get(level, BOLD), self._colour) + pad
            if len(message) < _LONG_NAME:
                _keep(self._names, (level, message), name)
        return name

    def _task_event(self, level: str, message: str, context: Mapping[str, Any]) -> str:
        """Inside a task the name is tied to the request by the task's, in the request's colour."""
        name, retries = safe(message), context.get("retries")
        short = safe(str(context["task"])).rpartition(".")[2]
        if isinstance(retries, int) and retries:
            short += f"#{retries + 1}"
        tie = paint(f"↳ {short}", id_colour(correlation(context)), self._colour)
        pad = " " * (_EVENT_WIDTH - len(name) - len(short) - 3)
        return f"{tie} {paint(name, _EVENTS.get(level, BOLD), self._colour)}{pad}"

    def _logger(self, logger: object) -> str:
        name = str(logger)
        shown = self._loggers.get(name)
        if shown is None:
            shown = paint(safe(name), DIM, self._colour)
            _keep(self._loggers, name, shown)
        return shown

    def _headline(self, context: Mapping[str, Any], message: str) -> list[str]:
        """What a canonical line says first: the request line, the status, the duration."""
        parts = []
        method, route = context.get("method"), context.get("route") or context.get("path")
        if method and message.startswith("request."):
            target = safe(str(route or ""))
            parts.append(f"{safe(str(method))} {target if target.startswith('/') else '/' + target}")
        for key in _HEADLINE:
            if key in context and self._is_wanted(key):
                shown = duration_text(context[key]) if key == "duration_ms" else value_text(context[key])
                parts.append(paint(shown, meaning(key, context[key]), self._colour))
        return parts

    def _fields(self, context: Mapping[str, Any], is_canonical: bool) -> list[str]:
        prefixes, short_ids = self._prefixes, self._style.short_ids
        parts, who = [], []
        for key, value in context.items():
            prefix = prefixes.get(key)
            if prefix is None:
                prefix = self._prefix(key)
            if not prefix:
                continue
            kind = type(value)
            if key in _SPECIAL:
                if is_canonical and (key in _HEADLINE or (key == "outcome" and value in _SAID)):
                    continue
                if key in _WHO:
                    who.append(paint(f"{key}={self._id(value)}", DIM, self._colour))
                    continue
                shown = value_text(round(value, 1) if kind is float else value)
                text = paint(shown, meaning(key, value), self._colour)
            elif kind is int:
                text = str(value) if -_HUGE < value < _HUGE else value_text(value)
            elif kind is float and key.endswith("_ms"):
                text = value_text(round(value, 1))
            else:
                text = (
                    self._id(value)
                    if short_ids and kind is str and len(value) == _UUID
                    else value_text(value)
                )
            parts.append(prefix + text)
        return parts + who if who else parts

    def _id(self, value: object) -> str:
        if self._style.short_ids and isinstance(value, str) and is_uuid(value):
            return f"…{short_id(value)}"
        return value_text(value)

    def _prefix(self, key: str) -> str:
        """`key=`, or nothing when the field is not shown."""
        is_shown = key in self._style.only if self._style.only else key not in self._hidden
        prefix = paint(f"{key_text(key)}=", DIM, self._colour) if is_shown else ""
        _keep(self._prefixes, key, prefix)
        return prefix

    def _laid_out(self, head: str, name: str, parts: list[str], logger: str) -> str:
        """One line. On a terminal, fields that do not fit continue below each other, or are cut with -S.

        The logger is said only where it costs no further line.
        """
        width = self._style.width
        if width is None:
            parts = [*parts, logger] if logger else parts
            return f"{head}{name} {'  '.join(parts)}" if parts else head + name.rstrip()
        beside = visible_length(head)
        name = name if beside + visible_length(name) <= width else name.rstrip()
        first, *more = [name] if self._style.single_line else fold(name, max(width - beside, _LEAST))
        lines = [head + first, *(" " * beside + piece for piece in more)]
        start = beside + _EVENT_WIDTH + 1
        if width - start < _NARROWEST:
            start = beside + 2
        used, gap = visible_length(lines[-1]), 1
        for part in parts:
            length = visible_length(part)
            if used + gap + length <= width or self._style.single_line:
                lines[-1] += " " * gap + part
                used += gap + length
            else:
                lines += [" " * start + piece for piece in fold(part, max(width - start, _LEAST))]
                used = visible_length(lines[-1])
            gap = 2
        if logger and used + gap + visible_length(logger) <= width:
            lines[-1] += " " * gap + logger
        lines = [line.rstrip() for line in lines]
        return clip(lines[0], width) if self._style.single_line else "\n".join(lines)

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
        pad = " " * 13
        return "".join(f"{pad}{paint(key.ljust(widest), DIM, self._colour)}  {text}\n" for key, text in rows)

    def _is_wanted(self, key: str) -> bool:
        return key in self._style.only if self._style.only else key not in self._style.without

    def _bar(self, sgr: str) -> str:
        return " " * 13 + paint("┃ ", sgr or DIM, self._colour)

    def _traceback(self, exception: object) -> str:
        bar, width = self._bar(RED), self._style.width
        lines = exception_lines(exception, Look(self._colour, self._style.expand, self._style.root))
        if width is not None:
            room = max(width - visible_length(bar), _LEAST)
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


def _keep(memory: dict[Any, str], key: Any, text: str) -> None:
    if len(memory) >= _KEPT:
        memory.clear()
    memory[key] = text


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
            yield key, " ".join(value_text(item) for item in value.values())
        else:
            yield key, value_text(value, longest=None)
