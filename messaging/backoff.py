"""How long to wait before the next attempt: exponential, capped, with jitter. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable


def pause(attempts: int, *, base: float, most: float, fraction: Callable[[], float] = random.random) -> float:
    """Seconds to wait after `attempts` failed attempts (at least 1).

    The step doubles from `base` up to `most`; the pause is a random share of it, half at least, so that many
    deliveries that failed together neither come back together nor at once ("equal jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
    """
    step = min(most, base * 2.0 ** min(attempts - 1, 62))
    return step * (0.5 + fraction() / 2)
