"""Bodies that are produced after the middleware returned, and clients that do not stay for them: R18, R19, R27."""

from __future__ import annotations

import os

import pytest

from tests.conformance.servers import ASGI, SOCKETS, Server, behind


@pytest.mark.parametrize("stack", ["sync", "async"])
def test_r18_chunks_are_made_in_the_requests_context(server: Server, stack: str) -> None:
    """And the one line comes after the last of them, with all bytes."""
    answer = server.get(f"/{stack}/stream")
    assert answer.body == b"x" * 30
    line = server.finished(answer.id)
    assert (line["context"]["bytes"], line["context"]["outcome"]) == (30, "success")
    messages = [
        line["message"] for line in server.of(answer.id) if line["logger"].startswith(("tests", "logkit"))
    ]
    assert messages == ["chunk.made"] * 3 + ["request.finished"]


@pytest.mark.parametrize("stack", ["sync", "async"])
def test_r14_r18_a_body_that_fails_is_told_once_with_its_traceback(server: Server, stack: str) -> None:
    """The error still reaches the server, whose own line of it adds no second traceback.

    Where Django collects an async body before it sends any of it, that is an answer without our header.
    """
    request_id = f"fails-{os.urandom(8).hex()}"
    server.get(f"/{stack}/stream_fails", X_Request_ID=request_id)
    line = server.finished(request_id)
    assert line["level"] == "ERROR"
    assert line["context"]["outcome"] == "failure"
    assert line["context"]["exception_type"] == "ValueError"
    server.finished(server.get("/sync/ok").id)
    (traced,) = [line for line in server.of(request_id) if "exception" in line]
    assert traced["message"] == "request.finished"
    anybodys = [line for line in server.lines() if line.get("exception", {}).get("message") == "half-way"]
    assert {line["message"] for line in anybodys} == {"request.finished"}


@behind(*SOCKETS)
def test_r18_r19_an_abandoned_body_is_told_once(server: Server) -> None:
    """The client hangs up in the middle: one line that says so, and the generator is closed in its own context."""
    request_id = server.abort(server.view("stream_slowly"), after_bytes=100_000)
    line = server.finished(request_id)
    assert line["context"]["outcome"] == "aborted"
    assert line["context"]["bytes"] >= 65_536
    closed = server.line("chunks.closed", request_id)
    assert closed["context"]["streaming"] is True
    after = server.get(server.view("ok"))
    server.finished(after.id)
    assert all("streaming" not in line["context"] for line in server.of(after.id))


@behind(*ASGI)
def test_r18_a_body_that_cannot_be_given_up_in_peace_is_told_once(server: Server) -> None:
    """Its `finally` raises where nobody waits for it: the canonical line shows it, and no other."""
    request_id = server.abort("/async/cleanup_fails", after_bytes=100_000)
    line = server.finished(request_id)
    assert line["context"]["outcome"] in (
        "aborted",
        "failure",
    )  # whichever of the two the generator heard first
    server.finished(server.get(server.view("ok")).id)
    traced = [line for line in server.lines() if line.get("exception", {}).get("message") == "cleanup"]
    assert {line["message"] for line in traced} <= {"request.finished"}
    assert "never retrieved" not in server.shown()


@behind("uvicorn")
def test_r19_an_async_view_whose_client_leaves_is_cancelled_and_told_once(server: Server) -> None:
    """`CancelledError` goes on to whoever cancelled; nothing was answered."""
    cancelled = server.abort(server.view("slow?seconds=20"), after_line="view.before")
    line = server.finished(cancelled)
    assert line["context"]["outcome"] == "aborted"
    assert line["context"]["exception_type"] == "CancelledError"
    assert "status" not in line["context"]


@behind(*SOCKETS)
def test_r19_a_sync_view_whose_client_leaves_goes_on_under_its_id(server: Server) -> None:
    """A WSGI server does not even notice; either way there is one line."""
    left = server.abort("/sync/slow?seconds=0.5", after_line="view.before")
    server.line("view.after", left)
    outcomes = ("aborted", "success") if server.is_async else ("success",)
    assert server.finished(left)["context"]["outcome"] in outcomes


def test_r27_files_are_left_to_the_server(server: Server) -> None:
    """They arrive whole, and the line knows their size."""
    answer = server.get("/sync/file")
    assert len(answer.body) == 5000
    assert server.finished(answer.id)["context"]["bytes"] == 5000
