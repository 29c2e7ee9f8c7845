"""Operational lines about the trail itself, which have to be seen even where Loguru has nobody left to write them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping

import orjson
from loguru import logger

Report = Callable[[str, str, Mapping[str, object]], None]


def report_line(level: str, message: str, fields: Mapping[str, object]) -> None:
    """One line through Loguru; on stderr when no handler was there to take it."""
    seen: list[bool] = []
    with contextlib.suppress(Exception):
        # logkit: ignore[LK101] a literal of our callers, or a name in ALERT_LEVELS
        logger.patch(lambda record: seen.append(True)).bind(**fields).log(level, message)
    if not seen and sys.__stderr__ is not None:
        line = orjson.dumps({"level": level, "message": message, **fields}, default=str) + b"\n"
        with contextlib.suppress(OSError, ValueError):
            os.write(sys.__stderr__.fileno(), line)
