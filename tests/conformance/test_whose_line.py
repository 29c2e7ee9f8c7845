"""Whose line it is: R01 to R05, R16, R17, R20, R24, and work that a view starts beside itself."""

from __future__ import annotations

import base64
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformance.servers import ASGI, SOCKETS, Server, behind

ACCESS = ("django.server", "gunicorn.access", "uvicorn.access")


def of_the_site(lines: list[dict[str, Any]]) -> list[str]:
    """What the view and the middleware said, in order."""
    return [line["message"] for line in lines if line["logger"].startswith(("tests", "logkit.django"))]


def test_r01_lines_that_django_writes_after_the_middleware_have_the_ids(server: Server) -> None:
    """ "Not Found" and "Internal Server Error" belong to their request."""
    missing, crash = server.get("/no-such-place"), server.get(server.view("crash"))
    server.finished(crash.id)
    not_found = server.line("Not Found: /no-such-place", missing.id)
    assert not_found["level"] == "WARNING"
    (error,) = [line for line in server.of(crash.id) if line["logger"] == "django.request"]
    assert error["message"].startswith("Internal Server Error")
    assert error["context"]["client_ip"] == "127.0.0.1"


@behind(*SOCKETS)
@pytest.mark.parametrize("view", ["ok", "stream", "missing", "crash"])
def test_r01_the_servers_own_access_line_has_the_ids(server: Server, view: str) -> None:
    """`django.server`, `gunicorn.access` and `uvicorn.access` know the request that they count."""
    answer = server.get(server.view(view))
    (line,) = server.wait(
        lambda line: line["logger"] in ACCESS and line["context"].get("request_id") == answer.id
    )
    assert line["context"]["status"] == answer.status
    assert line["context"]["route"] == server.view(view)[1:]
    assert "request" not in line["context"]


@behind(*SOCKETS)
def test_r02_nothing_of_a_request_is_in_the_next_one_on_a_kept_alive_connection(server: Server) -> None:
    """Neither what was bound nor the ids, after success, refusal and failure."""
    connection = server.connect()
    answers = []
    for path in ("bind?mark=first", "ok", "crash", "ok", "missing", "ok"):
        answers.append(server.call_on(connection, "GET", server.view(path)))
    connection.close()
    assert len({answer.id for answer in answers}) == 6
    for answer in answers[1:]:
        server.finished(answer.id)
        assert all("secretive" not in line["context"] for line in server.of(answer.id))
    assert any(line["context"].get("secretive") == "first" for line in server.of(answers[0].id))


@behind(*SOCKETS)
def test_r02_pipelined_requests_are_each_their_own(server: Server) -> None:
    """Three in one write: a server that takes several from a connection names each of them in its own lines only."""
    ids = [f"pipelined-{number}-{os.urandom(4).hex()}" for number in range(3)]
    requests = [
        f"GET {server.view(f'bind?mark={request_id}')} HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {request_id}\r\n"
        for request_id in ids
    ]
    requests[-1] += "Connection: close\r\n"
    answered = server.send("".join(f"{request}\r\n" for request in requests).encode()).count(b"HTTP/1.1 200")
    assert answered == (1 if server.kind == "gunicorn-sync" else 3)  # it takes one and hangs up
    for request_id in ids[:answered]:
        server.finished(request_id)
        server.wait(
            lambda line, id_=request_id: line["logger"] in ACCESS and line["context"].get("request_id") == id_
        )
        assert {line["context"].get("secretive") for line in server.of(request_id)} <= {None, request_id}


@behind(*SOCKETS)
def test_r02_lines_between_requests_have_no_request(server: Server) -> None:
    """What the server says of a connection that brings no request is nobody's."""
    server.finished(server.get(server.view("ok")).id)
    server.send(b"NONSENSE\r\n\r\n")
    server.finished(server.get(server.view("ok")).id)
    for line in server.lines():
        if "NONSENSE" in json.dumps(line) or "Invalid" in line["message"] or "Bad request" in line["message"]:
            assert "request_id" not in line["context"]


@pytest.mark.parametrize(
    "view", ["bind?mark=x", "crash", "stream", "stream_fails", "denied", "queries?count=6", "redirect"]
)
def test_r03_r05_the_outer_context_is_not_inherited_and_comes_back_exactly(server: Server, view: str) -> None:
    """The layer around Django has bound a field: no line of a request has it, all of its own lines have only that."""
    request_id = f"outer-{os.urandom(8).hex()}"
    begun = len([line for line in server.lines() if line["message"] == "outside.before"])
    before = len(server.wait(lambda line: line["message"] == "outside.after", at_least=begun)) if begun else 0
    server.get(server.view(view) if view != "redirect" else "/sync/redirect", X_Request_ID=request_id)
    server.finished(request_id)
    assert all("layer" not in line["context"] for line in server.of(request_id))
    (after,) = server.wait(lambda line: line["message"] == "outside.after", at_least=before + 1)[before:]
    assert after["context"] == {"layer": "outside", "restored": True}
    beforehand = server.wait(lambda line: line["message"] == "outside.before")
    assert [line for line in beforehand if line["context"] != {"layer": "outside"}] == []


