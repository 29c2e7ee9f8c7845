"""UUIDv7 ids: ordered by time to a quarter of a microsecond, and within one process strictly increasing.

Format: RFC 9562, section 5.7; `rand_a` continues the clock (method 3 of section 6.2), `rand_b` is random: fourteen bits
for each process, forty-eight for each id.
"""

from __future__ import annotations

import os
import random
import threading
import time

_random = random.Random()  # seeded by the system, here and in every child; never by anybody's random.seed()
_lock = threading.Lock()
_last = 0  # in 1/4096 ms since the Unix epoch: what the first sixty bits say
_process = ""


def uuid7() -> str:
    """A new id in its usual text form, greater than every id this process made before. Thread-safe."""
    global _last
    tick = (time.time_ns() << 12) // 1_000_000
    with _lock:
        if tick <= _last:  # two at once, or a clock that was set back
            tick = _last + 1
        _last = tick
    stamp = f"{tick:015x}"
    return f"{stamp[:8]}-{stamp[8:12]}-7{stamp[12:]}{_process}{_random.getrandbits(48):012x}"


def _begin() -> None:
    """For this process: a child that counted on from its parent's state could make its sibling's ids."""
    global _lock, _last, _process
    _random.seed()
    _lock, _last = threading.Lock(), 0  # the parent's lock may be held by nobody here
    _process = f"-{0x8000 | _random.getrandbits(14):04x}-"


_begin()
os.register_at_fork(after_in_child=_begin)
