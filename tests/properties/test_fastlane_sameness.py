"""Both lanes write the same bytes: random calls and changes of Loguru's configuration, played on each."""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

import logkit
from logkit import fastlane, pipeline
from logkit.record import stamp

_MESSAGES = [
    "message.sent",
    "a {} b",
    "a {x} b",
    "{",
    "100%",
    "ünïcode",
    "",
    "password=hunter22",
    "<red>x</red>",
]
_VALUES = st.sampled_from(
    [1, None, True, "plain", "ann@example.org", 10**30, float("nan"), b"raw", {"a": [1]}, object]
)
_NAMES = st.sampled_from(["x", "circle_id", "password", "message", "record"])
_FIELDS = st.dictionaries(_NAMES, _VALUES, max_size=3)
_LEVELS = ["trace", "debug", "info", "success", "warning", "error", "critical"]
_OPTIONS = st.sampled_from(
    [{}] * 6
    + [
        {"depth": 0},
        {"depth": 1},
        {"depth": 10_000},
        {"exception": True},
        {"lazy": True},
        {"record": True},
        {"colors": True},
        {"raw": True},
        {"capture": False},
    ]
)
_MODULES = st.sampled_from([__name__, "", "logkit", "tests"])

_CALL = st.tuples(
    st.just("call"),
    st.sampled_from(_LEVELS),
    st.sampled_from(_MESSAGES),
    st.lists(_VALUES, max_size=1),
    _FIELDS,
    _FIELDS,
    _OPTIONS,
)
_STEPS = st.one_of(
    _CALL,
    _CALL,
    _CALL,
    st.tuples(st.just("log"), st.sampled_from(["INFO", "NOTICE", "NOPE", 5, 33, -1, 60, None, []])),
    st.tuples(
        st.just("stdlib"), st.sampled_from([5, 10, 20, 25, 40, 50, 60]), st.sampled_from(_MESSAGES), _FIELDS
    ),
    st.tuples(st.just("stdlib_odd"), st.sampled_from(["args", "exc_info", "stack_info", "stacklevel"])),
    st.tuples(st.just("exception")),
    st.tuples(st.just("catch"), st.booleans()),
    st.tuples(st.just("patched")),
    st.tuples(st.just("not_a_string")),
    st.tuples(st.just("contextualize"), _FIELDS),
    st.tuples(st.just("bound_context"), _FIELDS),
    st.tuples(st.just("extra"), _FIELDS),
    st.tuples(st.just("disable"), _MODULES),
    st.tuples(st.just("enable"), _MODULES),
    st.tuples(st.just("patcher"), st.booleans()),
    st.tuples(st.just("foreign"), st.booleans()),
)


