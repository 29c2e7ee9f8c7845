"""Texts of the environment to typed values: one small parser per kind of setting.

A parser takes the text and returns the value, or raises `ValueError` saying what is allowed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LEVELS = {"TRACE": 5, "DEBUG": 10, "INFO": 20, "SUCCESS": 25, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
SEVERITIES = ("info", "notice", "warning", "high", "critical")
STREAMS = ("security", "compliance", "access")

_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_SHORT_PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that no `repr`, `str` or traceback shows; `reveal()` gives it."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('…')"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is full: at `size` bytes, at an age of `seconds`, or at whichever comes first."""

    size: int | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in `seconds`."""

    count: int
    seconds: float


def text(value: str) -> str:
    return value


def switch(value: str) -> bool:
    match value.strip().lower():
        case "on" | "true" | "yes" | "1":
            return True
        case "off" | "false" | "no" | "0":
            return False
    raise ValueError("on or off")


def one_of(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.strip().lower() in allowed:
            return value.strip().lower()
        raise ValueError(", ".join(allowed[:-1]) + f" or {allowed[-1]}")

    return parse


def level(value: str) -> str:
    if value.strip().upper() in LEVELS:
        return value.strip().upper()
    raise ValueError(", ".join(LEVELS))


def pairs(parse: Callable[[str], T], example: str) -> Callable[[str], tuple[tuple[str, T], ...]]:
    """`name=value,name=value`, each value read by `parse`; a tuple, so that settings stay hashable."""

    def read(value: str) -> tuple[tuple[str, T], ...]:
        result: dict[str, T] = {}
        for item in words(value):
            name, equals, rest = item.partition("=")
            if not equals or not name.strip():
                raise ValueError(f"name=value pairs such as {example}")
            try:
                result[name.strip()] = parse(rest.strip())
            except ValueError as error:
                raise ValueError(f"for {name.strip()}: {error}; for example {example}") from None
        return tuple(result.items())

    return read


def words(value: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in value.split(",")) if word)


def integer(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if least <= number <= most:
            return number
        raise ValueError(f"a whole number from {least} to {most}")

    return parse


def fraction(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if 0.0 <= number <= 1.0:
        return number
    raise ValueError("a share from 0 to 1, such as 0.1")


def size(value: str) -> int:
    if match := _QUANTITY.fullmatch(value.strip()):
        unit = _SIZES.get(match[2].upper())
        if unit and (number := int(float(match[1]) * unit)) > 0:
            return number
    raise ValueError("a size such as 50 MB (B, KB, MB, GB, KiB, MiB, GiB)")


def period(value: str) -> timedelta:
    if match := _QUANTITY.fullmatch(value.strip()):
        unit = _PERIODS.get(match[2].lower().removesuffix("s")) or _SHORT_PERIODS.get(match[2])
        if unit and (seconds := float(match[1]) * unit) > 0:
            try:
                return timedelta(seconds=seconds)
            except OverflowError:
                pass
    raise ValueError("a period such as 14 days (seconds, minutes, hours, days, weeks)")


def rotation(value: str) -> Rotation:
    found: dict[str, int] = {}
    for part in map(str.strip, re.split(r"\bor\b", value)):
        try:
            kind, amount = "size", size(part)
        except ValueError:
            try:
                kind, amount = "seconds", int(period(part).total_seconds())
            except ValueError:
                kind, amount = "", 0
        if not kind or amount < 1 or kind in found:
            raise ValueError("a size, a period, or both: 50 MB, 1 day, 50 MB or 1 day")
        found[kind] = amount
    return Rotation(**found)


def rate(value: str) -> Rate | None:
    if value.strip().lower() in {"off", ""}:
        return None
    count, slash, unit = value.strip().partition("/")
    if slash and count.isdecimal() and int(count) > 0 and unit in _SHORT_PERIODS:
        return Rate(int(count), float(_SHORT_PERIODS[unit]))
    raise ValueError("off, or a rate such as 100/s, 100/m, 100/h")


def mode(value: str) -> int:
    """An octal file mode; a trail that everybody may read or write is refused."""
    if re.fullmatch(r"0?[0-7]{3}", value.strip()):
        bits = int(value, 8)
        if bits & 0o600 == 0o600 and not bits & 0o027:
            return bits
    raise ValueError(
        "an octal mode such as 0640, readable and writable by its owner, closed to others and to group writes"
    )


def networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(word, strict=False) for word in words(value))
    except ValueError:
        raise ValueError("addresses or networks such as 10.0.0.0/8,fd00::/8,192.0.2.7") from None


def path(value: str) -> Path:
    if "\0" in value:
        raise ValueError("a path")
    return Path(value).expanduser()


def moment(value: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ValueError("an ISO 8601 time with its zone, such as 2026-01-31T12:00:00Z")
    return parsed.astimezone(UTC)


def key(value: str) -> Secret:
    if len(value.strip()) < 32:
        raise ValueError("a secret of at least 32 characters")
    return Secret(value.strip())
