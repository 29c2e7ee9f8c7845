"""Waiting for what other threads and processes do, without a sleep that is too short or too long."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], object], *, timeout: float = 10.0, what: str = "the condition"
) -> None:
    """Return as soon as `condition()` is true. Raises `AssertionError` after `timeout` seconds."""
    __tracebackhide__ = True
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s {what} does not hold")
        time.sleep(0.01)
