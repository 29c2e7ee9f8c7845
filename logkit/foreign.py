"""Loguru handlers that are not ours: they get raw records, which nothing redacts. (P08)

Loguru tells them in no public way but the text of `repr(logger)`, so its registry is read, and doubted.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from loguru import logger


class ForeignHandler(NamedTuple):
    """One of somebody else's handlers."""

    id: int
    sink: str
    shows_variables: bool  # `diagnose`: the values of local variables are in its tracebacks


def foreign_handlers(own: Collection[int]) -> list[ForeignHandler]:
    """Every handler of Loguru whose id is not in `own`, oldest first; none when Loguru has changed its insides."""
    handlers: dict[int, Any] = getattr(getattr(logger, "_core", None), "handlers", {})
    return [
        ForeignHandler(
            handler_id,
            str(getattr(handler, "_name", "?")),
            bool(getattr(getattr(handler, "_exception_formatter", None), "_diagnose", False)),
        )
        for handler_id, handler in sorted(handlers.items())
        if handler_id not in own
    ]
