"""The fast lane: which calls pass, which go to Loguru, and what would break without each guard."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from loguru import _logger, logger

import logkit
from logkit import audit, fastlane, pipeline
from logkit.audit.trail import current
from logkit.delivery import Pipeline
from logkit.record import stamp

ENVIRON = {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT": "off", "LOG_LEVEL": "INFO"}


def is_logurus() -> bool:
    """Whether `Logger._log` is Loguru's own."""
    return bool(_logger.Logger._log.__module__ == _logger.__name__)


class Lines(list[Mapping[str, Any]]):
    """What arrived, and how many of Loguru's records came by on the way."""

    records = 0

    @property
    def only(self) -> Mapping[str, Any]:
        (line,) = self
        return line


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """The lane open, and this module known to Loguru."""
    heard = Lines()
    ordinary = Pipeline.take

    def take(self: Pipeline, record: Any) -> bool:
        heard.records += 1
        return ordinary(self, record)

    monkeypatch.setattr(Pipeline, "take", take)
    pipeline.shutdown()
    logkit.configure(ENVIRON)
    logger.info("warm")  # Loguru's own path: it asks whether a module is enabled when that logs first
    logging.getLogger(__name__).info("warm")
    logkit.add_sink(heard.append, level="INFO")
    heard.records = 0
    yield heard
    logger.configure(extra={}, patcher=stamp, activation=[("", True)])
    pipeline.shutdown()


@pytest.mark.parametrize("lane", ["auto", "off"])
def test_the_setting_decides_and_off_is_a_clean_removal(lane: str) -> None:
    """LOG_FAST_LANE=off leaves Loguru's method in its place; auto puts it back on shutdown."""
    pipeline.shutdown()
    logkit.configure({**ENVIRON, "LOG_FAST_LANE": lane})
    assert fastlane.status().is_open == (lane == "auto")
    assert is_logurus() == (lane == "off")
    pipeline.shutdown()
    assert is_logurus()
    assert not fastlane.status().is_open


def test_a_plain_call_makes_no_record_of_loguru(lines: Lines) -> None:
    """From the frame to the sinks, with the same origin, fields and levels."""
    logger.bind(circle_id=7).info("message.sent", rows=3)
    assert lines.records == 0
    assert lines.only["context"] == {"circle_id": 7, "rows": 3}
    assert lines.only["logger"] == __name__
    assert lines.only["source"]["function"] == "test_a_plain_call_makes_no_record_of_loguru"


def test_a_stdlib_record_makes_none_either(lines: Lines) -> None:
    """From the LogRecord to the sinks, `extra` and exception included."""
    try:
        raise ValueError("no")
    except ValueError:
        logging.getLogger(__name__).exception("message.failed", extra={"rows": 3})
    assert lines.records == 0
    assert lines.only["context"] == {"rows": 3}
    assert lines.only["exception"]["type"] == "ValueError"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: logger.patch(lambda record: record.update(message="patched")).info("a"), "patched"),
        (lambda: logger.opt(lazy=True).info("a {}", lambda: 1), "a 1"),
        (lambda: logger.opt(colors=True).info("<red>a</red>"), "a"),
        (lambda: logger.opt(record=True).info("at {record[level]}"), "at INFO"),
        (lambda: logger.opt(depth=100_000).info("a"), "a"),
        (lambda: logger.info(ValueError("a")), "a"),  # not a str: Loguru makes it one
        (lambda: logger.log(37, "a"), "a"),  # a level that Loguru has not met yet
    ],
    ids=["patch", "lazy", "colors", "record", "depth", "message", "level"],
)
def test_what_is_not_plain_is_logurus(lines: Lines, call: Any, message: str) -> None:
    """Each guard has a call that would say something else, or fail, without it."""
    call()
    assert (lines.records, lines.only["message"]) == (1, message)


def test_the_level_of_the_trail_is_no_line(lines: Lines) -> None:
    """The trail's handler hears of what comes at its level, and no other sink does, on either path. (decision 11)"""
    logger.log("AUDIT", "a")
    assert (lines.records, list(lines)) == (0, [])
    logger.opt(exception=ValueError("b")).log("AUDIT", "a")
    assert (lines.records, list(lines)) == (1, [])


