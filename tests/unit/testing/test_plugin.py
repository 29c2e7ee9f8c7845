"""The pytest plugin at work: small suites, run by a pytest inside of this one, or by one of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from loguru import logger

import logkit
from logkit.captured import VARIABLE
from logkit.pipeline import added_sinks
from logkit.testing import QUIET, Capture

Run = Callable[..., pytest.RunResult]
HEAD = """
import asyncio, logging, unittest
import pytest
import logkit
from loguru import logger
from logkit.testing import QUIET
logkit.configure(QUIET)
"""
QUIETLY = ("-p", "no:django", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:timeout")
QUICKLY = (*QUIETLY, "-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:anyio")


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Run:
    """Run the tests of one module in this process."""

    def run(code: str, *words: str, ini: str = "") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\n{ini}\n")
        pytester.makepyfile(HEAD + code)
        return pytester.runpytest_inprocess(*QUIETLY, *words)

    return run


@pytest.fixture
def own_process(pytester: pytest.Pytester) -> Run:
    """Run the tests of one module in a process of its own."""

    def run(code: str, *words: str, ini: str = "") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\n{ini}\n")
        pytester.makepyfile(code)
        return pytester.runpytest_subprocess(*QUICKLY, *words, timeout=100)

    return run


# Errors that a test did not know of

UNEXPECTED = """
def test_it(logs):
    logger.bind(keep_id=3).error("keep.broken")
"""


def test_an_unexpected_error_fails_the_test(suite: Run) -> None:
    """And says which, where, and what to do about it; as a failure of the test, not of its teardown."""
    result = suite(UNEXPECTED)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "1 ERROR event that this test did not expect:",
            "*ERROR    keep.broken *test_an_unexpected_error_fails_the_test.py:*",
            "*keep_id=3",
            '*@pytest.mark.allow_log_errors("keep.broken")',
            "*Captured log call*",
            "ERROR *keep.broken",
            "*Captured events call*",
            "* keep.broken *keep_id=3",
        ]
    )


@pytest.mark.parametrize(
    "body",
    [
        'logger.error("keep.broken"); logs.has("keep.broken")',
        'logger.error("keep.broken"); logs.only("keep.broken", level="ERROR")',
        'logger.critical("keep.broken"); logs.wait_for("keep.broken")',
        'logger.error("keep.broken"); logs.clear()',
        'logger.warning("keep.odd")',
    ],
)
def test_an_error_that_was_asked_for_is_no_surprise(suite: Run, body: str) -> None:
    """The test knows of it; warnings are for the test to judge."""
    suite(f"def test_it(logs):\n    {body}\n").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("mark", "outcome"),
    [
        ("@pytest.mark.allow_log_errors", "passed"),
        ("@pytest.mark.allow_log_errors()", "passed"),
        ('@pytest.mark.allow_log_errors("keep.broken")', "passed"),
        ('@pytest.mark.allow_log_errors("keep.lost")', "failed"),
        ('@pytest.mark.allow_log_errors("keep.lost", "keep.broken")', "passed"),
    ],
)
def test_a_mark_allows_errors(suite: Run, mark: str, outcome: str) -> None:
    """All, or those that it names; it is known to --strict-markers."""
    suite(mark + UNEXPECTED, "--strict-markers").assert_outcomes(**{outcome: 1})


def test_a_mark_on_the_module_or_class_counts(suite: Run) -> None:
    """As every mark does."""
    code = 'pytestmark = pytest.mark.allow_log_errors("keep.broken")\n'
    code += '@pytest.mark.allow_log_errors("keep.lost")\nclass TestIt:\n'
    code += '    def test_it(self, logs):\n        logger.error("keep.broken"); logger.error("keep.lost")\n'
    suite(code).assert_outcomes(passed=1)


def test_a_test_that_fails_or_skips_by_itself_says_only_that(suite: Run) -> None:
    """No second failure, no error of its teardown."""
    code = """
def test_fails(logs):
    logger.error("keep.broken")
    assert 1 == 2
def test_skips(logs):
    logger.error("keep.broken")
    pytest.skip("no")
@pytest.mark.xfail(strict=True)
def test_xfails(logs):
    logger.error("keep.broken")
@pytest.fixture
def broken(logs):
    logger.error("keep.broken")
    raise ValueError
