"""LOG_SCHEMA=ecs: every member is a field that ECS knows, of the type ECS gives it; the rest are labels."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from logkit.context import Context
from logkit.ecs import EcsEncoder
from logkit.event import Event, EventBuilder, Origin, Where
from logkit.redact import Redactor
from tests.program import run

# Types of the fields that we use, from the ECS 8.17 field reference.
FIELDS = {
    "@timestamp": "date",
    "client.ip": "ip",
    "ecs.version": "keyword",
    "error.message": "match_only_text",
    "error.stack_trace": "wildcard",
    "error.type": "keyword",
    "event.action": "keyword",
    "event.duration": "long",
    "event.outcome": "outcome",
    "http.request.id": "keyword",
    "http.request.method": "keyword",
    "http.response.body.bytes": "long",
    "http.response.status_code": "long",
    "log.level": "keyword",
    "log.logger": "keyword",
    "log.origin.file.line": "long",
    "log.origin.file.name": "keyword",
    "log.origin.function": "keyword",
    "message": "match_only_text",
    "process.name": "keyword",
    "process.pid": "long",
    "process.thread.name": "keyword",
    "service.environment": "keyword",
    "service.name": "keyword",
    "service.version": "keyword",
    "span.id": "keyword",
    "trace.id": "keyword",
    "user.id": "keyword",
}
OUTCOMES = {"success", "failure", "unknown"}


def leaves(line: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in line.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{name}.")
        else:
            yield path + name, value


def check(line: dict[str, Any]) -> None:
    for path, value in leaves(line):
        kind = "keyword" if path.startswith("labels.") else FIELDS[path]
        if kind == "long":
            assert type(value) is int, path
        elif kind == "ip":
            ipaddress.ip_address(value)
        elif kind == "outcome":
            assert value in OUTCOMES
        elif kind == "date":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value)
        else:
            assert isinstance(value, str), path
    assert all("." not in name for name in line.get("labels", {}))


def event(fields: dict[str, object], error: BaseException | None = None) -> Event:
    origin, where = (
        Origin("users.services", "/srv/users/services.py", 7, "f"),
        Where(71, "gunicorn", "MainThread"),
    )
    exception = (type(error), error, error.__traceback__) if error else None
    build = EventBuilder(Redactor()).build
    return build(
        1_700_000_000_000_001_000, "INFO", 20, origin, "request.finished", Context(), fields, where, exception
    )


@pytest.fixture
def encode() -> EcsEncoder:
    return EcsEncoder({"name": "mysite", "environment": "test", "release": "r1"}, limit=lambda: 16_384)


def test_a_canonical_line_uses_the_fields_of_ecs(encode: EcsEncoder) -> None:
    """Ids, status, bytes, duration and outcome stand where ECS has them, with its types and units."""
    line = orjson.loads(
        encode(
            event(
                {
                    "request_id": "request-1",
                    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                    "user_id": 7,
                    "client_ip": "2001:db8::1",
                    "method": "POST",
                    "status": 201,
                    "bytes": 512,
                    "duration_ms": 10.5,
                    "outcome": "success",
                    "db_queries": 5,
                    "nested": {"a": [1]},
                }
            )
        )
    )
    check(line)
    assert line["event"] == {"action": "request.finished", "duration": 10_500_000, "outcome": "success"}
    assert line["http"]["response"] == {"status_code": 201, "body": {"bytes": 512}}
    assert line["user"]["id"] == "7"
    assert line["labels"] == {"db_queries": "5", "nested": '{"a":[1]}'}


def test_what_does_not_fit_a_type_becomes_a_label(encode: EcsEncoder) -> None:
    """An address that is none, a status that is text: the index would refuse the whole line."""
    odd = {"client_ip": "unknown", "status": "accepted", "bytes": True, "outcome": "retried", "a.b": None}
    line = orjson.loads(encode(event(odd)))
    check(line)
    assert line["labels"]["client_ip"] == "unknown"
    assert line["labels"]["status"] == "accepted"
    assert line["labels"]["outcome"] == "retried"
    assert line["event"]["outcome"] == "unknown"


def test_an_error_has_its_causes_in_one_stack_trace(encode: EcsEncoder) -> None:
    """type, message and stack_trace; the cause comes first, as Python prints it."""
    try:
        try:
            _ = 1 / 0
        except ZeroDivisionError as cause:
            raise ValueError("outer") from cause
    except ValueError as error:
        line = orjson.loads(encode(event({}, error)))
    check(line)
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["stack_trace"].index("ZeroDivisionError") < line["error"]["stack_trace"].index(
        "outer"
    )


def test_a_long_line_is_shortened(encode: EcsEncoder) -> None:
    """Within LOG_MAX_LINE_BYTES, and it says so."""
    raw = EcsEncoder({"name": "s", "environment": "e"}, limit=lambda: 2000)(
        event({"a": "x" * 9000, "b": "y" * 9000})
    )
    assert len(raw) <= 2000
    assert orjson.loads(raw)["truncated"] is True


def test_a_process_writes_ecs_lines_only() -> None:
    """Through configure(): Loguru, stdlib and an exception."""
    result = run(
        """
        logger.bind(circle_id=1).info("message.sent"); logging.getLogger("lib").warning("said %s", "so")
        try: 1 / 0
        except ZeroDivisionError: logger.exception("it.failed")
        """,
        environ={"LOG_SCHEMA": "ecs", "LOG_RELEASE": "r1"},
    )
    assert len(result.raw_lines) == 3
    for line in result.raw_lines:
        check(line)
        assert next(iter(line)) == "@timestamp"
