"""The pytest plugin: fixtures over `logkit.testing`, and what holds for every test.

Loading it costs nothing: `logkit.testing` is imported when a test asks for it, or when the code under test has
configured logkit. docs/reference/pytest.md is its manual.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

import pytest

from logkit.captured import VARIABLE, path_to_write

if TYPE_CHECKING:
    from logkit.testing import AuditCapture, Canaries, Capture, FrozenLog
    from logkit.testing.expectation import Line

MARK = "allow_log_errors"
_MARK_HELP = f"{MARK}(*events): these ERROR events, or all when none is named, do not fail the test"
_INI_HELP = (
    "which tests fail of an unexpected ERROR event: those that use the fixture `logs` (fixture), all of them (all), "
    "or none (off)"
)
_INI_VALUES = ("fixture", "all", "off")
_SHOWN = 50  # events of a failed test
_captured = pytest.StashKey["Capture"]()
_was_called = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    if path_to_write() is not None:  # a test started this pytest; what ours log is nothing that it asked for
        del os.environ[VARIABLE]
    parser.addini("logkit_errors", _INI_HELP, default="fixture")
    group = parser.getgroup("logkit")
    group.addoption("--logkit-update", action="store_true", help="write the golden files of `frozen_log`")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARK_HELP)
    watched = config.getini("logkit_errors")
    if watched not in _INI_VALUES:
        raise pytest.UsageError(f"logkit_errors is {watched!r}; it can be {', '.join(_INI_VALUES)}")
    config.pluginmanager.register(_Watch(watched), "logkit-watch")


@pytest.fixture
def logs(request: pytest.FixtureRequest) -> Iterator[Capture]:
    """What would be written during the test, after redaction, at every level, by all its threads and processes."""
    from logkit.testing import capture

    with capture() as captured:
        request.node.stash[_captured] = captured
        yield captured
        if request.node.stash.get(_was_called, False):
            _judge(request.node)  # of the fixtures that were torn down before this one


@pytest.fixture
def audit_events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditCapture]:
    """What the test states to the audit trail, also what waits for a commit that never comes."""
    from logkit.testing import capture_audit

    with capture_audit(tmp_path_factory.mktemp("audit")) as captured:
        yield captured


@pytest.fixture
def assert_no_secrets() -> Callable[..., AbstractContextManager[Canaries]]:
    """`with assert_no_secrets() as canaries:` plants them, runs the block, and searches every sink for them."""
    from logkit.testing import NoSecrets

    return NoSecrets


@pytest.fixture
def frozen_log(request: pytest.FixtureRequest, logs: Capture) -> FrozenLog:
    """What was logged as text that does not change from run to run, and the golden file that it is held against."""
    from logkit.testing import FrozenLog

    name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    update = request.config.getoption("--logkit-update")
    return FrozenLog(logs, request.path.parent, name, update=update)


class _Watch:
    """What holds for every test of one session, with fixtures of ours or without."""

    def __init__(self, watched: str) -> None:
        self._watched = watched
        self._session = ExitStack()
        self._uses_logs = False
        self._errors: list[Line] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Before anything is started: processes of a session that uses `logs` put their lines where it reads them."""
        self._uses_logs = any("logs" in getattr(item, "fixturenames", ()) for item in session.items)
        if self._uses_logs:
            from logkit.testing import processes

            self._session.enter_context(processes())

    def pytest_unconfigure(self) -> None:
        if "logkit.testing.caplog" in sys.modules:
            from logkit.testing.caplog import feed

            feed.detach(self._note)
        self._session.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """No context leaks from a test, or from a fixture that it had set up, into the next one."""
        room = sys.modules.get("logkit.context")
        before = room.get_context() if room else None
        try:
            return (yield)
        finally:
            room = sys.modules.get("logkit.context")
            if room:
                room.set_context(room.EMPTY if before is None else before)
                room.set_answered(None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        self._errors = []
        self._attach(item)
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """A test that passed fails of errors that it did not know of; one that failed has enough to say."""
        self._attach(item)
        item.stash[_was_called] = True
        try:
            result = yield
        except BaseException:
            _know_all(item)
            raise
        if self._watched != "off":
            _judge(item)
            self._judge_watched(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Errors of the teardown count as well; those of the test itself were told."""
        self._errors = []
        self._attach(item)
        if self._watched == "off":
            _know_all(item)
            item.stash[_was_called] = False
        result = yield
        self._judge_watched(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A failure shows the events of its test as a person reads them: with their fields."""
        report = yield
        if report.failed and report.when == "call" and (captured := item.stash.get(_captured, None)):
            from logkit.console import render

            lines = captured.events[-_SHOWN:]
            if lines:
                text = "".join(render(line, colour=False) for line in lines)
                report.sections.append(("Captured events call", text))
        return report

    def _attach(self, item: pytest.Item) -> None:
        """From the moment the code under test has brought logkit in, whoever it was that did."""
        if "logkit.pipeline" in sys.modules:
            from logkit.testing.caplog import feed

            uses_caplog = "caplog" in getattr(item, "fixturenames", ())
            feed.attach(self._note, everything=self._uses_logs or uses_caplog)

    def _note(self, line: Line) -> None:
        if self._watched == "all" and line["level"] in ("ERROR", "CRITICAL"):
            self._errors.append(line)

    def _judge_watched(self, item: pytest.Item) -> None:
        """Of tests that do not use `logs`, where the project wants all of them judged."""
        allowed = _allowed(item)
        if self._watched == "all" and allowed is not None and _captured not in item.stash:
            errors = [line for line in self._errors if line["message"] not in allowed]
            self._errors = []
            if errors:
                _fail(errors)


def _judge(item: pytest.Item) -> None:
    """Fail of the errors that a test which uses `logs` has neither asked for nor allowed; once for each."""
    captured, allowed = item.stash.get(_captured, None), _allowed(item)
    if captured is not None and allowed is not None and (errors := captured.errors(but=allowed)):
        _know_all(item)
        _fail(errors)


def _know_all(item: pytest.Item) -> None:
    if (captured := item.stash.get(_captured, None)) is not None:
        captured.asked.update(line["message"] for line in captured.errors())


def _allowed(item: pytest.Item) -> frozenset[str] | None:
    """The events that marks allow, of the test, its class and its module; None for all."""
    marks = list(item.iter_markers(MARK))
    if any(not mark.args for mark in marks):
        return None
    return frozenset(str(name) for mark in marks for name in mark.args)


def _fail(errors: list[Line]) -> None:
    from logkit.testing.capture import LOG
    from logkit.testing.failures import unexpected

    pytest.fail(unexpected(LOG, errors), pytrace=False)
