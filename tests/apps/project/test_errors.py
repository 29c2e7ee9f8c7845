"""How failures are answered: one shape, the request's id, and nothing that helps an attacker."""

from __future__ import annotations

import importlib

import pytest
from django.test import Client
from django.urls import clear_url_caches

import mysite.api
import mysite.urls
from logkit.errors import AuditUnavailable
from tests.apps.people import a_person
from users.services import circles

pytestmark = pytest.mark.django_db(transaction=True)


def error_of(answer) -> dict:
    assert answer.headers["Content-Type"] == "application/json"
    error = answer.json()["error"]
    assert error["request_id"] == answer.headers["X-Request-ID"]
    return error


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/nothing/here", 404, "not_found"),
        ("get", "/api/circles/not-an-id", 404, "not_found"),
        ("put", "/api/circles", 405, "method_not_allowed"),
        ("get", "/api/me", 401, "unauthenticated"),
    ],
)
def test_every_refusal_has_the_same_shape(method, path, status, code):
    """Whether Ninja or Django answers, the body is JSON with code, message and the request's id."""
    answer = getattr(Client(), method)(path)
    assert (answer.status_code, error_of(answer)["code"]) == (status, code)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"name": "\\ud800"}', b'{"name": 7}']
)
def test_a_body_that_is_not_understood_is_refused(body):
    """Broken JSON, broken text, the wrong shape: 400 or 422, never a 500, and nothing of it repeated."""
    answer = a_person("anna").http.post("/api/circles", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert error_of(answer)["code"] in ("bad_request", "invalid")


def test_a_host_that_is_not_ours_is_a_bad_request(settings):
    """Django refuses it before any view; the answer has the shape all the same."""
    settings.ALLOWED_HOSTS = ["ours.example"]
    answer = Client(headers={"Host": "theirs.example"}).get("/api/csrf")
    assert (answer.status_code, error_of(answer)["code"]) == (400, "bad_request")


@pytest.fixture
def crash_route(settings):
    """The API with the route that fails on purpose."""
    settings.DEBUG_ROUTES = True
    _reload()
    yield "/api/debug/crash"
    settings.DEBUG_ROUTES = False
    _reload()


def _reload() -> None:
    importlib.reload(mysite.api)
    importlib.reload(mysite.urls)
    clear_url_caches()


@pytest.mark.allow_log_errors
def test_r14_an_unhandled_exception_is_logged_once(crash_route, logs):
    """500 with the id to quote, one traceback in the log, no word of the exception in the answer."""
    answer = Client(raise_request_exception=False).get(crash_route)
    assert (answer.status_code, error_of(answer)["code"]) == (500, "internal_server_error")
    assert b"on purpose" not in answer.content
    traced = [line for line in logs.events if "exception" in line]
    assert [line["exception"]["type"] for line in traced] == ["RuntimeError"]
    assert logs.only("request.finished", status=500)["level"] == "ERROR"


def test_the_crash_route_is_there_only_when_asked_for():
    """Without DEBUG_ROUTES it is like any other unknown path."""
    assert Client().get("/api/debug/crash").status_code == 404


def test_what_cannot_be_recorded_is_not_done(monkeypatch):
    """The audit trail is away: 503 with its own code, and no circle."""

    def away(*args, **kwargs):
        raise AuditUnavailable("no trail")

    monkeypatch.setattr(circles.audit, "circle_created", away)
    anna = a_person("anna")
    answer = anna.post("/api/circles", {"name": "Us"})
    assert (answer.status_code, error_of(answer)["code"]) == (503, "audit_unavailable")
    assert anna.get("/api/circles").json() == []


def test_pages_outside_the_api_keep_their_own_errors():
    """The admin's 404 is a page for people."""
    answer = Client().get("/nothing")
    assert answer.headers["Content-Type"].startswith("text/html")
