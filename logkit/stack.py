"""Exceptions to plain data: type, message, rendered stack, causes, groups, notes. (P03, L08)

All of it is scrubbed as text and capped; locals are never looked at.

`render_exception` is the only way an exception gets into an event; the exception object itself goes no further.
"""

from __future__ import annotations

import itertools
import linecache
import types
from typing import Any, Protocol

from logkit.errors import raise_if_asynchronous
from logkit.redact.marker import FAILED

JSON = Any
ExcInfo = tuple[type[BaseException] | None, BaseException | None, types.TracebackType | None]

MAX_CHARS = 12_000
_LINKS = 8  # of a chain
_MEMBERS = 8  # of a group
_NOTES = 16
_FRAMES = 50  # of one stack: the first ones and the last ones
_SHORTENED = "… {} characters left out …"


class Scrubber(Protocol):
    """What is asked of the redactor."""

    def text(self, text: str, /) -> str: ...


def render_exception(
    exc: BaseException | ExcInfo, redactor: Scrubber, *, max_chars: int = MAX_CHARS
) -> dict[str, JSON]:
    """`type`, `message`, `stack` of an exception, with `notes`, `group`, and `cause` or `context` where there are any.

    `exc` is an exception or the triple of `sys.exc_info()`. No text is longer than `max_chars` characters.
    Never raises.
    """
    kind, value, trace = _parts(exc)
    try:
        return _Rendering(redactor, max_chars).of(kind, value, trace)
    except Exception as error:  # noqa: BLE001 - an exception's own methods may do anything, also run out of stack
        raise_if_asynchronous(error)
        return {"type": type_name(kind), "message": FAILED, "stack": ""}


def type_name(kind: type | None) -> str:
    """`users.models.User.DoesNotExist`; builtins without their module."""
    if kind is None:
        return "NoneType"
    module, name = getattr(kind, "__module__", None), getattr(kind, "__qualname__", "object")
    return str(name) if module in (None, "builtins", "__main__") else f"{module}.{name}"


def _parts(exc: BaseException | ExcInfo) -> ExcInfo:
    if isinstance(exc, BaseException):
        return type(exc), exc, exc.__traceback__
    kind, value, trace = exc
    return kind or (type(value) if value is not None else None), value, trace


class _Rendering:
    """One exception with all that hangs on it; knows what it has shown, because causes can form a cycle."""

    __slots__ = ("_links", "_max", "_redactor", "_seen")

    def __init__(self, redactor: Scrubber, max_chars: int) -> None:
        self._redactor = redactor
        self._max = max_chars
        self._seen: set[int] = set()
        self._links = 0

    def of(
        self, kind: type | None, value: BaseException | None, trace: types.TracebackType | None
    ) -> dict[str, JSON]:
        message = self._scrub(_message(value))
        name = self._scrub(type_name(kind))
        shown: dict[str, JSON] = {
            "type": name,
            "message": message,
            "stack": self._stack(kind, value, trace, name, message),
        }
        if value is None:
            return shown
        self._seen.add(id(value))
        self._links += 1
        if notes := _notes(value):
            shown["notes"] = [self._scrub(note) for note in notes]
        members = _members(value)
        if members:
            shown["group"] = [
                self.of(type(each), each, each.__traceback__)
                for each in members[:_MEMBERS]
                if self._is_new(each)
            ]
            if len(members) > _MEMBERS:
                shown["group_size"] = len(members)
        if value.__cause__ is not None:
            self._link(shown, "cause", value.__cause__)
        elif value.__context__ is not None and not value.__suppress_context__:
            self._link(shown, "context", value.__context__)
        return shown

    def _link(self, shown: dict[str, JSON], name: str, linked: BaseException) -> None:
        if self._is_new(linked):
            shown[name] = self.of(type(linked), linked, linked.__traceback__)

    def _is_new(self, value: BaseException) -> bool:
        return id(value) not in self._seen and self._links < _LINKS

    def _scrub(self, text: str) -> str:
        # Scrubbed first and cut afterwards: a secret that was cut in two is no longer recognised.
        return self._redactor.text(shortened(self._redactor.text(text[: self._max * 8]), self._max))

    def _stack(
        self,
        kind: type | None,
        value: BaseException | None,
        trace: types.TracebackType | None,
        name: str,
        message: str,
    ) -> str:
        lines = ["Traceback (most recent call last):"] if trace is not None else []
        lines += _frames(trace)
        if isinstance(value, SyntaxError):
            lines.append(f'  File "{value.filename}", line {value.lineno}')
        body = self._redactor.text("\n".join(lines))
        last = f"{name}: {message}" if message else name
        return shortened(f"{body}\n{last}" if body else last, self._max)


def _message(value: BaseException | None) -> str:
    if value is None:
        return ""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - L08: a raising __str__
        raise_if_asynchronous(error)
        return "<message cannot be shown>"


def _notes(value: BaseException) -> list[str]:
    notes = getattr(value, "__notes__", None)
    if not isinstance(notes, list | tuple):
        return []
    return [_plain(note) for note in notes[:_NOTES]]


def _plain(note: object) -> str:
    try:
        return note if type(note) is str else str(note)
    except Exception as error:  # noqa: BLE001 - L08
        raise_if_asynchronous(error)
        return "<note cannot be shown>"


def _members(value: BaseException) -> tuple[BaseException, ...]:
    if not isinstance(value, BaseExceptionGroup):
        return ()
    return tuple(value.exceptions)


def _frames(trace: types.TracebackType | None) -> list[str]:
    """File, line, function and source line of every frame; the middle of a long stack is left out. No locals."""
    frames: list[tuple[str, int, str]] = []
    while trace is not None and len(frames) < 10_000:
        code = trace.tb_frame.f_code
        frames.append((code.co_filename, trace.tb_lineno or code.co_firstlineno, code.co_qualname))
        trace = trace.tb_next
    if len(frames) <= _FRAMES:
        return [_frame(*frame) for frame in frames]
    half = _FRAMES // 2
    left_out = f"  … {len(frames) - 2 * half} frames left out …"
    return [
        *itertools.starmap(_frame, frames[:half]),
        left_out,
        *itertools.starmap(_frame, frames[-half:]),
    ]


def _frame(file: str, line: int, function: str) -> str:
    try:
        source = linecache.getline(file, line).strip()
    except Exception as error:  # noqa: BLE001 - a loader of somebody else
        raise_if_asynchronous(error)
        source = ""
    head = f'  File "{file}", line {line}, in {function}'
    return f"{head}\n    {source}" if source else head


def shortened(text: str, most: int) -> str:
    """`text` in at most `most` characters: its beginning and, more of it, its end."""
    if len(text) <= most:
        return text
    note = _SHORTENED.format(len(text) - most)
    room = max(most - len(note), 0)
    head = room // 3
    return text[:head] + note + text[len(text) - (room - head) :]