def test_error(broken): pass
"""
    result = suite(code)
    result.assert_outcomes(failed=1, skipped=1, xfailed=1, errors=1)
    result.stdout.no_fnmatch_line("*did not expect*test_fails*")


def test_an_error_of_the_teardown_is_an_error_of_the_teardown(suite: Run) -> None:
    """Of fixtures that end before `logs` does; the test itself has passed."""
    code = """
@pytest.fixture
def late(logs):
    yield
    logger.error("keep.late")
def test_it(late): pass
"""
    result = suite(code)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_it*", "1 ERROR event*", "*keep.late*"])


WITHOUT = """
def test_loguru():
    logger.error("keep.broken")
def test_stdlib():
    logging.getLogger("django.request").error("Internal Server Error")
def test_fine(): pass
@pytest.mark.allow_log_errors("keep.broken")
def test_allowed():
    logger.error("keep.broken")
def test_known(logs):
    logger.error("keep.broken")
    logs.only("keep.broken")
"""


@pytest.mark.parametrize(
    ("ini", "passed", "failed"),
    [
        ("", 5, 0),
        ("logkit_errors = fixture", 5, 0),
        ("logkit_errors = all", 3, 2),
        ("logkit_errors = off", 5, 0),
    ],
)
def test_a_project_says_which_tests_are_judged(suite: Run, ini: str, passed: int, failed: int) -> None:
    """Those that use `logs`, or all, whoever logs the error."""
    suite(WITHOUT, ini=ini).assert_outcomes(passed=passed, failed=failed)


def test_off_is_off(suite: Run) -> None:
    """For a project that has other ideas."""
    suite(UNEXPECTED, ini="logkit_errors = off").assert_outcomes(passed=1)


def test_a_setting_that_cannot_be_is_refused(suite: Run) -> None:
    """At once, with what it can be."""
    result = suite(UNEXPECTED, ini="logkit_errors = always")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*logkit_errors is 'always'; it can be fixture, all, off"])


def test_unittest_is_judged_too(suite: Run) -> None:
    """TestCase and its asynchronous sister, with the fixture and without; their own failures come first."""
    code = """
@pytest.mark.usefixtures("logs")
class WithFixture(unittest.TestCase):
    def test_broken(self): logger.error("keep.broken")
    def test_fails(self):
        logger.error("keep.broken")
        self.fail("by itself")
    def test_fine(self): logger.info("keep.seen")
class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_broken(self):
        await asyncio.sleep(0)
        logger.error("keep.broken")
    async def test_fine(self): logger.info("keep.seen")
