"""LOG_OTLP against a collector that listens, refuses, stalls, goes away and comes back."""

import json
import logging
import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

import logkit
from logkit import audit, otlp, pipeline
from logkit.errors import ConfigError
from tests.collector import Collector, collector
from tests.program import run

ON = {"LOG_ENVIRONMENT": "test", "LOG_FORMAT": "json", "AUDIT": "off", "LOG_OTLP": "on"}
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "kX9-planted-secret-41"


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector, named by the environment; requests to it give up after 0.3 s."""
    with collector() as there:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", there.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")
        monkeypatch.setattr(otlp, "EXIT_TIMEOUT", 0.2)
        monkeypatch.setattr(otlp, "LINGER", 0.05)
        yield there
        there.released.set()
        logkit.shutdown()


def flush(seconds: float = 20.0) -> None:
    """Wait until everything is sent or counted."""
    present = pipeline._installed.pipeline
    assert present is not None
    assert all(writer.flush(seconds) for output in present._outputs for writer in output.writers)


def test_a_line_is_a_log_record(there: Collector) -> None:
    """Event name, severity, body, attributes by the conventions, resource, scope and the ids of the span."""
    logkit.configure({**ON, "LOG_SERVICE": "shop", "LOG_RELEASE": "1.2"})
    with logkit.bound_context(trace_id=TRACE, span_id=SPAN, user_id=7, method="POST", route="api/x"):
        before = time.time_ns()
        library = logging.getLogger("shop.views")
        logger.bind(status=201, bytes=12, rows=3, big=2**63, kept={"a": [1]}).warning("message.sent")
        library.error("Something of %s", "a library")
    flush()
    record = there.only("message.sent")
    assert (record["event"], record["severity"], record["severity_text"]) == ("message.sent", 13, "WARNING")
    assert (record["trace_id"], record["span_id"]) == (TRACE, SPAN)
    assert abs(record["time_ns"] - before) < 5_000_000_000
    attributes = record["attributes"]
    assert (
        attributes.items()
        >= {
            "http.request.method": "POST",
            "http.route": "api/x",
            "http.response.status_code": 201,
            "http.response.body.size": 12,
            "user.id": "7",
            "rows": 3,
            "big": str(2**63),
            "kept": {"a": [1]},
            "code.function.name": "test_a_line_is_a_log_record",
        }.items()
    )
    assert not {"trace_id", "span_id", "status", "method"} & attributes.keys()
    resource = record["resource"]
    assert (resource["service.name"], resource["service.version"]) == ("shop", "1.2")
    assert (resource["deployment.environment.name"], resource["process.pid"]) == ("test", os.getpid())
    sentence = there.only("Something of a library")
    assert (sentence["event"], sentence["severity"], sentence["scope"]) == ("", 17, "shop.views")


def test_ids_that_are_none_of_a_trace_stay_fields(there: Collector) -> None:
    """A trace id of somebody's own does not break the record."""
    logkit.configure(ON)
    logger.bind(trace_id="mine", span_id=3).info("job.done")
    flush()
    record = there.only("job.done")
    assert (record["trace_id"], record["attributes"]["trace_id"]) == ("", "mine")


def test_an_exception_is_told_as_the_conventions_say(there: Collector) -> None:
    """Type, message and one stack trace with its cause."""
    logkit.configure(ON)
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError:
        logger.exception("job.failed")
    flush()
    attributes = there.only("job.failed")["attributes"]
    assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "outer")
    stack = attributes["exception.stacktrace"]
    assert stack.index("KeyError") < stack.index("ValueError: outer")


def test_p07_no_secret_reaches_the_collector(there: Collector) -> None:
    """It is given the same safe event as every other sink."""
    logkit.configure(ON)
    with logkit.bound_context(password=SECRET):
        logger.bind(token=SECRET).info("link is https://u:{}@host/", SECRET)
    flush()
    assert there.records
    assert SECRET.encode() not in b"".join(there.bodies)


