"""Which events are wanted. Cheap tests on the bytes of a line come first, so that most lines are never parsed.

The cheap tests are sound: they refuse a line only when no event in it could match. A value is looked for as it is
written; a line that could write it otherwise, with a `\\u` escape, always passes on to the parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from itertools import filterfalse
from typing import Any

import orjson

from logkit.parsers import LEVELS
from logkit.tail.times import utc_text

Test = Callable[[Mapping[str, Any]], bool]
Refusal = Callable[[bytes], bool]

RANKS = {
    **LEVELS,
    "WARN": 30,
    "ERR": 40,
    "CRIT": 50,
    "FATAL": 50,
    "NOTICE": 25,
    "AUDIT": 60,
}
_LEAST_ID, _LONG_ID = 4, 8  # characters that are enough to mean an id of at least that length
_CONDITION = re.compile(r"(?P<key>[^=!~<>]+)(?P<operator>!=|!~|>=|<=|=|~|>|<)(?P<value>.*)", re.DOTALL)
_LITERAL = re.compile(r"[A-Za-z0-9._:@,+ -]+")  # JSON writes these only as themselves, or as \u
_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Condition:
    """One wish: the full test, and a quick refusal of raw lines where there is one."""

    test: Test
    refuses: Refusal | None = None


@dataclass(slots=True)
class Filter:
    """All conditions must hold. No conditions: everything passes, also lines that are no events."""

    conditions: list[Condition] = field(default_factory=list)
    learns: bool = False  # what it accepts depends on lines it has seen

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def candidates(self, lines: Iterable[bytes]) -> Iterable[bytes]:
        """The lines that may match, one by one: a match may teach a condition what to accept next."""
        for condition in self.conditions:
            if condition.refuses is not None:
                lines = filterfalse(condition.refuses, lines)
        return lines

    def matches(self, event: Mapping[str, Any]) -> bool:
        return all(condition.test(event) for condition in self.conditions)


def lookup(event: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, of the line or of its context; `_MISSING` when there is none."""
    found = _at(event, key)
    if found is _MISSING and isinstance(context := event.get("context"), dict):
        found = _at(context, key)
    return found


def _at(value: Any, key: str) -> Any:
    if not isinstance(value, dict):
        return _MISSING
    if key in value:
        return value[key]
    head, dot, rest = key.partition(".")
    while dot:
        if head in value:
            return _at(value[head], rest)
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return _MISSING


def least_level(name: str) -> Condition:
    """Events of this level and above. Raises ValueError for a word that is no level."""
    names = [known for known in RANKS if known.startswith(name.upper())] if name else []
    if not names or (name.upper() not in RANKS and len({RANKS[known] for known in names}) > 1):
        raise ValueError(f"{name!r} is no level; the levels are {', '.join(LEVELS).lower()}")
    least = RANKS.get(name.upper(), RANKS[names[0]])
    lower = "|".join(known for known, rank in RANKS.items() if rank < least)
    # Lines of our own writers say their level right after the time, so these bytes are the level and no other field.
    refused = (
        re.compile(rb'\{"timestamp":"[^"\\]*","level":"(?:%b)"' % lower.encode()).match if lower else None
    )

    def test(event: Mapping[str, Any]) -> bool:
        return RANKS.get(str(event.get("level", "")).upper(), LEVELS["INFO"]) >= least

    return Condition(test, None if refused is None else lambda line: refused(line) is not None)


def where(text: str) -> Condition:
    """`key=value`, `!=`, `~regex`, `!~regex`, `>`, `>=`, `<`, `<=`. Raises ValueError for anything else."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no condition; write key=value, key!=value, key~regex or key>=number")
    key, operator, value = match["key"].strip(), match["operator"], match["value"]
    if operator in ("~", "!~"):
        try:
            found = re.compile(value).search
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
        test = _on_value(key, lambda item: found(as_text(item)) is not None)
    elif operator in ("=", "!="):
        test = _on_value(key, lambda item: is_value(item, value))
    else:
        test = _on_value(key, _comparison(operator, value))
    if operator.startswith("!"):
        return Condition(lambda event: not test(event))
    return Condition(test, _refusal(key, operator, value))


# Members that other writers have under other names, or with other values; and those that only ECS renames.
_TRANSLATED = frozenset(
    {
        *("timestamp", "level", "message", "logger", "exception", "source", "process", "thread", "service"),
        "context",
    }
)
_RENAMED_BY_ECS = frozenset(
    {
        *("trace_id", "span_id", "request_id", "method", "status", "bytes", "route", "client_ip", "user_id"),
        *("outcome", "duration_ms"),
    }
)


def _refusal(key: str, operator: str, value: str) -> Refusal | None:
    if _TRANSLATED.intersection(key.split(".")):
        return None
    if operator == "=" and not _is_number(value) and value not in ("true", "false", "null") and needle(value):
        return without(value)
    name = needle(key.rpartition(".")[2])
    if not name or not key.endswith(name.decode()):
        return None
    member = name + b'"'
    if key in _RENAMED_BY_ECS:
        return lambda line: member not in line and not _is_escaped(line) and b'"@timestamp"' not in line
    return lambda line: member not in line and not _is_escaped(line)


def _is_escaped(line: bytes) -> bool:
    """May a name or its quotes be written with escapes? Those of a line inside of another's JSON are."""
    return rb"\u" in line or rb"\"" in line


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _on_value(key: str, holds: Callable[[Any], bool]) -> Test:
    def test(event: Mapping[str, Any]) -> bool:
        found = lookup(event, key)
        if found is _MISSING:
            return False
        return any(map(holds, found)) if isinstance(found, list) else holds(found)

    return test


