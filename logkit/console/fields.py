"""The fields of one event as text: which are shown, in what order, how bright.

Events of one kind have the same keys, so what is to be done with those keys is found out once and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logkit.console.style import Style
from logkit.console.values import (
    LONGEST,
    decimals,
    key_text,
    meaning,
    rounded,
    shortened,
    value_text,
)
from logkit.terminal import DIM, RESET, paint

# Said by the line's other columns, or by the lines around; -x and -I show them.
_QUIET = frozenset(
    {
        *("request_id", "trace_id", "span_id", "session", "client_ip", "method", "route", "path"),
        *("task_id", "task", "root_id", "parent_id", "retries", "queue_ms", "worker"),
        "command",
    }
)
HEADLINE = ("status", "duration_ms")  # a canonical line begins with these
_METRICS = ("db_queries", "db_ms", "bytes")  # at the end of a canonical line, dimmed, where they fit
_WHO = "user_id"  # on every line of a request: shown where the request ends, and where something is wrong
_SAID = frozenset(  # by the event's name or the status
    {
        *("success", "succeeded", "retried", "failed", "failure", "rejected", "lost", "ignored", "revoked"),
        *("interrupted", "unknown"),
    }
)
_USUAL_QUEUE = "celery"
_SPECIAL = frozenset({*HEADLINE, *_METRICS, _WHO, "outcome", "queue"})
_SHORTEST_ID = 24  # characters
_HUGE = 10**18  # a number that is longer goes the careful way
_KEPT = 4096  # entries of a memory: what is in a log may be chosen by anybody
_MOST_KEYS = 40  # of an event whose plan is kept


# What to do with one key: the key, `key=`, whether it is special, and how many digits of a duration somebody reads.
# A plain tuple: one with names takes twice as long to unpack.
_Field = tuple[str, str, bool, int | None]


class Fields:
    """Shows fields in one style."""

    def __init__(self, style: Style) -> None:
        self._only = style.only
        self._without = style.without
        self._colour = style.colour
        self._hidden = (_QUIET | style.without) - style.only
        self._prefixes: dict[str, str] = {}  # by key; empty for a field that is not shown
        self._plans: dict[bool, dict[tuple[str, ...], list[_Field]]] = {False: {}, True: {}}

    def shown(self, context: Mapping[str, Any], *, is_canonical: bool, shows_who: bool) -> list[str]:
        """`key=value` for each field that is not said elsewhere; whose it is comes last."""
        shows_who = shows_who or bool(self._only)
        keys = tuple(context)
        plan = self._plans[shows_who].get(keys)
        if plan is None:
            plan = self._plan(keys, shows_who=shows_who)
        parts, who = [], []
        for key, prefix, is_special, digits in plan:
            value = context[key]
            kind = type(value)
            if is_special:
                if key == _WHO:
                    short = shortened(value) if kind is str else ""
                    who.append(self._dimmed(prefix, short or value_text(value)))
                elif not (is_canonical and _is_said(key, value)) and self._is_worth_saying(key, value):
                    text = value_text(rounded(key, value))
                    parts.append(prefix + paint(text, meaning(key, value), self._colour))
            elif kind is str:
                if len(value) >= _SHORTEST_ID and (short := shortened(value)):
                    parts.append(self._dimmed(prefix, short))
                elif value and " " not in value and len(value) <= LONGEST and value.isprintable():
                    parts.append(prefix + value)
                else:
                    parts.append(prefix + value_text(value))
            elif kind is int and -_HUGE < value < _HUGE:
                parts.append(f"{prefix}{value}")
            elif kind is float and digits is not None:
                parts.append(f"{prefix}{round(value, digits)}")
            else:
                parts.append(prefix + value_text(value))
        return parts + who if who else parts

    def metrics(self, context: Mapping[str, Any]) -> list[str]:
        """What a canonical line measured and nobody needs to notice; no queries are no news."""
        parts = []
        for key in _METRICS:
            value = context.get(key)
            if value and (prefix := self._prefix(key)) and not meaning(key, value):
                parts.append(self._dimmed(prefix, value_text(rounded(key, value))))
        return parts

    def is_wanted(self, key: str) -> bool:
        """Whether a field is shown where all are."""
        return key in self._only if self._only else key not in self._without

    def _plan(self, keys: tuple[str, ...], *, shows_who: bool) -> list[_Field]:
        plan: list[_Field] = [
            (key, prefix, key in _SPECIAL, decimals(key))
            for key in keys
            if (prefix := self._prefix(key)) and (shows_who or key != _WHO)
        ]
        if len(keys) <= _MOST_KEYS:
            plans = self._plans[shows_who]
            if len(plans) >= _KEPT:
                plans.clear()
            plans[keys] = plan
        return plan

    def _prefix(self, key: str) -> str:
        """`key=`, or nothing when the field is not shown."""
        prefix = self._prefixes.get(key)
        if prefix is None:
            is_shown = key in self._only if self._only else key not in self._hidden
            prefix = paint(f"{key_text(key)}=", DIM, self._colour) if is_shown else ""
            if len(self._prefixes) >= _KEPT:
                self._prefixes.clear()
            self._prefixes[key] = prefix
        return prefix

    def _is_worth_saying(self, key: str, value: object) -> bool:
        return key != "queue" or value != _USUAL_QUEUE or bool(self._only)

    def _dimmed(self, prefix: str, text: str) -> str:
        return f"{prefix.removesuffix(RESET)}{text}{RESET}" if self._colour else prefix + text


def _is_said(key: str, value: object) -> bool:
    """Does a canonical line say it already, in its name, at its beginning, or at its end?"""
    if key in _METRICS:
        return not meaning(key, value)
    return key in HEADLINE or (key == "outcome" and type(value) is str and value in _SAID)
