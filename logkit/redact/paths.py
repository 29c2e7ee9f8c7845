"""Paths of requests that resolved to no route: what looks like a capability in them is hidden. (R25)"""

from __future__ import annotations

import re

from logkit.redact.marker import HIDDEN
from logkit.redact.validators import is_id

_LEAST = 16
_HEX = re.compile(r"[0-9a-fA-F]+")
_WORDS = re.compile(r"[A-Za-z]{1,24}(?:[\-_.][A-Za-z]{1,24})*(?:[\-_.]?\d{1,4})?(?:\.[A-Za-z0-9]{1,5}){0,2}")


def hide_path_segments(path: str) -> str:
    """`path` with every long, random-looking segment hidden; words, numbers and UUIDs stay."""
    if len(path) < _LEAST:
        return path
    segments = path.split("/")
    shown = [HIDDEN if _is_capability(segment) else segment for segment in segments]
    return path if shown == segments else "/".join(shown)


def _is_capability(segment: str) -> bool:
    if len(segment) < _LEAST or segment.isdecimal() or is_id(segment) or _WORDS.fullmatch(segment):
        return False
    if _HEX.fullmatch(segment):
        return True
    digits = sum(map(str.isdigit, segment))
    upper, lower = sum(map(str.isupper, segment)), sum(map(str.islower, segment))
    words = [word for word in re.split(r"[\-_.~:%]+", segment) if word]
    slug = all(word.isdecimal() or (word.isalpha() and (word.islower() or word.istitle())) for word in words)
    if slug and max(map(len, words), default=0) <= 20:
        return False
    return bool(digits and (upper or lower)) or (upper > 2 and lower > 2)
