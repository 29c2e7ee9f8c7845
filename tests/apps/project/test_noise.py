"""What an operator reads of one request: each fact once, at the level that it deserves."""

from __future__ import annotations

import pytest

from logkit import pipeline
from logkit.audit.trail import AuditTrail, install
from logkit.gate import Levels
from logkit.parsers import LEVELS
from logkit.redact import Redactor
from tests.apps.people import a_person
from tests.apps.project.test_errors import crash_route as crash_route

QUIET = {"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off"}
pytestmark = pytest.mark.django_db(transaction=True)


def told(logs):
    """What stdout would have of it: the capture sees more, because LOG_LEVELS is for stdout."""
    settings = pipeline.current_settings()
    levels = Levels(settings.level, settings.levels)
    return [
        (line["level"], line["message"])
        for line in logs.events
        if LEVELS[line["level"]] >= levels.of(line["logger"])
        and line["logger"] != "logkit.audit.trail.report"
    ]


@pytest.mark.parametrize(
    ("who", "method", "path", "lines"),
    [
        ("member", "get", "", [("INFO", "request.finished")]),
        ("stranger", "get", "", [("INFO", "request.finished")]),
        ("anonymous", "get", "", [("INFO", "request.finished")]),
        ("member", "delete", "", [("WARNING", "access.denied"), ("WARNING", "request.finished")]),
        ("member", "get", "/nothing", [("INFO", "request.finished")]),
    ],
)
def test_a_request_is_one_line_and_a_denial_two(family, logs, who, method, path, lines):
    """Found, not found, not logged in: the canonical line. Denied: also what was wanted and which rule forbids it."""
    getattr(family[who], method)(family.path + path)
    assert told(logs) == lines


def test_a_change_is_one_event_and_the_canonical_line(family, logs):
    """What happened, and what it cost."""
    family.owner.patch(family.path, {"name": "New"})
    assert told(logs) == [("INFO", "circle.renamed"), ("INFO", "request.finished")]


@pytest.mark.allow_log_errors
def test_a_crash_is_one_traceback_and_the_canonical_line(crash_route, logs):
    """Django's line has the traceback; request.finished the status and the type."""
    person = a_person("anna")
    person.http.raise_request_exception = False
    person.get(crash_route)
    levels = [level for level, _ in told(logs)]
    assert levels == ["ERROR", "ERROR"]
    assert [("exception" in line) for line in logs.events if line["level"] == "ERROR"].count(True) == 1


def test_a_refusal_of_django_is_in_the_trail_though_its_line_is_not_written(family, trail, logs):
    """Staff without a permission at an admin page: the level of the log is not that of the trail."""
    helper = a_person("helper", is_staff=True)
    assert helper.get("/admin/keeps/keep/").status_code == 403
    assert trail.only("authz.denied")["reason"] == "forbidden"
    assert told(logs)[-1] == ("WARNING", "request.finished")
    assert "Forbidden" not in repr(told(logs))


@pytest.mark.parametrize("name", ["django", "django.security", "django.security.csrf"])
def test_a05_no_level_of_a_module_silences_the_trail(family, trail, name):
    """LOG_LEVELS=django.security.csrf=CRITICAL keeps the line away, and only the line."""
    pipeline.configure({**QUIET, "LOG_LEVELS": f"{name}=CRITICAL"})
    install(AuditTrail(pipeline.current_settings(), Redactor(), ledgers=lambda stream: trail))
    family.member.http.handler.enforce_csrf_checks = True
    assert family.member.post("/api/circles", {"name": "Us"}).status_code == 403
    assert trail.only("authz.denied")["reason"] == "csrf"