def _comparison(operator: str, text: str) -> Callable[[Any], bool]:
    try:
        bound = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number; {operator} compares numbers") from None
    compare: dict[str, Callable[[float], bool]] = {
        ">": lambda number: number > bound,
        ">=": lambda number: number >= bound,
        "<": lambda number: number < bound,
        "<=": lambda number: number <= bound,
    }
    holds = compare[operator]
    return lambda item: isinstance(item, int | float) and not isinstance(item, bool) and holds(item)


def as_text(value: object) -> str:
    """A value as it is written in JSON, without quotes."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def is_value(item: object, text: str) -> bool:
    """Is `item` what a person wrote as `text`? Numbers are compared as numbers, `…bbee41` with the end of an id."""
    if text.startswith("…") and isinstance(item, str):
        return item.endswith(text[1:])
    if as_text(item) == text:
        return True
    return (
        isinstance(item, int | float)
        and not isinstance(item, bool)
        and _is_number(text)
        and float(text) == item
    )


def _literals(glob: str) -> list[str]:
    """What stands between the wildcards of a glob."""
    return re.split(r"\[[^\]]{0,64}\]|[*?\[]", glob)


def event_named(patterns: Sequence[str]) -> Condition:
    """The message fits one of these globs."""
    fits = re.compile("|".join(translate(pattern) for pattern in patterns)).match

    def test(event: Mapping[str, Any]) -> bool:
        message = event.get("message")
        return isinstance(message, str) and fits(message) is not None

    literals = [max(_literals(pattern), key=len) for pattern in patterns]
    return Condition(test, without(*literals))


def of_user(user: str) -> Condition:
    """Lines of a user, by the whole key or, as for requests, the end of a long one."""
    return Condition(
        _on_value("user_id", lambda item: is_value(item, user) or is_same_id(item, user)), without("user")
    )


def of_task(task: str) -> Condition:
    """A task by its id, or by its name, whole, last part or glob."""
    fits = re.compile(translate(task)).match

    def test(event: Mapping[str, Any]) -> bool:
        name, task_id = lookup(event, "task"), lookup(event, "task_id")
        if isinstance(name, str) and (fits(name) or fits(name.rpartition(".")[2])):
            return True
        return is_same_id(task_id, task)

    return Condition(test, without(max(_literals(task), key=len)))


def slower_than(milliseconds: float) -> Condition:
    def test(event: Mapping[str, Any]) -> bool:
        duration = lookup(event, "duration_ms")
        return isinstance(duration, int | float) and duration >= milliseconds

    return Condition(test, without("duration"))


def is_same_id(value: object, wanted: str) -> bool:
    """Is `value` the id `wanted`, or does it begin or end with it? The console shows the end of an id."""
    if not isinstance(value, str):
        return False
    return value == wanted or (
        len(wanted) >= _LEAST_ID and (value.startswith(wanted) or value.endswith(wanted))
    )


class OfRequest:
    """A request's events, and those of tasks that its events named, though they may not carry its id themselves."""

    def __init__(self, request_id: str) -> None:
        self._wanted = request_id
        self._tasks: set[str] = set()
        self._needles = [needle(request_id)]

    def condition(self) -> Condition:
        return Condition(self.test, self.refuses)

    def refuses(self, line: bytes) -> bool:
        return all(part not in line for part in self._needles) and rb"\u" not in line

    def test(self, event: Mapping[str, Any]) -> bool:
        context = event.get("context")
        if not isinstance(context, dict):
            return False
        ids = [context[name] for name in ("task_id", "root_id") if isinstance(context.get(name), str)]
        if is_same_id(context.get("request_id"), self._wanted):
            for task_id in ids:
                if task_id not in self._tasks:
                    self._tasks.add(task_id)
                    self._needles.append(needle(task_id))
            return True
        return any(task_id in self._tasks for task_id in ids)


def between(since: str | None, until: str | None) -> Condition:
    """Events from `since` up to `until`, both UTC in the schema's own form."""

    def is_outside(moment: str) -> bool:
        return (since is not None and moment < since) or (until is not None and moment > until)

    low, high = (since or "").encode(), (until or "\U0010ffff").encode()

    def refuses(line: bytes) -> bool:
        # Our own writers put the time first, in one form, so that bytes compare as times do.
        return line.startswith(b'{"timestamp":"') and line[40:42] == b'Z"' and not low <= line[14:41] <= high

    def test(event: Mapping[str, Any]) -> bool:
        moment = utc_text(event.get("timestamp"))
        return moment is not None and not is_outside(moment)

    return Condition(test, refuses)


def needle(text: str) -> bytes:
    """The longest part of `text` that JSON writes only as itself or with a `\\u` escape."""
    return max(_LITERAL.findall(text), key=len, default="").encode()


def without(*texts: str) -> Refusal | None:
    """Refuses lines that hold none of `texts`; None when one of them has no part that is safe to look for."""
    needles = [needle(text) for text in texts]
    if not all(needles):
        return None
    if len(needles) == 1:
        only = needles[0]
        return lambda line: only not in line and rb"\u" not in line
    return lambda line: all(part not in line for part in needles) and rb"\u" not in line
