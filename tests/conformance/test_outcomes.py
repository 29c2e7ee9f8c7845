"""How a request went: the canonical line, failures and refusals, and what it cost. R09, R14, R15, R22, R26."""

from __future__ import annotations

import pytest

from tests.conformance.servers import Server

_OUTCOMES = {400: "rejected", 403: "rejected", 404: "rejected", 500: "failure"}
_LEVELS = {403: "WARNING", 500: "ERROR"}


# -- R09 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "status"),
    [
        ("ok", 200),
        ("empty", 204),
        ("redirect", 302),
        ("not_modified", 304),
        ("suspicious", 400),
        ("denied", 403),
        ("missing", 404),
        ("crash", 500),
        ("stream", 200),
        ("file", 200),
    ],
)
def test_r09_every_answer_has_the_id_and_one_canonical_line(server: Server, view: str, status: int) -> None:
    """From 200 to 500, redirected, unchanged, streamed."""
    answer = server.get(f"/sync/{view}")
    assert answer.status == status
    line = server.finished(answer.id)
    assert line["context"]["status"] == status
    assert line["context"]["method"] == "GET"
    assert line["context"]["duration_ms"] >= 0
    assert line["context"]["bytes"] == len(answer.body)
    assert line["context"]["outcome"] == _OUTCOMES.get(status, "success")
    assert line["level"] == _LEVELS.get(status, "INFO")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("view", ["ok", "stream", "file"])
def test_r09_whatever_the_method(server: Server, method: str, view: str) -> None:
    """A HEAD has no body to count, and none to abandon."""
    answer = server.call(method, f"/sync/{view}", [("Cookie", "csrftoken=none")])
    line = server.finished(answer.id)
    assert (line["context"]["method"], line["context"]["status"]) == (method, answer.status)
    assert line["context"]["bytes"] == len(answer.body)
    assert line["context"]["outcome"] == ("rejected" if method == "DELETE" else "success")  # CSRF


def test_add_fields_are_on_the_canonical_line(server: Server) -> None:
    """And on no other line."""
    answer = server.get(server.view("add_fields"))
    assert server.finished(answer.id)["context"]["rows"] == 12


# -- R14, R15 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/sync/crash", "ValueError"),
        ("/sync/log_and_crash", "ValueError"),
        ("/async/crash", "ValueError"),
        ("/share/crash", "ValueError"),
        ("/sync/no_database", "OperationalError"),
        ("/api/crash", "KeyError"),
        ("/api/acrash", "KeyError"),
        ("/api/logged", "KeyError"),
        ("/drf/crash", "KeyError"),
    ],
)
def test_r14_a_failure_has_exactly_one_traceback(server: Server, path: str, error: str) -> None:
    """Whoever shows it: Django, the view, or the canonical line when a framework swallowed the error."""
    answer = server.get(path)
    assert answer.status == 500
    line = server.finished(answer.id)
    assert line["level"] == "ERROR"
    assert line["context"]["exception_type"] == error
    server.wait(
        lambda line: line["logger"] == "django.request" and line["context"].get("request_id") == answer.id
    )
    (traced,) = [line for line in server.of(answer.id) if "exception" in line]
    assert traced["exception"]["type"].endswith(error)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sync/denied", 403),
        ("/async/denied", 403),
        ("/sync/missing", 404),
        ("/async/missing", 404),
        ("/nowhere", 404),
        ("/api/me", 401),
        ("/api/throttled", 429),
        ("/drf/throttled", 429),
        ("/drf/denied", 403),
    ],
)
def test_r15_refusals_have_no_traceback(server: Server, path: str, status: int) -> None:
    """401, 403, 404 and 429 are answers, not errors."""
    answer = server.get(path)
    assert answer.status == status
    server.wait(
        lambda line: line["logger"] == "django.request" and line["context"].get("request_id") == answer.id
    )
    lines = server.of(answer.id)
    assert not [line for line in lines if "exception" in line]
    assert all(line["level"] in ("INFO", "WARNING") for line in lines)
    assert server.finished(answer.id)["context"]["outcome"] == "rejected"


@pytest.mark.parametrize("stack", ["sync", "async"])
def test_r15_suspicious_operations_are_security_events(server: Server, stack: str) -> None:
    """They are told by a logger of their own, with the ids."""
    odd = server.get(f"/{stack}/suspicious")
    server.finished(odd.id)
    (line,) = [line for line in server.of(odd.id) if line["logger"] == "django.security.SuspiciousOperation"]
    assert line["level"] == "ERROR"


def test_r15_forged_requests_are_security_events(server: Server) -> None:
    """So are CSRF failures."""
    forged = server.call("POST", "/protected")
    assert forged.status == 403
    server.finished(forged.id)
    (line,) = [line for line in server.of(forged.id) if line["logger"] == "django.security.csrf"]
    assert line["message"].startswith("Forbidden")


# -- R22, R26 ---------------------------------------------------------------------------------------------------


def test_r22_quiet_paths_speak_only_when_something_is_wrong(server: Server) -> None:
    """A probe that is fine leaves no line; one that is not leaves the usual ones."""
    fine = server.get("/healthz")
    bad = server.get("/healthz?status=503")
    assert server.finished(bad.id)["level"] == "ERROR"
    assert server.finished(server.get("/healthz?status=404").id)["level"] == "INFO"
    loud = server.get(server.view("ok"))
    server.finished(loud.id)
    assert server.of(fine.id) == []


@pytest.mark.parametrize("stack", ["sync", "async"])
def test_r26_queries_are_counted_in_sync_and_async_views(server: Server, stack: str) -> None:
    """All of them, with their time; a shape that repeats is named without its values."""
    few = server.get(f"/{stack}/queries?count=3")
    line = server.finished(few.id)["context"]
    assert line["db_queries"] == 3
    assert line["db_ms"] > 0
    assert "db_repeated" not in line
    many = server.finished(server.get(f"/{stack}/queries?count=7").id)["context"]
    assert many["db_queries"] == 7
    assert many["db_repeated"]["count"] == 7
    assert many["db_repeated"]["fingerprint"].startswith("SELECT auth_user ")
    assert "nobody" not in many["db_repeated"]["fingerprint"]


def test_r26_queries_to_every_database_are_counted(server: Server) -> None:
    """And a connection that cannot be made is no query."""
    both = server.get("/sync/two_databases")
    assert server.finished(both.id)["context"]["db_queries"] == 2
    gone = server.get("/sync/no_database")
    assert server.finished(gone.id)["context"]["db_queries"] == 0
