"""`Capture`: what is asked of events, what a failure says, and the processes it hears."""

from __future__ import annotations

import enum
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath
from unittest.mock import ANY

import pytest
from loguru import logger

import logkit
from logkit.pipeline import added_sinks, current_settings
from logkit.testing import QUIET, Capture, capture
from tests.program import PROJECT, program_environ

GOLDEN = Path(__file__).parent.parent / "golden" / "testing-failures.txt"
ID = uuid.UUID("3371486f-d73a-4add-9d53-49144f6a06d3")


class State(enum.Enum):
    OPEN = "open"


class Kind(enum.StrEnum):
    PICTURE = "picture"


@pytest.mark.parametrize(
    ("logged", "expected", "agrees"),
    [
        (7, 7, True),
        (7, 8, False),
        (7, "7", False),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (None, None, True),
        (1.5, pytest.approx(1.5001, abs=0.01), True),
        ("x", ANY, True),
        (True, ANY, True),
        (ID, ID, True),
        (ID, str(ID), True),
        (State.OPEN, State.OPEN, True),
        (State.OPEN, "open", True),
        (Kind.PICTURE, Kind.PICTURE, True),
        (Decimal("1.10"), Decimal("1.10"), True),
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC), True),
        (PurePosixPath("a/b"), PurePosixPath("a/b"), True),
        ((1, 2), (1, 2), True),
        ([1, 2], [1], False),
        ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 2}}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([{"id": 1}, {"id": 2, "type": "keep"}], {"type": "keep"}, True),
    ],
)
def test_what_agrees(logs: Capture, logged: object, expected: object, agrees: bool) -> None:
    """A value agrees with what it becomes in a line; a mapping with any that has it as a part; True is no 1."""
    logger.bind(value=logged).info("value.logged")
    assert bool(logs.find("value.logged", value=expected)) is agrees


def test_the_line_itself_can_be_asked(logs: Capture) -> None:
    """Level, logger and exception, where the context has no field of that name."""
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("keep.broken")
    logger.bind(level="high").info("keep.seen")
    logs.only("keep.broken", level="ERROR", logger=__name__, exception={"type": "ValueError"})
    logs.only("keep.seen", level="high")


def test_an_event_without_the_field_does_not_agree_with_none(logs: Capture) -> None:
    """A field that is missing is not the same as one that is None."""
    logger.info("keep.seen")
    assert logs.find("keep.seen", value=None) == []
    assert logs.find("keep.seen", value=ANY) == []


def failure(ask: Callable[[], object]) -> str:
    with pytest.raises(AssertionError) as raised:
        ask()
    return str(raised.value)


@pytest.mark.allow_log_errors("keep.broken")
def test_failures_show_the_nearest_events(logs: Capture) -> None:
    """What a developer reads when an expectation fails: golden."""
    texts = {"nothing was logged": failure(lambda: logs.has("message.sent"))}
    sent = logger.patch(lambda record: record.update(line=64))
    sent.bind(circle_id="7", recipients=5, email="someone@example.com", channel="push").info("message.sent")
    sent.bind(circle_id="8", recipients=4).info("message.sent")
    sent.bind(reason="x" * 80, attempt=1, queue="default", worker="one", pool="threads", host="a").warning(
        "message.failed"
    )
    sent.debug("keep.seen")
    try:
        raise OSError("no space left")
    except OSError:
        sent.opt(exception=True).bind(keep_id=3).error("keep.broken")
    texts |= {
        "a field differs, one is missing, one is redacted": failure(
            lambda: logs.has(
                "message.sent", circle_id=8, recipients=5, sender=ID, email="someone@example.com"
            )
        ),
        "a slip in the name": failure(lambda: logs.has("message.snet", recipients=5)),
        "several where one was expected": failure(lambda: logs.only("message.sent", circle_id="8")),
        "one that should not be": failure(lambda: logs.none(level="error")),
        "some that should not be": failure(lambda: logs.none("message.sent", recipients=4)),
        "it never came": failure(lambda: logs.wait_for("message.read", timeout=0.01)),
    }
    text = "".join(f"== {title}\n{each}\n\n" for title, each in texts.items())
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("LOGKIT_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_none_knows_its_levels(logs: Capture) -> None:
    """Any case; a level that there is not is a fault of the test, not a test that passes."""
    logger.warning("keep.odd")
    logs.none(level="Error")
    with pytest.raises(ValueError, match="there is no level 'errors'; the levels are TRACE, DEBUG"):
        logs.none(level="errors")


def test_wait_for_returns_as_soon_as_a_thread_has_spoken(logs: Capture) -> None:
    """It waits for the event, not for the time."""
    may_speak = threading.Event()

    def speak() -> None:
        may_speak.wait(10)
        logger.bind(turn=2).info("thread.spoke")

    logger.bind(turn=1).info("thread.spoke")
    thread = threading.Thread(target=speak)
    thread.start()
    may_speak.set()
    assert logs.wait_for("thread.spoke", turn=2, timeout=10)["context"] == {"turn": 2}
    thread.join()


SPEAK = "import logkit\nlogkit.configure()\nlogkit.logger.bind(turn=1).info('child.spoke')\n"


def start(code: str, **environ: str) -> subprocess.Popen[bytes]:
    inherited = {"LOGKIT_CAPTURE": os.environ["LOGKIT_CAPTURE"]}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=program_environ({"LOG_STDOUT": "off", **inherited, **environ}),
    )


