"""The Celery integration without a worker: publishing, eager tasks, what our receivers leave behind."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from logging import getLogger
from typing import Any

import orjson
import pytest
from celery import Celery, signals
from celery.exceptions import Ignore, Reject
from django.core.management import call_command
from django.core.management.base import BaseCommand

import logkit
import logkit.celery
from logkit import carrier
from logkit.context import EMPTY, bind_context, get_context, new_scope
from logkit.testing import Capture

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

REQUEST = "request-12345678"


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("unit", broker="memory://", set_as_current=False)

    @app.task(name="unit.end", bind=True, throws=(LookupError,), max_retries=1, shared=False)  # type: ignore[untyped-decorator]
    def end(self: Any, how: str) -> None:
        bind_context(circle_id=7)
        if how == "retry" and not self.request.retries:
            raise self.retry(countdown=0)
        if error := ERRORS.get(how):
            raise error

    yield app
    app.close()


ERRORS: dict[str, BaseException] = {
    "bug": ValueError("broken"),
    "expected": KeyError("as agreed"),
    "ignore": Ignore(),
    "reject": Reject("no use"),
    "exit": SystemExit(3),
}


@pytest.fixture
def published() -> Iterator[list[dict[str, Any]]]:
    """The headers of what is published meanwhile, after us."""
    headers_seen: list[dict[str, Any]] = []

    def receive(headers: dict[str, Any], **_: object) -> None:
        headers_seen.append(dict(headers))

    signals.before_task_publish.connect(receive, weak=False)
    yield headers_seen
    signals.before_task_publish.disconnect(receive)


def fields_of(headers: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = orjson.loads(headers[carrier.HEADER].split(":", 2)[2])["fields"]
    return fields


@pytest.mark.parametrize(
    ("how", "event", "level"),
    [
        ("well", "task.succeeded", "INFO"),
        ("bug", "task.failed", "ERROR"),
        ("expected", "task.failed", "INFO"),
        ("ignore", "task.ignored", "INFO"),
        ("reject", "task.rejected", "WARNING"),
    ],
)
def test_c02_an_eager_task_ends_like_any_other_and_restores_the_context(
    app: Celery, logs: Capture, how: str, event: str, level: str
) -> None:
    """One canonical line with the caller's ids; then the very context object of before."""
    with new_scope({"request_id": REQUEST, "user_id": "7"}) as outer:
        app.tasks["unit.end"].apply((how,))
        assert get_context() is outer
    line = logs.only(event, request_id=REQUEST, user_id="7", circle_id=7)
    assert line["level"] == level
    assert ("exception" in line) is (how == "bug")


def test_c02_an_eager_retry_has_a_line_for_each_attempt(app: Celery, logs: Capture) -> None:
    """The second attempt runs inside of the first."""
    with new_scope({"request_id": REQUEST}) as outer:
        app.tasks["unit.end"].apply(("retry",))
        assert get_context() is outer
    ends = [(line["message"], line["context"]["retries"]) for line in logs.events if line["level"] != "DEBUG"]
    assert sorted(ends) == [("task.retried", 0), ("task.succeeded", 1)]


def test_c01_an_eager_task_is_the_child_of_the_task_around_it(app: Celery, logs: Capture) -> None:
    """Its retry too, which runs inside of its own first attempt."""
    with new_scope({"request_id": REQUEST, "task_id": "outer-1", "task": "outer", "root_id": "root-1"}):
        app.tasks["unit.end"].apply(("retry",))
    for line in (logs.only("task.retried"), logs.only("task.succeeded")):
        assert (line["context"]["parent_id"], line["context"]["root_id"]) == ("outer-1", "root-1")


def test_c02_an_exception_that_leaves_an_eager_task_is_told_once(app: Celery, logs: Capture) -> None:
    """With `throw` it goes through Celery's tracer, which reports it in two ways."""
    with new_scope({"request_id": REQUEST}) as outer:
        with pytest.raises(ValueError, match="broken"):
            app.tasks["unit.end"].apply(("bug",), throw=True)
        assert get_context() is outer
    assert logs.only("task.failed")["exception"]["message"] == "broken"


def test_c02_success_inside_of_an_exception_handler_is_success(app: Celery, logs: Capture) -> None:
    """What the caller is handling is not the task's."""
    try:
        raise KeyError("the caller's")
    except KeyError:
        app.tasks["unit.end"].apply(("well",))
    logs.only("task.succeeded")
    logs.none(level="WARNING")


def test_a_task_that_exits_is_told_before_it_is_gone(app: Celery, logs: Capture) -> None:
    """SystemExit passes through Celery; the attempt still has its line."""
    with pytest.raises(SystemExit):
        app.tasks["unit.end"].apply(("exit",))
    assert logs.only("task.failed")["context"]["exception_type"] == "SystemExit"
    assert get_context() is EMPTY


def test_celery_failing_outside_of_the_body_is_a_failure(app: Celery, logs: Capture) -> None:
    """No attempt begins, and still there is a line that names the task."""
    from celery.app.trace import trace_task

    task = app.tasks["unit.end"]
    with pytest.warns(RuntimeWarning, match="outside body"):
        trace_task(task, "id-1234567", (), None, {"id": "id-1234567", "root_id": "root-1234567"}, app=app)
    failed = logs.only("task.failed", task_id="id-1234567", root_id="root-1234567", task="unit.end")
    assert failed["exception"]["type"] == "celery.exceptions.InvalidTaskError"
    assert get_context() is EMPTY


