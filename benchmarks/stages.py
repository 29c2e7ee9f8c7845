"""`python -m benchmarks.stages`: where the time of one line goes on the fast lane, stage by stage.

The stages are timed in turn, many times over, and the fastest slice of each is told: what a stage takes when nothing
else wants the processor. A stage that is timed alone finds its code in the cache, so they add up to less than the line.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
from loguru import logger

from benchmarks.cases import line
from logkit import fastlane, pipeline
from logkit.context import current_context
from logkit.encode import LogkitEncoder, service_block
from logkit.event import Event, EventBuilder
from logkit.record import origin_at, where_now
from logkit.redact import Redactor
from logkit.writers import StdoutWriter

Call = Callable[[], object]
Stage = tuple[str, bool, Call]  # what it is, whether it ends before `Pipeline.deliver`, and the call

_CALLS = 2000  # a slice
_FIELDS: dict[str, Any] = {"circle_id": line.CIRCLE, "message_id": 42, "recipients": 5}
_MESSAGE = "message.sent"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="slices of a stage (default 40)")
    options = parser.parse_args()
    with os.fdopen(os.dup(1), "w") as report:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # where the lines go
        fastest = _measured(options.rounds)
        report.write(f"CPython {platform.python_version()}, fastest of {options.rounds} slices\n\n")
        report.write("| stage | ns |\n|---|---|\n")
        report.writelines(f"| {name} | {spent:,.0f} |\n" for name, spent in fastest.items())
    return 0


def _measured(rounds: int) -> dict[str, float]:
    """Nanoseconds of each stage."""
    log = logging.getLogger("messaging.services")
    line.logkit_fast()
    logger.info("warm")  # Loguru's own path: it asks about a module when that logs first
    log.info("warm")
    found = fastlane.way_past()
    if found is None:
        raise SystemExit(f"the fast lane is closed: {fastlane.status().reason}")
    deliver = found[0]
    stages: list[Stage] = [
        ("**a plain call**", False, lambda: logger.bind(**_FIELDS).info(_MESSAGE)),
        ("up to `Pipeline.deliver`", True, lambda: logger.bind(**_FIELDS).info(_MESSAGE)),
        ("- of which `logger.bind()`", False, lambda: logger.bind(**_FIELDS)),
        *_delivery(deliver),
        ("**a stdlib line**", False, lambda: log.info(_MESSAGE, extra=_FIELDS)),
        ("up to `Pipeline.deliver`, stdlib included", True, lambda: log.info(_MESSAGE, extra=_FIELDS)),
        ("- of which stdlib's own: the record, its place, the way to the handler", False, _stdlib_alone()),
    ]
    times = [float("inf")] * len(stages)
    for _ in range(rounds):
        for number, (_, ends_early, call) in enumerate(stages):
            fastlane.install(_nowhere if ends_early else deliver, pipeline.own_handlers())
            times[number] = min(times[number], _slice(call))
    return dict(zip((name for name, _, _ in stages), times, strict=True))


def _slice(call: Call) -> float:
    call()
    start = time.process_time_ns()
    for _ in range(_CALLS):
        call()
    return (time.process_time_ns() - start) / _CALLS


def _nowhere(*parts: object) -> None:
    """In the place of `Pipeline.deliver`."""


def _delivery(deliver: Callable[..., None]) -> list[Stage]:
    """`Pipeline.deliver`, and its parts with objects of their own."""
    redactor = Redactor()
    build = EventBuilder(redactor).build
    encode = LogkitEncoder(
        service_block("mysite", "dev", None), limit=lambda: sys.maxsize, scrub=redactor.text
    )
    writer = StdoutWriter(1)
    origin, where, context = (
        origin_at("messaging.services", __file__, 3, "send"),
        where_now(),
        current_context(),
    )
    now = time.time_ns()

    def built() -> Event:
        return build(now, "INFO", 20, origin, _MESSAGE, context, _FIELDS, where, None)

    def delivered() -> None:
        deliver(now, "INFO", 20, origin, _MESSAGE, context, _FIELDS, where, None)

    delivered()
    event = built()
    encoded = encode(event)
    return [
        ("`Pipeline.deliver`", False, delivered),
        ("- `EventBuilder.build`", False, built),
        ("- - of which redaction of three fields", False, lambda: redactor.fields(_FIELDS)),
        ("- `LogkitEncoder`", False, lambda: encode(event)),
        ("- - of which `orjson.dumps` of the fields", False, lambda: orjson.dumps(_FIELDS)),
        ("- `StdoutWriter.write`", False, lambda: writer.write(encoded, 20)),
        ("- - of which `os.write`", False, lambda: os.write(1, encoded)),
    ]


class _Silent(logging.Handler):
    """Takes a record and does nothing; without stdlib's lock, as ours."""

    def createLock(self) -> None:  # noqa: N802 - stdlib's name
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        return True


def _stdlib_alone() -> Call:
    """The same call where nobody listens; as far from the root as the other."""
    silent = logging.getLogger("silent.services")
    silent.parent = logging.RootLogger(logging.INFO)
    silent.parent.addHandler(_Silent())
    return lambda: silent.info(_MESSAGE, extra=_FIELDS)


if __name__ == "__main__":
    sys.exit(main())