def test_a_process_that_the_test_starts_is_heard(logs: Capture) -> None:
    """By its own configuration: what it would write, no more, and in any schema."""
    silent = "logkit.logger.debug('child.whispered')\n"
    child = start(SPEAK + silent, LOG_SCHEMA="ecs")
    line = logs.wait_for("child.spoke", turn=1, timeout=20)
    assert child.wait(20) == 0
    assert line["process"]["id"] == child.pid
    logs.none("child.whispered")


def test_a_process_in_production_is_not_heard(logs: Capture) -> None:
    """The variable means nothing there, whoever set it; its LOG_FILE can be followed."""
    key = "k" * 40
    child = start(SPEAK, LOG_ENVIRONMENT="production", LOG_PSEUDONYM_KEY=key, AUDIT="on", AUDIT_DIR="/nowhere",
                  AUDIT_SPOOL_DIR="/nowhere", AUDIT_KEY_DIR="/nowhere")  # fmt: skip
    assert child.wait(20) == 0
    logs.none("child.spoke")


def test_a_file_of_another_process_can_be_followed(logs: Capture, tmp_path: Path) -> None:
    """From where it ends now; what is no line of ours, and a line that is not whole yet, is passed over."""
    path = tmp_path / "worker.jsonl"
    path.write_text('{"timestamp": "2026-01-01T00:00:00.000000Z", "message": "before"}\n')
    logs.follow(path)
    logger.info("here.first")
    line = {**logs.only("here.first"), "message": "there.spoke", "timestamp": "2026-01-01T00:00:00.000000Z"}
    whole = json.dumps(line)
    with path.open("a") as file:
        file.write(f"Traceback (most recent call last):\n[]\n{whole}\n{whole[:40]}")
    assert [each["message"] for each in logs.events] == ["there.spoke", "here.first"]
    with path.open("a") as file:
        file.write(f"{whole[40:]}\n")
    assert len(logs.find("there.spoke")) == 2
    logs.clear()
    assert logs.events == []


def test_a_forked_child_is_heard(logs: Capture) -> None:
    """A pool process has the sink and a copy of the list; what it logs arrives all the same, once."""
    logger.info("parent.spoke")
    pid = os.fork()
    if pid == 0:
        try:
            logger.bind(turn=2).info("child.spoke")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert logs.only("child.spoke", turn=2)["process"]["id"] == pid
    logs.only("parent.spoke")


@pytest.mark.parametrize("configured", [True, False])
def test_afterwards_logging_is_as_it_was(configured: bool) -> None:
    """Whatever the block did with it: nothing, another configuration, or none at all."""
    logkit.shutdown()
    if configured:
        logkit.configure(QUIET | {"LOG_LEVEL": "WARNING"})
    before, sinks = current_settings(), added_sinks()
    for change in (lambda: None, lambda: logkit.configure(QUIET | {"LOG_LEVEL": "ERROR"}), logkit.shutdown):
        with capture() as captured:
            change()
            logger.info("keep.seen")
        assert current_settings() == before
        assert added_sinks() == sinks or change is logkit.shutdown
    assert captured.events == []


def test_a_capture_in_a_capture(logs: Capture) -> None:
    """Both hear; the inner one leaves the outer one in place."""
    with capture() as inner:
        logger.info("keep.seen")
    logger.info("keep.gone")
    assert [line["message"] for line in inner.events] == ["keep.seen"]
    assert [line["message"] for line in logs.events] == ["keep.seen", "keep.gone"]


def test_it_shows_itself_by_its_events(logs: Capture) -> None:
    """What `assert logs == ...` prints of it; and it is never false."""
    assert repr(logs) == "<Capture: none>"
    assert logs
    logger.info("keep.seen")
    assert repr(logs) == "<Capture: keep.seen>"
    assert len(logs) == 1
