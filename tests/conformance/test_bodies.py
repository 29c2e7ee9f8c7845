"""Bodies that are produced after the middleware returned, and clients that do not stay for them: R18, R19, R27."""

from __future__ import annotations

import pytest

from tests.conformance.servers import Server


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
def test_r18_a_body_that_fails_is_told_once_with_its_traceback(server: Server, stack: str) -> None:
    """The error still reaches the server, whose own line of it adds no second traceback."""
    if server.kind in ("gunicorn-sync", "gunicorn-gthread", "runserver", "client") and stack == "async":
        pytest.skip("Django collects an async body before it sends any of it here")
    answer = server.get(f"/{stack}/stream_fails")
    line = server.finished(answer.id)
    assert line["level"] == "ERROR"
    assert line["context"]["outcome"] == "failure"
    assert line["context"]["exception_type"] == "ValueError"
    after = server.get("/sync/ok")
    server.finished(after.id)
    assert [
        line["message"] for line in server.lines() if line.get("exception", {}).get("message") == "half-way"
    ].count("request.finished") == len(
        [line for line in server.lines() if line.get("exception", {}).get("message") == "half-way"]
    )


def test_r18_r19_an_abandoned_body_is_told_once(real: Server) -> None:
    """The client hangs up in the middle: one line that says so, and the generator is closed in its own context."""
    request_id = real.abort(real.view("stream_slowly"), after_bytes=100_000)
    line = real.finished(request_id)
    assert line["context"]["outcome"] == "aborted"
    assert line["context"]["bytes"] >= 65_536
    (closed,) = real.wait(
        lambda line: line["message"] == "chunks.closed" and line["context"].get("request_id") == request_id
    )
    assert closed["context"]["streaming"] is True
    after = real.get(real.view("ok"))
    real.finished(after.id)
    assert all("streaming" not in line["context"] for line in real.of(after.id))


def test_r19_a_client_that_leaves_before_the_answer(real: Server) -> None:
    """An async view is cancelled and told once; a sync view goes on under its id."""
    if not real.is_async:
        pytest.skip("a WSGI server does not notice")
    if real.kind == "uvicorn":
        cancelled = real.abort(real.view("slow?seconds=20"), after_line="view.before")
        line = real.finished(cancelled)
        assert line["context"]["outcome"] == "aborted"
        assert line["context"]["exception_type"] == "CancelledError"
        assert "status" not in line["context"]
    running = real.abort("/sync/slow?seconds=0.5", after_line="view.before")
    real.wait(lambda line: line["message"] == "view.after" and line["context"].get("request_id") == running)
    assert real.finished(running)["context"]["outcome"] in ("aborted", "success")


def test_r27_files_are_left_to_the_server(server: Server) -> None:
    """They arrive whole, and the line knows their size."""
    answer = server.get("/sync/file")
    assert len(answer.body) == 5000
    assert server.finished(answer.id)["context"]["bytes"] == 5000
