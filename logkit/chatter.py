"""What a framework says of a fact that one of our events states is folded into it, unless `LOG_TASK_CHATTER=show`.

Such lines are dropped and not made quieter, because some hold the arguments of a task or the body of a bad message.
"""

from __future__ import annotations

from collections.abc import Mapping
from logging import Filter, LogRecord, getLogger

from logkit.pipeline import current_settings


def fold(said: Mapping[str, tuple[str, ...]]) -> None:
    """Of each logger, fold the lines whose message begins like one of these. Doing it again changes nothing. (C09)"""
    for name, beginnings in said.items():
        logger = getLogger(name)
        for known in [known for known in logger.filters if isinstance(known, Folding)]:
            logger.removeFilter(known)
        logger.addFilter(Folding(beginnings))


class Folding(Filter):
    """Drops what is said already."""

    def __init__(self, beginnings: tuple[str, ...]) -> None:
        super().__init__()
        self._beginnings = beginnings

    def filter(self, record: LogRecord) -> bool:
        is_said = str(record.msg).startswith(self._beginnings)
        return not is_said or (
            (settings := current_settings()) is not None and settings.task_chatter == "show"
        )
