"""One line within its bounds: one physical line, at most so many bytes. Docker splits what is longer than 16 KiB."""

from __future__ import annotations

from typing import Any

import orjson

_CLIPS = (4096, 1024, 256, 64)  # characters of the longest text, tried in turn
_BREAKS = {b"\xc2\x85": rb"\u0085", b"\xe2\x80\xa8": rb"\u2028", b"\xe2\x80\xa9": rb"\u2029"}


def one_physical_line(line: bytes) -> bytes:
    """Escape the characters that JSON allows and some readers take for the end of a line. (L10)"""
    for character, escape in _BREAKS.items():
        line = line.replace(character, escape)
    return line


def shortened(line: dict[str, Any], max_bytes: int, *, data: str, error: str) -> bytes:
    """`line` within `max_bytes`: long texts are clipped first, then fields of its member `data` go, then the stack of
    its member `error`; it says `truncated`.

    The values are safe already, so a cut never uncovers part of a secret; it is made between characters.
    """
    line = line | {"truncated": True}
    for longest in _CLIPS:
        encoded = _encoded(_clipped(line, longest))
        if len(encoded) <= max_bytes:
            return encoded
    line = _clipped(line, _CLIPS[-1])
    fields, failure = line.pop(data, {}), line.pop(error, None)
    if failure:
        line[error] = {"type": failure.get("type"), "message": failure.get("message")}
    kept: dict[str, Any] = {}
    room = max_bytes - len(_encoded(line | {data: {}}))
    for name, value in fields.items():
        room -= len(_encoded({name: value}))
        if room < 0:
            break
        kept[name] = value
    return _encoded(line | {data: kept})


def _encoded(line: dict[str, Any]) -> bytes:
    return one_physical_line(orjson.dumps(line)) + b"\n"


def _clipped(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + "…"
    if isinstance(value, dict):
        return {name[:longest]: _clipped(item, longest) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clipped(item, longest) for item in value]
    return value