def test_r04_a_hook_of_ours_that_fails_is_told_and_changes_nothing(server: Server) -> None:
    """A user model that raises whenever we look: the answer is the view's, and we say what happened."""
    answer = server.get("/sync/weird_user?kind=raises")
    assert (answer.status, answer.body) == (200, b"ok")
    server.finished(answer.id)
    (failed,) = [line for line in server.of(answer.id) if line["message"] == "logkit.hook_failed"]
    assert failed["level"] == "ERROR"
    assert failed["exception"]["message"] == "no primary key today"


@behind(*SOCKETS)
def test_r16_fifty_at_once_never_mix(server: Server) -> None:
    """Each line carries the mark and the id of its own request."""
    paths = [server.view(f"bind?mark=m{number}") for number in range(50)]
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(server.get, paths))
    # On its way back through a stack that is only sync asgiref may drop what a view bound. (reference/requests.md)
    dropped = {None} if server.kind == "uvicorn-sync-only" else set()
    for number, answer in enumerate(answers):
        assert server.finished(answer.id)["context"].get("secretive") in {f"m{number}", *dropped}
        marks = {line["context"].get("secretive") for line in server.of(answer.id)}
        assert marks <= {None, f"m{number}"}


@pytest.mark.parametrize("view", ["/sync/ok", "/async/ok"])
def test_r16_r17_sync_and_async_views_work_behind_both_kinds_of_server(server: Server, view: str) -> None:
    """All four combinations, thread hops included: the view's line and the canonical line are of one request."""
    answer = server.get(view)
    assert answer.body == b"ok"
    server.finished(answer.id)
    assert of_the_site(server.of(answer.id)) == ["view.ran", "request.finished"]


def test_r20_setting_django_up_twice_changes_nothing(server: Server) -> None:
    """The ASGI entry point does it: still one line for one event."""
    answer = server.get(server.view("ok"))
    server.finished(answer.id)
    assert len([line for line in server.of(answer.id) if line["message"] == "view.ran"]) == 1


@behind(*ASGI)
def test_r24_lifespan_passes_through_untouched(server: Server) -> None:
    """What is not HTTP belongs to other applications of the stack; no request is made of it."""
    (line,) = server.wait(lambda line: line["message"] == "lifespan.started")
    assert line["context"] == {}


@behind(*ASGI)
def test_r24_a_websocket_passes_through_untouched(server: Server) -> None:
    """It is accepted and answered by its own application, and no request is made of it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            "GET /socket/path HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
        connection.sendall(b"\x81\x82\x00\x00\x00\x00hi")  # a masked text frame
        assert connection.recv(4096).startswith(b"\x81\x02hi")
    for line in server.wait(lambda line: line["message"] == "websocket.heard"):
        assert line["context"] == {"path": "/socket/path"}


def test_lines_of_callbacks_after_a_commit_have_the_ids(server: Server) -> None:
    """`transaction.on_commit` runs them in the request."""
    answer = server.get("/sync/committed")
    server.finished(answer.id)
    assert of_the_site(server.of(answer.id)) == ["transaction.committed", "request.finished"]


def test_lines_of_a_task_group_are_of_its_request(server: Server) -> None:
    """What one task binds is on its own lines only."""
    answer = server.get("/async/group")
    server.finished(answer.id)
    found = [(line["message"], line["context"].get("task")) for line in server.of(answer.id)]
    assert [one for one in found if one[0].startswith(("task", "view"))] == [
        *[("task.ran", number) for number in range(3)],
        ("view.after", None),
    ]


@behind("uvicorn", "async-client")  # elsewhere the event loop ends with the view
def test_r02_a_task_that_outlives_its_request_keeps_its_id_and_touches_nothing(server: Server) -> None:
    """Its late lines are its request's; what it binds or adds reaches neither the line that is written nor others."""
    answer = server.get("/async/background")
    line = server.finished(answer.id)
    after = [server.get(server.view("ok")) for _ in range(3)]
    late = server.line("background.ran", answer.id)
    assert late["context"]["mark"] == "late"
    assert (line["context"]["db_queries"], "rows" in line["context"]) == (0, False)
    for one in [*after, server.get(server.view("ok"))]:
        server.finished(one.id)
        assert all("mark" not in line["context"] for line in server.of(one.id))


def test_a_thread_of_its_own_knows_the_request_only_when_told(server: Server) -> None:
    """`carry_context` tells it; without, its lines are nobody's rather than somebody else's."""
    answer = server.get("/sync/threads")
    server.finished(answer.id)
    assert of_the_site(server.of(answer.id)) == ["thread.told", "request.finished"]
    assert server.wait(lambda line: line["message"] == "thread.plain")[-1]["context"] == {}


def test_r02_no_unit_of_work_is_remembered(server: Server) -> None:
    """However many requests there were, a process holds the present one, and the last that each thread audited."""
    for view in ("ok", "crash", "denied", "stream", "stream_fails", "queries?count=6", "missing") * 3:
        server.get(server.view(view), X_Request_ID="remember-me-not")
    deadline = time.monotonic() + 15  # threads that have served their request may take a moment to end
    while (remembered := json.loads(server.get("/sync/alive").body)["scopes"]) >= 10:
        assert time.monotonic() < deadline, f"{remembered} units of work are remembered"
