"""The promises: what is compared with what, and the ratio that must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.alternate import Case, Round, Spread, spread


@dataclass(frozen=True, slots=True)
class Promise:
    """`ours` costs at most `most` times what `theirs` does; `aim` is what we want it to be.

    With a `base`, what is compared is what each adds to it.
    """

    what: str
    against: str
    ours: Case
    theirs: Case
    most: float
    aim: float
    base: Case | None = None

    @property
    def cases(self) -> tuple[Case, ...]:
        return (self.ours, self.theirs, *([self.base] if self.base else []))

    def ratio(self, rounds: Sequence[Round]) -> Spread:
        """The ratio of slices of one round: a machine that slows down slows down both."""
        return spread([self._added(one, self.ours) / self._added(one, self.theirs) for one in rounds])

    def _added(self, one: Round, case: Case) -> float:
        return one[case] - (one[self.base] if self.base else 0.0)

    def verdict(self, ratio: float) -> str:
        if ratio > self.most:
            return "MISSED"
        return "aim met" if ratio <= self.aim else "held"


def _line(what: str, against: str, ours: str, theirs: str, most: float, aim: float) -> Promise:
    return Promise(what, against, Case("line", ours), Case("line", theirs), most, aim)


_ORDINARY = "JSON line, Loguru's own path"
_LANE = "JSON line, fast lane"

LINES = [
    _line(_ORDINARY, "Loguru with a no-op sink", "logkit", "loguru_noop", 1.5, 1.35),
    _line(_ORDINARY, "Loguru serialize=True", "logkit", "loguru_serialize", 0.55, 0.5),
    _line(_ORDINARY, "django-structlog as documented", "logkit", "django_structlog", 0.6, 0.5),
    _line(_ORDINARY, "structlog + orjson + call site", "logkit", "structlog_orjson", 1.25, 1.1),
    _line(
        "stdlib line, ordinary path",
        "python-json-logger, orjson",
        "logkit_stdlib",
        "python_json_logger",
        1.45,
        1.3,
    ),
    _line(_LANE, "structlog + orjson + call site", "logkit_fast", "structlog_orjson", 0.55, 0.45),
    _line(_LANE, "Loguru with a no-op sink", "logkit_fast", "loguru_noop", 0.65, 0.5),
    _line(
        "stdlib line, fast lane",
        "python-json-logger, orjson",
        "logkit_stdlib_fast",
        "python_json_logger",
        0.8,
        0.6,
    ),
    _line("rejected debug()", "Loguru's own", "logkit_rejected", "loguru_rejected", 1.05, 1.0),
]

TASKS = [
    Promise(
        "a Celery task: published, run, one line",
        "django-structlog's integration",
        Case("task", "logkit"),
        Case("task", "django_structlog"),
        0.6,
        0.45,
    ),
]

LEDGER = [
    Promise(
        "ledger append, no fsync",
        "concurrent-log-handler, plain line",
        Case("ledger", "append"),
        Case("ledger", "plain_line"),
        0.5,
        0.35,
    ),
    Promise(
        "8 processes append 2,000",  # at least twice the throughput; the aim is 2.5 times
        "concurrent-log-handler, plain line",
        Case("ledger", "append_together", clock="wall"),
        Case("ledger", "plain_line_together", clock="wall"),
        0.5,
        0.4,
    ),
]

EVENTS = [  # by the time of the thread that states the event; seals are made beside it
    Promise(
        "event to receipt, without Loguru",
        "concurrent-log-handler, plain line",
        Case("event", "direct", clock="thread"),
        Case("ledger", "plain_line"),
        0.8,
        0.6,
    ),
    Promise(
        "full emit()",
        "concurrent-log-handler, plain line",
        Case("event", "emit", clock="thread"),
        Case("ledger", "plain_line"),
        1.25,
        0.95,
    ),
]

TABLES: dict[str, list[Promise]] = {"lines": LINES, "tasks": TASKS, "ledger": LEDGER, "events": EVENTS}