class Attribute(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _with(self, logs): self.logs = logs
    def test_fine(self):
        logger.error("keep.broken")
        self.logs.only("keep.broken")
"""
    result = suite(code, ini="logkit_errors = all")
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(["*AssertionError: by itself*"])


def test_asynchronous_tests_are_judged_too(suite: Run) -> None:
    """A plugin runs them on a loop; events of their tasks count."""
    code = """
async def work(): logger.error("keep.broken")
@pytest.mark.anyio
async def test_broken(logs): await asyncio.create_task(work())
@pytest.mark.anyio
async def test_known(logs):
    await asyncio.create_task(work())
    logs.only("keep.broken")
@pytest.fixture
def anyio_backend(): return "asyncio"
"""
    suite(code).assert_outcomes(passed=1, failed=1)


def test_the_end_of_a_session_fixture_is_judged_only_where_all_is(suite: Run) -> None:
    """`logs` is over by then, and its test has passed; a project that judges all hears of it at the last teardown."""
    code = """
@pytest.fixture(scope="session")
def service():
    yield
    logger.error("service.died")
def test_it(service, logs): pass
def test_other(service): pass
"""
    suite(code).assert_outcomes(passed=2)
    result = suite(code, ini="logkit_errors = all")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_other*", "*service.died*"])


# caplog


def test_caplog_has_lines_of_loguru_with_their_true_origin(suite: Run) -> None:
    """Name, file, line, function, level, time and thread; fields as attributes, as those of `extra=` are."""
    code = """
import os, threading, time
def speak():
    logger.bind(circle_id=7, name="n").warning("message.odd")
def test_it(caplog):
    before = time.time()
    speak()
    record, = caplog.records
    assert (record.name, record.funcName, record.lineno) == (__name__, "speak", speak.__code__.co_firstlineno + 1)
    assert record.pathname == __file__ and record.filename == os.path.basename(__file__)
    assert (record.levelname, record.levelno, record.getMessage()) == ("WARNING", 30, "message.odd")
    assert before - 1 < record.created < time.time() + 1
    assert (record.process, record.threadName) == (os.getpid(), threading.current_thread().name)
    assert (record.circle_id, record.name) == (7, __name__)
    assert caplog.record_tuples == [(__name__, 30, "message.odd")]
"""
    suite(code).assert_outcomes(passed=1)


def test_caplog_has_each_record_once(suite: Run) -> None:
    """Standard library records come to pytest by themselves; a line that is made while one is handled is one, too."""
    code = """
class Speaks:
    def __str__(self):
        logger.info("inner.spoke")
        return "x"
def test_it(caplog):
    caplog.set_level("INFO")
    logger.info("one.spoke")
    logging.getLogger("two").info("two %s", "spoke")
    logging.getLogger("three").info("%s", Speaks())
    assert [caplog.messages.count(text) for text in ("one.spoke", "two spoke", "x")] == [1, 1, 1]
    assert "inner.spoke" in caplog.messages
"""
    suite(code).assert_outcomes(passed=1)


def test_caplog_levels_hold_for_loguru(suite: Run) -> None:
    """What `set_level` and `at_level` do for the standard library, for a logger's own level too; then it is undone."""
    code = """
def speak():
    for level in ("trace", "debug", "info", "warning"):
        getattr(logger, level)(f"{level}.spoke")
        if level != "trace": getattr(logging.getLogger("std"), level)(f"{level}.std")
def test_as_configured(caplog):
    speak()
    assert caplog.messages == ["info.spoke", "info.std", "warning.spoke", "warning.std"]
def test_lower(caplog):
    with caplog.at_level("DEBUG"):
        speak()
    assert len(caplog.records) == 6
    caplog.clear()
    speak()
    assert len(caplog.records) == 4
def test_higher(caplog):
    caplog.set_level("WARNING")
    speak()
    assert caplog.messages == ["warning.spoke", "warning.std"]
def test_one_logger(caplog):
    with caplog.at_level("DEBUG", logger=__name__):
        speak()
    assert [m for m in caplog.messages if m.startswith("debug")] == ["debug.spoke"]
def test_filter(caplog):
    with caplog.filtering(lambda record: record.name != __name__):
        speak()
    assert caplog.messages == ["info.std", "warning.std"]
def test_disabled(caplog):
    logging.disable(logging.INFO)
    speak()
    logging.disable(logging.NOTSET)
    assert caplog.messages == ["warning.spoke", "warning.std"]
"""
    suite(code).assert_outcomes(passed=6)


def test_caplog_has_what_is_safe(suite: Run) -> None:
    """Loguru's lines come after redaction, with their exceptions; a CI's log is read by many."""
    code = """
def test_it(caplog):
    try:
        raise ValueError("no entry for someone@example.com")
    except ValueError:
        logger.bind(password="hunter2").exception("login.broken")
    record, = caplog.records
    assert record.password == "[REDACTED]"
    assert "hunter2" not in caplog.text and "someone@" not in caplog.text
    assert "ValueError: no entry for [REDACTED:email]" in caplog.text
"""
    suite(code).assert_outcomes(passed=1)


def test_live_logs_show_lines_of_loguru(suite: Run) -> None:
    """`--log-cli-level` and `--log-file` are pytest's, and see them as well."""
    result = suite(
        'def test_it():\n    logger.info("message.sent")\n', "--log-cli-level=INFO", "--log-file=log.txt"
    )
    result.stdout.fnmatch_lines(["INFO * message.sent"])
    assert "message.sent" in Path("log.txt").read_text()


def test_a_failed_test_shows_its_lines_without_any_fixture(suite: Run) -> None:
    """In pytest's own section."""
    result = suite('def test_it():\n    logger.info("message.sent")\n    assert 0\n')
    result.stdout.fnmatch_lines(["*Captured log call*", "INFO *:test_*.py:* message.sent"])


def test_caplog_and_logs_together(suite: Run) -> None:
    """Neither takes from the other, in whatever order they come."""
    code = """
@pytest.mark.parametrize("order", ["logs caplog", "caplog logs"])
def test_it(order, request):
    fixtures = {name: request.getfixturevalue(name) for name in order.split()}
    logger.info("message.sent"); logging.getLogger("std").info("std.sent")
    fixtures["logs"].only("message.sent"); fixtures["logs"].only("std.sent")
    assert sorted(fixtures["caplog"].messages) == ["message.sent", "std.sent"]
"""
    suite(code).assert_outcomes(passed=2)


# Tests among each other

LEAKS = """
@pytest.fixture(scope="session")
def service(): logkit.bind_context(service_id=1)
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_it(turn, service, logs):
    assert dict(logkit.get_context()) in ({}, {"service_id": 1} if turn == 1 else {})
    logkit.bind_context(turn=turn)
    logkit.configure(QUIET | {"LOG_LEVEL": "ERROR"})
    logger.info("message.sent")
    assert logs.only("message.sent")["context"]["turn"] == turn
    if turn == 2: pytest.skip()
    if turn == 3: assert 0
def test_last():
    from logkit.pipeline import current_settings
    assert dict(logkit.get_context()) == {}
    assert current_settings().level == "INFO"
"""


def test_nothing_leaks_from_a_test_into_the_next(suite: Run) -> None:
    """Neither context nor, of tests that use `logs`, configuration; however the test ended."""
    suite(LEAKS).assert_outcomes(passed=2, skipped=1, failed=1)


MANY = """
import time
{head}
@pytest.mark.parametrize("turn", range(12))
def test_it(turn, logs, caplog):
    logkit.bind_context(turn=turn)
    logger.info("message.sent")
    logs.only("message.sent", turn=turn)
    assert caplog.messages == ["message.sent"]
"""


@pytest.mark.parametrize(
    "words", [("-n", "2"), ("-s",), ("-p", "randomly", "-p", "no:xdist"), ("--capture=sys",)]
)
def test_it_is_at_home_under_other_plugins(own_process: Run, words: tuple[str, ...]) -> None:
    """Several processes, any order, any way of capturing."""
    own_process(MANY.format(head=HEAD), *words).assert_outcomes(passed=12)


NO_DJANGO = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("django", "celery", "httpx"): raise ImportError(name)
sys.meta_path.insert(0, Refuse())
"""


def test_django_is_not_needed(own_process: Run, pytester: pytest.Pytester) -> None:
    """Nor Celery, nor any other library that logkit can be used with: every fixture works where they are not."""
    pytester.makeconftest(NO_DJANGO)
    code = """
import pytest
from loguru import logger
def test_it(logs, audit_events, assert_no_secrets, frozen_log, caplog):
    with pytest.raises(ImportError): import django
    from logkit import audit
    audit.emit("data.deleted", target=audit.Target("keep", 3), detail={"object_count": 1, "mode": "soft"})
    audit_events.only("data.deleted", target={"id": "3"})
    with assert_no_secrets() as canaries:
        logger.bind(password=canaries.password).info("login.failed")
    logs.only("login.failed", password="[REDACTED]")
    assert "login.failed" in frozen_log.text()
"""
    own_process(code).assert_outcomes(passed=1)


def test_a_suite_that_has_nothing_to_do_with_it_pays_nothing(own_process: Run) -> None:
    """Neither Loguru nor the rest of logkit is imported for it."""
    code = """
import os, sys
def test_it():
    assert "loguru" not in sys.modules
    rooms = {name for name in sys.modules if name.startswith("logkit.")}
    assert rooms == {"logkit.pytest_plugin", "logkit.captured"}
    assert "LOGKIT_CAPTURE" not in os.environ
"""
    own_process(code).assert_outcomes(passed=1)


def test_processes_of_a_session_fixture_are_heard(own_process: Run) -> None:
    """A worker that is started once, before the first test, puts its lines where each test reads them."""
    code = (
        HEAD
        + """
import subprocess, sys
CODE = '''
import sys, logkit
logkit.configure({"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "AUDIT": "off"})
for line in sys.stdin: logkit.logger.bind(turn=line.strip()).info("worker.spoke")
'''
@pytest.fixture(scope="session")
def worker():
    worker = subprocess.Popen([sys.executable, "-c", CODE], stdin=subprocess.PIPE, text=True)
    yield worker
    worker.stdin.close()
    worker.wait(20)
@pytest.mark.parametrize("turn", ["one", "two"])
def test_it(turn, worker, logs):
    worker.stdin.write(turn + chr(10)); worker.stdin.flush()
    assert logs.wait_for("worker.spoke", timeout=20)["context"]["turn"] == turn
"""
    )
    own_process(code).assert_outcomes(passed=2)


def test_a_pytest_in_a_pytest_leaves_the_outer_one_alone(
    suite: Run, logs: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    """The outer tests still hear their processes and feed their caplog, and have no sink more than before."""
    before, sinks = os.environ[VARIABLE], len(added_sinks())
    suite(
        'def test_it(logs, caplog):\n    logger.info("inner.spoke")\n    logs.only("inner.spoke")\n'
    ).assert_outcomes(passed=1)
    assert os.environ[VARIABLE] == before
    assert len(added_sinks()) <= sinks
    assert not list(Path().glob("**/logkit-*.jsonl"))
    logger.info("outer.spoke")
    logs.only("outer.spoke")


def test_a_pytest_that_a_test_starts_is_not_heard(own_process: Run, logs: Capture) -> None:
    """What its tests log is nothing that the outer test asked for."""
    code = HEAD + 'def test_it():\n    logger.info("inner.spoke")\n'
    own_process(code).assert_outcomes(passed=1)
    logs.none("inner.spoke")


def test_golden_files_are_written_on_demand_and_compared(suite: Run, pytester: pytest.Pytester) -> None:
    """Without one: how to make it. With one: a difference fails, with a diff; nothing that varies counts."""
    code = """
import uuid
@pytest.mark.parametrize("state", ["a b"])
def test_it(frozen_log, state):
    keep_id, moment = uuid.uuid4(), "2026-01-0{day}T10:00:00Z"
    logger.bind(keep_id=keep_id, at=moment, duration_ms={day}.5, state="{state}").info("keep.moved")
    logger.bind(keep_id=keep_id, other_id={day}, size=3).info("keep.seen")
    logger.debug("keep.looked")
    frozen_log.check()
"""
    first, again = (code.replace("{day}", day).replace("{state}", "kept") for day in "12")
    result = suite(first)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*there is no golden file *golden?test_it-a-b.log; pytest --logkit-update writes it*"]
    )
    suite(first, "--logkit-update").assert_outcomes(passed=1)
    assert (pytester.path / "golden" / "test_it-a-b.log").read_text() == (
        "INFO keep.moved\n"
        "  at: <time 1>\n"
        "  duration_ms: <ms>\n"
        "  keep_id: <keep_id 1>\n"
        '  state: "kept"\n'
        "\n"
        "INFO keep.seen\n"
        "  keep_id: <keep_id 1>\n"
        "  other_id: <other_id 1>\n"
        "  size: 3\n"
    )
    suite(again).assert_outcomes(passed=1)
    result = suite(again.replace("kept", "lost"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*differs from test_it-a-b.log*", '*-  state: "kept"', '*+  state: "lost"'])


def test_nothing_is_left_over(own_process: Run) -> None:
    """The file of the processes goes with the session."""
    code = (
        HEAD
        + """
import subprocess, sys
CODE = "import logkit; logkit.configure(); logkit.logger.info('child.spoke')"
ENVIRON = {"LOG_ENVIRONMENT": "test", "AUDIT": "off", "LOG_STDOUT": "off"}
def test_it(logs, tmp_path):
    import os
    subprocess.run([sys.executable, "-c", CODE], env=os.environ | ENVIRON, check=True)
    logs.wait_for("child.spoke")
    path = os.environ["LOGKIT_CAPTURE"].partition(":")[2]
    assert os.path.exists(path) and os.stat(path).st_mode & 0o777 == 0o600
    print("PATH", path)
"""
    )
    result = own_process(code, "-s")
    result.assert_outcomes(passed=1)
    (line,) = (line for line in result.outlines if "PATH" in line)
    path = Path(line.rpartition(" ")[2].rstrip("."))
    assert list(path.parent.glob(f"*{path.name}*")) == []
    assert sys.executable


def test_the_outer_configuration_survives(suite: Run) -> None:
    """An inner run that takes logging down is put right by the fixture that outlives it."""
    logkit.configure(QUIET)
    suite('def test_it(logs):\n    logkit.shutdown()\n    logger.info("nobody.hears")\n').assert_outcomes(
        passed=1
    )
