"""Whose request it is, read without asking: R11 to R13."""

from __future__ import annotations

import json

import pytest

from tests.conformance.servers import Server


def logged_in(server: Server) -> tuple[str, str]:
    """A session's cookie, and the id of its user."""
    login = server.get("/sync/login")
    return login.headers["set-cookie"].partition(";")[0], json.loads(login.body)["user_id"]


def test_r11_nobody_looks_who_it_is(server: Server) -> None:
    """No session is read, no query made, no `Vary: Cookie` sent; the session is named by its pseudonym."""
    quiet = server.get(server.view("ok"), Cookie="sessionid=abcdefabcdefabcdefabcdefabcdefab")
    assert "vary" not in quiet.headers
    line = server.finished(quiet.id)
    assert line["context"]["db_queries"] == 0
    assert "user_id" not in line["context"]
    assert line["context"]["session"].startswith("h1:")
    assert "abcdefabcdefabcdefabcdefabcdefab" not in server.shown()


@pytest.mark.parametrize("stack", ["sync", "async"])
def test_r11_r12_the_user_is_known_from_the_moment_the_view_asked(server: Server, stack: str) -> None:
    """Of `request.user` in sync code, of `request.auser()` in async code, where nothing else may be touched."""
    cookie, user_id = logged_in(server)
    answer = server.get(f"/{stack}/whoami", Cookie=cookie)
    assert json.loads(answer.body) == {"known": True}
    server.finished(answer.id)
    lines = {line["message"]: line["context"] for line in server.of(answer.id)}
    assert "user_id" not in lines["view.before"]
    assert lines["view.after"]["user_id"] == user_id
    assert lines["request.finished"]["user_id"] == user_id


def test_r12_an_async_view_with_a_user_that_nobody_asked_for(server: Server) -> None:
    """The lazy user stays unasked: asking it here would raise `SynchronousOnlyOperation`."""
    cookie, _ = logged_in(server)
    answer = server.get("/async/ok", Cookie=cookie)
    assert answer.status == 200
    line = server.finished(answer.id)
    assert line["context"]["session"].startswith("h1:")
    assert "user_id" not in line["context"]
    assert all(line["message"] != "logkit.hook_failed" for line in server.of(answer.id))
    assert "SynchronousOnlyOperation" not in server.shown()


def test_r11_a_login_in_the_view_is_known_at_once(server: Server) -> None:
    """The lines after `login()` name the user."""
    answer = server.get("/sync/login")
    server.finished(answer.id)
    lines = {line["message"]: line["context"] for line in server.of(answer.id)}
    assert lines["view.after"]["user_id"] == json.loads(answer.body)["user_id"]


@pytest.mark.parametrize(
    ("path", "token", "user_id"), [("/api/me", "Bearer right", "77"), ("/drf/me", "tok-1", "78")]
)
def test_r11_an_api_framework_authenticates_late(server: Server, path: str, token: str, user_id: str) -> None:
    """The user that a bearer token stands for is on the view's lines; the token is on none."""
    answer = server.get(path, Authorization=token)
    assert answer.status == 200
    assert server.finished(answer.id)["context"]["user_id"] == user_id
    (after,) = [line for line in server.of(answer.id) if line["message"] == "view.after"]
    assert after["context"]["user_id"] == user_id
    assert token not in server.shown()


@pytest.mark.parametrize("kind", ["none", "no_pk", "raises"])
def test_r13_a_strange_user_harms_nothing(server: Server, kind: str) -> None:
    """None, without a primary key, or one that raises."""
    answer = server.get(f"/sync/weird_user?kind={kind}")
    assert answer.status == 200
    assert "user_id" not in server.finished(answer.id)["context"]