def test_an_audit_event_takes_the_lane_too(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Loguru's record while every handler is ours; with it, and with the same event, while one is not."""
    folders = {
        name: str(tmp_path / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
    }
    logkit.configure({**ENVIRON, **folders, "AUDIT": "on", "AUDIT_FSYNC": "never"})
    audit.emit("circle.created")  # Loguru asks whether the trail's module is enabled when that logs first
    lines.records = 0
    assert audit.emit("circle.created").state == "written"
    assert lines.records == 0
    seen: list[str] = []
    foreign = logger.add(lambda message: seen.append(message.record["message"]), level=0)
    assert audit.emit("circle.created").state == "written"
    logger.remove(foreign)
    assert (lines.records, seen) == (1, ["audit"])


@pytest.mark.parametrize(
    "harm", [logger.remove, lambda: logger.disable("logkit")], ids=["removed", "disabled"]
)
def test_a05_the_lane_hides_no_bypass(lines: Lines, tmp_path: Path, harm: Callable[[], None]) -> None:
    """What keeps Loguru from calling the trail's handler keeps the lane from it, so that the bypass is reported."""
    folders = {
        name: str(tmp_path / name.lower()) for name in ("AUDIT_DIR", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR")
    }
    logkit.configure({**ENVIRON, **folders, "AUDIT": "on", "AUDIT_FSYNC": "never"})
    audit.emit("circle.created")
    reported: list[str] = []
    current().report = lambda level, message, fields: reported.append(message)
    harm()
    assert audit.emit("circle.created").state == "written"
    assert reported == ["audit.bypassed"]


def test_a_level_that_is_none_is_refused_in_logurus_words(lines: Lines) -> None:
    """What cannot even be looked up is for Loguru to refuse."""
    with pytest.raises(TypeError, match="Invalid level, it should be an integer or a string"):
        logger.log([], "a")  # type: ignore[call-overload]


def test_what_is_rejected_is_not_formatted(lines: Lines) -> None:
    """A level below all handlers costs the question alone."""

    class Costly:
        def __format__(self, spec: str) -> str:
            raise AssertionError("formatted")

    for sink_id, name in pipeline.added_sinks().items():
        if name == "pytest":  # after a test with `caplog` it takes everything
            logkit.remove_sink(sink_id)
    logger.debug("a {}", Costly())
    assert list(lines) == []


def test_arguments_that_are_not_captured_are_for_the_message_alone(lines: Lines) -> None:
    """`opt(capture=False)`: as in Loguru, they do not become fields."""
    logger.opt(capture=False).info("a {rows}", rows=3)
    assert (lines.records, lines.only["message"], lines.only["context"]) == (0, "a 3", {})


def test_an_exception_is_logurus(lines: Lines) -> None:
    """`opt(exception=True)` means the one being handled, which Loguru looks up."""
    try:
        raise KeyError("k")
    except KeyError:
        logger.exception("message.failed")
    assert lines.records == 1
    assert lines.only["exception"]["type"] == "KeyError"
    assert lines.only["source"]["function"] == "test_an_exception_is_logurus"


def test_a_foreign_handler_gets_every_record_while_it_is_there(lines: Lines) -> None:
    """It closes the lane when it comes and opens it when it goes."""
    theirs: list[Any] = []
    handler = logger.add(theirs.append, format="{message}")
    assert fastlane.status() == fastlane.Status(False, "1 of Loguru's handlers are not ours")
    logger.info("one")
    logging.getLogger(__name__).info("one of stdlib's")
    logger.remove(handler)
    assert fastlane.status().is_open
    logger.info("two")
    logging.getLogger(__name__).info("two")
    assert [str(message) for message in theirs] == ["one\n", "one of stdlib's\n"]
    assert theirs[0].record["function"] == "test_a_foreign_handler_gets_every_record_while_it_is_there"
    assert lines.records == 2
    assert [line["message"] for line in lines] == ["one", "one of stdlib's", "two", "two"]


def test_a_replaced_patcher_is_heard(lines: Lines) -> None:
    """Somebody else's core patcher changes the record before it is ours."""
    logger.configure(patcher=lambda record: record["extra"].update(theirs=1))
    assert fastlane.status() == fastlane.Status(False, "the core patcher is not ours")
    logger.info("message.sent")
    assert (lines.records, lines.only["context"]) == (1, {"theirs": 1})
    logging.getLogger(__name__).info("message.sent")
    assert (lines.records, lines[1]["context"]) == (2, {"theirs": 1})


def test_a_handler_of_ours_that_is_gone_closes_the_lane(lines: Lines) -> None:
    """After `logger.remove()` nothing is written on either path."""
    logger.remove()
    logger.info("message.sent")
    assert list(lines) == []
    assert fastlane.status() == fastlane.Status(False, "a handler of ours is gone")


def test_another_core_is_not_ours(lines: Lines) -> None:
    """A logger that somebody made from Loguru's insides has its own handlers."""
    theirs: list[Any] = []
    other = _logger.Logger(_logger.Core(), None, 0, False, False, False, False, True, [], {})
    other.add(theirs.append, format="{message}")
    other.info("message.sent")
    assert (len(theirs), len(lines)) == (1, 0)


def test_another_core_with_the_same_ids_and_our_patcher_is_not_ours(lines: Lines) -> None:
    """Every logger counts its handlers from 0, so their ids alone say nothing."""
    theirs: list[Any] = []
    other = _logger.Logger(_logger.Core(), None, 0, False, False, False, False, True, [], {})
    ours = pipeline.own_handlers()
    other._core.handlers_count = min(ours)
    while ours - other._core.handlers.keys():
        other.add(theirs.append, format="{message}")
    assert other._core.handlers.keys() == ours
    other.configure(patcher=stamp)
    for _ in range(2):  # the first time a module logs is Loguru's
        other.info("message.sent")
    assert (len(theirs), len(lines)) == (2 * len(ours), 0)


def test_a_closed_lane_is_closed_also_without_any_handler(lines: Lines) -> None:
    """No handlers are nobody's: neither a lane's that is open nor one's that is not."""
    assert fastlane.way_past() is not None
    fastlane.uninstall("it is a test")
    logger.remove()
    assert fastlane.way_past() is None


@pytest.mark.parametrize("name", [__name__, ""])
def test_disable_and_enable_hold(lines: Lines, name: str) -> None:
    """`logger.disable()` is heard at once, and so is `enable()`."""
    logger.disable(name)
    logger.info("one")
    logger.enable(name)
    logger.info("two")
    assert [line["message"] for line in lines] == ["two"]


def test_disabling_the_intercept_holds_for_stdlib_records(lines: Lines) -> None:
    """On Loguru's own path a stdlib record is a call of `logkit.intercept`."""
    logger.disable("logkit")
    logging.getLogger(__name__).info("message.sent")
    assert list(lines) == []


def test_the_newest_binding_wins(lines: Lines) -> None:
    """configure(extra) < contextualize < bind < the call's own fields."""
    logger.configure(extra={"a": 0, "b": 0, "c": 0, "d": 0})
    with logger.contextualize(b=1, c=1, d=1):
        logger.bind(c=2, d=2).info("message.sent", d=3)
        logging.getLogger(__name__).info("message.sent", extra={"c": 2})
    assert [line["context"] for line in lines] == [
        {"a": 0, "b": 1, "c": 2, "d": 3},
        {"a": 0, "b": 1, "c": 2, "d": 1},
    ]
    assert lines.records == 0


def test_a_format_error_is_the_callers(lines: Lines) -> None:
    """As in Loguru: a message with a place that no argument fills raises."""
    with pytest.raises(KeyError):
        logger.info("a {missing}", given=1)
    assert list(lines) == []


def test_what_a_module_rejects_is_not_built(lines: Lines) -> None:
    """A threshold of its own is asked before the message is formatted."""

    class Costly:
        def __format__(self, spec: str) -> str:
            raise AssertionError("formatted")

    pipeline.shutdown()
    logkit.configure({**ENVIRON, "LOG_LEVELS": f"{__name__}=ERROR,elsewhere=DEBUG"})
    with pytest.raises(AssertionError):
        logger.error("a {}", Costly())
    logger.info("a {}", Costly())
    logger.bind(x=1).info("message.sent")
    assert not pipeline.takes("TRACE")


def test_depth_names_the_callers_caller(lines: Lines) -> None:
    """`opt(depth=1)` counts frames from the call, on both paths."""

    def helper(**options: Any) -> None:
        logger.opt(depth=1, **options).info("message.sent")

    helper()
    helper(lazy=True)
    assert lines.records == 1
    assert {line["source"]["function"] for line in lines} == {"test_depth_names_the_callers_caller"}


def test_code_that_comes_in_the_place_of_other_code_has_its_own_origin(lines: Lines) -> None:
    """Freed code leaves its id to the next; a kept place must not be taken for it."""
    for number in range(50):
        names: dict[str, Any] = {"__name__": __name__, "logger": logger}
        exec(compile(f"def f{number}(): logger.info('message.sent')\nf{number}()", "<made>", "exec"), names)
    assert [line["source"]["function"] for line in lines] == [f"f{number}" for number in range(50)]


def test_the_same_code_in_two_modules_has_two_loggers(lines: Lines) -> None:
    """One code object may run with the globals of several modules."""
    code = compile("logger.info('message.sent')", "<made>", "exec")
    for name in ("one", "two") * 2:  # the first time a module logs is Loguru's
        exec(code, {"__name__": name, "logger": logger})
    assert [line["logger"] for line in lines] == ["one", "two"] * 2


def test_a_thread_that_is_renamed_is_called_by_its_new_name(lines: Lines) -> None:
    """Nothing about a thread is kept beyond its name."""

    def work() -> None:
        logger.info("message.sent")
        threading.current_thread().name = "after"
        logger.info("message.sent")

    thread = threading.Thread(target=work, name="before")
    thread.start()
    thread.join()
    assert [line["thread"] for line in lines] == ["before", "after"]


def test_a_child_has_its_own_process_id(tmp_path: Path) -> None:
    """os.fork() between two lines: each names the process that wrote it."""
    file = tmp_path / "log.jsonl"
    logkit.configure({**ENVIRON, "LOG_FILE": str(file)})
    logger.info("warm")
    child = os.fork()
    if child == 0:
        logger.bind(of="child").info("message.sent")
        os._exit(0)
    os.waitpid(child, 0)
    assert f'"process":{{"id":{child},'.encode() in file.read_bytes()


def test_a_value_that_logs_itself_comes_to_an_end(lines: Lines) -> None:
    """A `__str__` that logs is delivered inside the delivery, a few levels deep and no further."""

    class Chatty:
        def __str__(self) -> str:
            logger.bind(value=Chatty()).info("inner")
            return "chatty"

    logger.bind(value=Chatty()).info("outer")
    assert [line["message"] for line in lines][-1] == "outer"
    assert lines.records == 0


def test_an_unknown_version_of_loguru_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Private names are used of the tested version alone."""
    pipeline.shutdown()
    monkeypatch.setattr("loguru.__version__", "0.8.0")
    logkit.configure(ENVIRON)
    assert fastlane.status() == fastlane.Status(False, "Loguru is 0.8.0; the lane knows 0.7.3")
    assert is_logurus()


def test_somebody_elses_log_method_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has taken the place of `Logger._log` before us keeps it."""
    pipeline.shutdown()

    def theirs(*args: Any) -> None: ...

    monkeypatch.setattr(_logger.Logger, "_log", theirs)
    logkit.configure(ENVIRON)
    assert fastlane.status() == fastlane.Status(False, "somebody else has replaced Loguru's Logger._log")
    assert _logger.Logger._log is theirs


def test_whoever_takes_the_place_after_us_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Giving Loguru its method back must not take away what somebody put around ours."""
    pipeline.shutdown()
    monkeypatch.setattr(_logger.Logger, "_log", _logger.Logger._log)  # to be put back in the end
    logkit.configure(ENVIRON)
    ours = _logger.Logger._log

    def theirs(*args: Any) -> None:
        ours(*args)

    _logger.Logger._log = theirs
    pipeline.shutdown()
    assert _logger.Logger._log is theirs