def test_c04_whatever_the_context_holds_publishing_works(
    app: Celery, published: list[dict[str, Any]], logs: Capture
) -> None:
    """Only short texts of the allow-list travel."""
    strange = {
        "request_id": REQUEST,
        "user_id": {7},
        "session": "s" * 999,
        "circle_id": object(),
        "x": ValueError(),
    }
    with new_scope(strange):
        app.tasks["unit.end"].delay("well")
    (headers,) = published
    assert fields_of(headers) == {"request_id": REQUEST}
    assert not [line for line in logs.events if line["logger"] == "celery.utils.dispatch"]


@pytest.mark.parametrize("protocol", [1, 2])
def test_c05_both_protocols_carry_it(app: Celery, published: list[dict[str, Any]], protocol: int) -> None:
    """Celery's first protocol has the task's id in the body."""
    app.conf.task_protocol = protocol
    with new_scope({"request_id": REQUEST}):
        sent = app.send_task("unit.end", args=["well"], headers={"own": 1}, task_id="an id of mine")
    (headers,) = published
    assert headers["own"] == 1
    carried = carrier.unpack(
        headers[carrier.HEADER], task_id=sent.id, key=carrier.derive_key(_development_key())
    )
    assert (dict(carried.fields), carried.is_signed) == ({"request_id": REQUEST}, True)


def _development_key() -> str:
    from logkit.settings import DEVELOPMENT_KEY

    return DEVELOPMENT_KEY.reveal()


def test_c09_importing_again_doubles_nothing(app: Celery, logs: Capture) -> None:
    """Every receiver and filter is there once."""
    rooms = [name for name in sys.modules if name.startswith("logkit.celery")]
    before = [
        len(signal.receivers) for signal in (signals.task_prerun, signals.task_postrun, signals.worker_ready)
    ]
    kept = {name: sys.modules.pop(name) for name in rooms}
    try:
        importlib.import_module("logkit.celery")
    finally:
        sys.modules.update(kept)
        logkit.celery = kept["logkit.celery"]
    after = [
        len(signal.receivers) for signal in (signals.task_prerun, signals.task_postrun, signals.worker_ready)
    ]
    assert after == before
    app.tasks["unit.end"].apply(("well",))
    logs.only("task.succeeded")


def test_c10_nothing_stays_on_the_request(app: Celery) -> None:
    """What an attempt needs is gone with it."""
    task = app.tasks["unit.end"]
    seen: list[dict[str, Any]] = []

    def look(task: Any, **_: object) -> None:
        seen.append(dict(vars(task.request)))

    signals.task_postrun.connect(look, weak=False)
    try:
        task.apply(("well",))
    finally:
        signals.task_postrun.disconnect(look)
    assert [name for name in seen[0] if "logkit" in name] == []


def test_c14_publishing_is_a_line_at_debug(app: Celery, logs: Capture) -> None:
    """It names the task that is sent, in the context of who sends it."""
    with new_scope({"request_id": REQUEST}):
        sent = app.tasks["unit.end"].delay("well")
    line = logs.only("task.published", request_id=REQUEST, task="unit.end", task_id=sent.id, queue="celery")
    assert line["level"] == "DEBUG"


def test_c15_a_task_sent_by_a_command_carries_its_id(
    app: Celery, published: list[dict[str, Any]], logs: Capture
) -> None:
    """The command's id is the task's request id."""

    class Command(BaseCommand):
        requires_system_checks = ()

        def handle(self, *args: object, **options: object) -> None:
            app.tasks["unit.end"].delay("well")

    call_command(Command())
    command = logs.only("command.finished")["context"]
    assert fields_of(published[0])["request_id"] == command["request_id"]


@pytest.mark.parametrize(("chatter", "shown"), [("fold", 0), ("show", 1)])
def test_celerys_own_lines_can_be_had_back(logs: Capture, chatter: str, shown: int) -> None:
    """LOG_TASK_CHATTER=show: they stand beside ours; other lines of the same logger always do."""
    logkit.configure(
        {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "LOG_TASK_CHATTER": chatter, "AUDIT": "off"}
    )
    celerys = getLogger("celery.worker.request")
    celerys.error("Hard time limit (%ss) exceeded for %s[%s]", 1, "unit.end", "id-1")
    celerys.error("Something else")
    assert len(logs.find("Hard time limit (1s) exceeded for unit.end[id-1]")) == shown
    logs.only("Something else")


def test_c03_the_end_of_a_worker_is_no_line_of_its_task(logs: Capture) -> None:
    """Celery says it from a signal handler, which runs inside of the task of a solo pool."""
    with new_scope({"request_id": REQUEST}) as outer:
        signals.worker_shutting_down.send(sender="celery@unit", sig="SIGTERM", how="Warm", exitcode=0)
        assert get_context() is outer
    assert logs.only("worker.stopping")["context"] == {
        "worker": "celery@unit",
        "signal": "SIGTERM",
        "how": "warm",
    }


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        ({"countdown": 1.823674820233121}, 1.824),
        ({"countdown": 0}, 0),
        ({"eta": datetime.now(UTC) + timedelta(hours=1)}, pytest.approx(3600, abs=1800)),
        ({"eta": datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)}, pytest.approx(3600, abs=1800)),
        ({"eta": datetime.now(UTC) - timedelta(hours=1)}, 0),
    ],
)
def test_a_retry_says_in_how_many_seconds(
    app: Celery, logs: Capture, when: dict[str, Any], seconds: float
) -> None:
    """Rounded to milliseconds; a time is turned into what is left until then."""

    @app.task(name="unit.later", bind=True, max_retries=1, shared=False)  # type: ignore[untyped-decorator]
    def later(self: Any) -> None:
        if not self.request.retries:
            raise self.retry(**when)

    app.tasks["unit.later"].apply()
    assert logs.only("task.retried")["context"]["retry_in_s"] == seconds
