"""Values of an event as JSON, whatever they are: a value that cannot be shown must not cost the event."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

_DEEPEST = 8


def encoded(value: object) -> bytes:
    """`value` as JSON. Total: what JSON cannot hold is shown as text."""
    try:
        return orjson.dumps(value, default=_text, option=orjson.OPT_UTC_Z)
    except (TypeError, ValueError, RecursionError):  # a surrogate, an integer beyond 64 bits, a key, a depth
        return orjson.dumps(_plain(value, _DEEPEST))


def members(fields: Mapping[str, object]) -> bytes:
    """`fields` as members of an object that has others before them: `,"a":1,"b":2`; nothing for none."""
    return b"," + encoded(fields)[1:-1] if fields else b""


def _plain(value: object, depth: int) -> object:
    """`value` as JSON can hold it whatever it was."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else _text(value)
    if isinstance(value, Mapping) and depth:
        return {str(_text(key)): _plain(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [_plain(each, depth - 1) for each in value]
    return _text(value)


def _text(value: object) -> str:
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001  whatever it is, it is not the event
        text = f"[{type(value).__name__}: {type(error).__name__}]"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
