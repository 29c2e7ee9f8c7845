"""UUIDv7 ids: ordered by time, and within one process strictly increasing.

Format: RFC 9562, section 5.7; monotonic by method 2 of section 6.2 (the random part counts up within a millisecond).
"""

from __future__ import annotations

import os
import random
import threading
import time

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_noise = random.Random()  # seeded by the system, here and in every child; never by anybody's random.seed()
_lock = threading.Lock()
_last_ms = 0
_last_tail = 0  # 74 bits; drawn with the top bit clear, so that counting up within a millisecond has room


def uuid7() -> str:
    """A new id in its usual text form, greater than every id this process made before. Thread-safe."""
    global _last_ms, _last_tail
    ms = time.time_ns() // 1_000_000
    noise = _noise.getrandbits(73)
    with _lock:
        if ms > _last_ms:
            _last_ms, _last_tail = ms, noise
        else:  # the same millisecond, or a clock that was set back
            _last_tail += 1 + (noise & 0xFFFF_FFFF)
            if _last_tail >> 74:
                _last_ms, _last_tail = _last_ms + 1, noise
        ms, tail = _last_ms, _last_tail
    value = ms << 80 | _VERSION | (tail >> 62) << 64 | _VARIANT | (tail & ((1 << 62) - 1))
    text = value.to_bytes(16).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _forget_in_child() -> None:
    """A child that counted on from its parent's state could make its sibling's ids; its lock may be held by nobody."""
    global _lock, _last_ms, _last_tail
    _noise.seed()
    _lock, _last_ms, _last_tail = threading.Lock(), 0, 0


os.register_at_fork(after_in_child=_forget_in_child)