class Player:
    """Plays steps and remembers what came of them, time and place of the process aside."""

    def __init__(self) -> None:
        self.seen: list[Any] = []  # what calls raised, and what a foreign handler got
        self._foreign: int | None = None
        self._stdlib = logging.getLogger(f"{__name__}.stdlib")

    def play(self, steps: list[tuple[Any, ...]]) -> None:
        for name, *arguments in steps:
            try:
                getattr(self, name)(*arguments)
            except Exception as error:  # what a call raises has to be the same, too
                self.seen.append((type(error), str(error)))

    def call(
        self,
        level: str,
        message: str,
        args: list[Any],
        kwargs: dict[str, Any],
        bound: dict[str, Any],
        options: Any,
    ) -> None:
        if options.get("lazy"):
            args, kwargs = [lambda: 1 for _ in args], {name: lambda: 2 for name in kwargs}
        try:
            raise KeyError("card 4111 1111 1111 1111")
        except KeyError:
            getattr(logger.bind(**bound).opt(**options), level)(message, *args, **kwargs)

    def log(self, level: Any) -> None:
        logger.log(level, "message.sent")

    def stdlib(self, level: int, message: str, fields: dict[str, Any]) -> None:
        extra = {name: value for name, value in fields.items() if name != "message"}
        self._stdlib.log(level, message, extra=extra)

    def stdlib_odd(self, kind: str) -> None:
        if kind == "args":
            self._stdlib.info("%s %s", 1)
            self._stdlib.info("%s of %s", 1, 2)
        elif kind == "stacklevel":
            self._stdlib.info("message.sent", stacklevel=2)
        else:
            try:
                raise ValueError("ann@example.org")
            except ValueError:
                self._stdlib.error("message.failed", **{kind: True})

    def exception(self) -> None:
        try:
            raise ValueError("ann@example.org")
        except ValueError:
            logger.bind(x=1).exception("message.failed")

    def catch(self, decorated: bool) -> None:
        def fail() -> None:
            raise ValueError("no")

        if decorated:
            logger.catch(fail)()
        else:
            with logger.catch():
                fail()

    def patched(self) -> None:
        logger.patch(lambda record: record["extra"].update(patched=True)).info("message.sent")

    def not_a_string(self) -> None:
        logger.info(ValueError("ann@example.org"))
        logger.bind(x=1).info(7)

    def contextualize(self, fields: dict[str, Any]) -> None:
        with logger.contextualize(**fields):
            logger.bind(x="bound").info("message.sent")
            self._stdlib.info("message.sent", extra={"x": "stdlib"})

    def bound_context(self, fields: dict[str, Any]) -> None:
        with logkit.bound_context(**fields):
            logger.bind(circle_id="bound").info("message.sent", x="call")

    def extra(self, fields: dict[str, Any]) -> None:
        logger.configure(extra=fields)

    def disable(self, module: str) -> None:
        logger.disable(module)

    def enable(self, module: str) -> None:
        logger.enable(module)

    def patcher(self, theirs: bool) -> None:
        logger.configure(patcher=(lambda record: record["extra"].update(theirs=1)) if theirs else stamp)

    def foreign(self, add: bool) -> None:
        if self._foreign is not None:
            logger.remove(self._foreign)
            self._foreign = None
        if add:
            self._foreign = logger.add(
                self._hear, format="{message}", level="DEBUG", catch=False, diagnose=False
            )

    def _hear(self, message: Any) -> None:
        record = message.record
        fields = {name: repr(value) for name, value in record["extra"].items() if name != "logkit.stamp"}
        place = (record["name"], record["function"], record["line"], record["level"].name)
        self.seen.append((str(message), fields, place))

    def put_back(self) -> None:
        self.foreign(False)
        logger.configure(extra={}, patcher=stamp, activation=[("", True)])


def _played(lane: str, steps: list[tuple[Any, ...]], levels: str) -> tuple[list[dict[str, Any]], list[Any]]:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "log.jsonl"
        environ = {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT": "off", "LOG_FILE": str(file)}
        logkit.configure({**environ, "LOG_FAST_LANE": lane, "LOG_LEVELS": levels})
        player = Player()
        try:
            assert fastlane.status().is_open == (lane == "auto")
            player.play(steps)
        finally:
            player.put_back()
            pipeline.shutdown()
        raw = file.read_bytes() if file.exists() else b""
    lines = [json.loads(line) for line in raw.splitlines()]
    for line in lines:
        del line["timestamp"]
    return lines, player.seen


@pytest.fixture(autouse=True, scope="module")
def notice() -> None:
    """A level that Loguru does not come with."""
    logger.level("NOTICE", no=25)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(_STEPS, min_size=1, max_size=12),
    levels=st.sampled_from(["", f"{__name__}=DEBUG", f"{__name__}=ERROR", "tests=TRACE,logkit=ERROR"]),
)
def test_both_lanes_write_the_same_bytes(steps: list[tuple[Any, ...]], levels: str) -> None:
    """Whatever is called and whatever changes on the way: the same lines, errors and foreign records.

    One thing is left out. What LOG_LEVELS rejects, Loguru has formatted before it asks us; the lane asks first, and
    an argument that a message has no place for goes unnoticed, as it does in every other rejected call.
    """
    ordinary, fast = (_played(lane, steps, levels) for lane in ("off", "auto"))
    if levels.endswith("ERROR"):
        ordinary, fast = (
            (lines, [said for said in seen if said[0] not in (KeyError, IndexError, ValueError)])
            for lines, seen in (ordinary, fast)
        )
    assert fast == ordinary