def test_audit_events_do_not_go_there(there: Collector, tmp_path: Path) -> None:
    """Neither the event nor the record that stands for it."""
    places = {f"AUDIT_{name}": str(tmp_path / name) for name in ("DIR", "SPOOL_DIR", "KEY_DIR")}
    logkit.configure({**ON, **places, "AUDIT": "on"})
    receipt = audit.emit(
        "auth.login.failed",
        outcome="failure",
        reason="bad_password",
        actor=audit.Actor.anonymous(auth_method="password"),
        detail={"identifier_ref": "h1:k1:" + "0" * 32},
    )
    assert receipt.state == "written"
    logger.info("line.after")
    flush()
    assert there.messages() == ["line.after"]


def test_headers_and_compression_come_from_the_standard_variables(
    there: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTEL_EXPORTER_OTLP_HEADERS and _COMPRESSION."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=abc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    logkit.configure(ON)
    logger.info("line.sent")
    flush()
    assert there.messages() == ["line.sent"]
    assert (there.headers[0]["x-api-key"], there.headers[0]["content-encoding"]) == ("abc", "gzip")


def test_a_collector_that_is_down_and_comes_back(there: Collector, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is lost or doubled that the queue can hold; a line says when it failed, and one when it works again."""
    there.stop()
    logkit.configure(ON)
    for number in range(700):
        logger.bind(number=number).info("line.sent")
    wait_for_output(capfd, "logkit.export_failed")
    there.start()
    flush()
    wait_for_output(capfd, "logkit.export_resumed")
    numbers = [record["attributes"]["number"] for record in there.find("line.sent")]
    assert numbers == list(range(700))
    flush()
    assert there.find("logkit.export_failed")


def test_what_does_not_fit_the_queue_is_dropped_and_counted(
    there: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lowest level first; arrived and reported is what was sent, level by level."""
    there.stop()
    monkeypatch.setattr(otlp, "QUEUE_BYTES", 100_000)
    logkit.configure({**ON, "LOG_STDOUT": "off"})
    sent = Counter[str]()
    for number in range(3000):
        level = "ERROR" if number % 100 == 7 else "INFO"
        logger.log(level, "line.sent")
        sent[level] += 1
    there.start()
    flush()
    arrived = Counter(r["severity_text"] for r in there.records if r["body"] != "logkit.dropped")
    dropped = Counter[str]()
    for record in there.find("logkit.dropped"):
        dropped.update(record["attributes"]["lost_by_level"])
    said = Counter(WARNING=1, INFO=1)  # export_failed and export_resumed
    assert arrived + dropped == sent + said
    assert arrived["ERROR"] == sent["ERROR"]
    assert dropped["INFO"] > 1000


def test_a_refused_batch_is_lost_and_counted(there: Collector) -> None:
    """A 400 is not tried again; its lines are in the next report."""
    logkit.configure(ON)
    there.status = 400
    for _ in range(5):
        logger.info("line.sent")
    pipeline.flush()
    assert there.requests <= 4  # the batch, what is said of it, and the reports
    there.status = 200
    logger.info("line.after")
    flush()
    assert there.only("logkit.dropped")["attributes"]["lost"] >= 5
    assert not there.find("line.sent")
    assert there.find("line.after")


def test_a_partial_success_counts_what_was_refused(there: Collector) -> None:
    """The collector says how many it did not want, not which."""
    logkit.configure(ON)
    there.refused = 2
    for _ in range(5):
        logger.info("line.sent")
    flush()
    assert there.only("logkit.dropped")["attributes"]["lost"] == 2


def test_a_collector_that_is_busy_is_asked_again(there: Collector) -> None:
    """503 keeps the batch."""
    logkit.configure(ON)
    there.status = 503
    logger.info("line.sent")
    there.wait_for_requests(2)
    there.status = 200
    flush()
    assert there.only("line.sent")


def test_nobody_waits_for_a_stalled_collector(there: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging takes what it takes with a collector that answers at once."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
    took: dict[str, float] = {}
    for state in ("answers", "stalls"):
        logkit.configure({**ON, "LOG_STDOUT": "off", "LOG_RELEASE": state})
        if state == "stalls":
            there.released.clear()
        times = []
        for number in range(3000):
            begun = time.perf_counter()
            logger.bind(number=number).info("line.sent")
            times.append(time.perf_counter() - begun)
            if state == "stalls" and number == 1000:
                there.wait_for_requests(1)
        took[state] = statistics.median(times)
        assert max(times) < 10  # whoever waited for the stalled collector would wait for a minute
    assert took["stalls"] < 3 * took["answers"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_parent_and_child_send_their_own_lines(there: Collector) -> None:
    """After a fork in the middle of a stalled request, nothing is doubled or lost, and each says who it is."""
    logkit.configure({**ON, "LOG_STDOUT": "off"})
    there.released.clear()
    logger.bind(number=0).info("line.sent")
    there.wait_for_requests(1)
    logger.bind(number=1).info("line.sent")
    if (child := os.fork()) == 0:
        try:
            logger.bind(number=2).info("line.sent")
            flush()
        except BaseException:
            os._exit(1)
        os._exit(0)
    threading.Timer(0.1, there.released.set).start()
    logger.bind(number=3).info("line.sent")
    flush()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    sent = [(r["attributes"]["number"], r["resource"]["process.pid"]) for r in there.find("line.sent")]
    assert set(sent) == {(0, os.getpid()), (1, os.getpid()), (2, child), (3, os.getpid())}
    assert Counter(number for number, _ in sent)[2] == 1


@pytest.mark.packaging  # for its seconds
def test_l17_what_was_accepted_is_sent_at_exit(there: Collector) -> None:
    """A program that logs and ends at once."""
    result = run(
        "for n in range(200): logger.bind(n=n).info('line.sent')",
        environ={"LOG_OTLP": "on", "OTEL_EXPORTER_OTLP_ENDPOINT": there.url},
    )
    assert result.code == 0
    assert [record["attributes"]["n"] for record in there.find("line.sent")] == list(range(200))


@pytest.mark.packaging  # for its seconds
def test_l17_the_exit_does_not_wait_for_ever(there: Collector) -> None:
    """Without a collector the process ends within seconds, as it would, and says on stderr what was not sent."""
    there.stop()
    begun = time.monotonic()
    result = run(
        "for n in range(20): logger.bind(n=n).info('line.sent')",
        environ={"LOG_OTLP": "on", "OTEL_EXPORTER_OTLP_ENDPOINT": there.url},
    )
    assert time.monotonic() - begun < 15
    assert (result.code, len(result.find("line.sent"))) == (0, 20)
    assert b"lines could not be sent to the collector (LOG_OTLP)" in result.stderr


def test_the_exporter_does_not_log_about_itself(there: Collector, capfd: pytest.CaptureFixture[str]) -> None:
    """At DEBUG, its HTTP client says something of every request: no such line is printed or sent on."""
    logkit.configure({**ON, "LOG_LEVEL": "DEBUG"})
    for _ in range(3):
        logger.info("line.sent")
        flush()
    assert {json.loads(line)["message"] for line in capfd.readouterr().out.splitlines()} == {"line.sent"}
    assert there.requests == 3
    assert there.messages() == ["line.sent"] * 3


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http://collector:4318"),
    ],
)
def test_what_cannot_be_sent_to_stops_the_start(
    name: str, value: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault names the variable and what would do."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name) as caught:
        logkit.configure(ON)
    assert part in str(caught.value)


def test_without_opentelemetry_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOG_OTLP=on is refused, not ignored."""
    monkeypatch.setattr(otlp, "_PACKAGES", ("nobodys_package.sdk",))
    with pytest.raises(ConfigError, match=r"logkit\[otlp\]"):
        logkit.configure(ON)


def wait_for_output(capfd: pytest.CaptureFixture[str], event: str) -> None:
    deadline = time.monotonic() + 20
    seen = ""
    while f'"{event}"' not in seen:
        assert time.monotonic() < deadline, f"no {event} in {seen[-500:]}"
        seen += capfd.readouterr().out
        time.sleep(0.02)
