"""The gateway as its callers see it: over HTTP, and as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from messaging.gateway import Gateway

ROOT = Path(__file__).parents[3]
PUSH = {"recipient_id": "r-1", "circle_id": "c-1", "message_id": "m-1"}


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, timeout=5) as client:
        yield client


def push(http: httpx.Client, key: str = "k-1") -> httpx.Response:
    return http.post("/push", json=PUSH, headers={"Idempotency-Key": key, "X-Request-ID": "req-12345"})


def test_a_push_is_accepted_once(http):
    """A repeated Idempotency-Key is told so, and both calls are listed with what correlates them."""
    assert push(http).status_code == 202
    assert push(http).json() == {"fate": "duplicate"}
    report = http.get("/received").json()
    assert report["counts"] == {"accepted": 1, "duplicate": 1}
    assert report["received"][0] == {
        "key": "k-1",
        "recipient_id": "r-1",
        "message_id": "m-1",
        "request_id": "req-12345",
        "traceparent": "",
        "fate": "accepted",
    }


def test_it_fails_as_often_as_told(http):
    """The next N calls get 503 and are not accepted; then all is well, for the same key too."""
    http.put("/control", json={"fail_next": 2})
    assert [push(http).status_code for _ in range(3)] == [503, 503, 202]


def test_it_fails_with_the_status_told(http):
    """A permanent refusal can be asked for."""
    http.put("/control", json={"fail_next": 1, "fail_status": 410})
    assert push(http).status_code == 410


def test_it_hangs_up_when_told(http):
    """The connection ends without an answer, and the next call on a new one is fine."""
    http.put("/control", json={"drop_next": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        push(http)
    assert push(http).status_code == 202


def test_it_is_slow_when_told(http):
    """A caller with less patience than the delay gives up."""
    http.put("/control", json={"slow_ms": 5000})
    with pytest.raises(httpx.ReadTimeout):
        http.post("/push", json=PUSH, timeout=0.05)


def test_what_is_left_can_be_asked_and_reset(http):
    """`GET /control` counts down; `DELETE /received` makes a fresh gateway."""
    http.put("/control", json={"fail_next": 2, "slow_ms": 1})
    push(http)
    assert http.get("/control").json() == {"slow_ms": 1, "fail_next": 1, "fail_status": 503, "drop_next": 0}
    http.delete("/received")
    assert http.get("/control").json()["fail_next"] == 0
    assert http.get("/received").json() == {"total": 0, "counts": {}, "received": []}


@pytest.mark.parametrize(
    "control",
    [{"fail_next": -1}, {"fail_next": "2"}, {"fail_next": True}, {"slow": 3}, [], {"fail_status": 200}],
)
def test_nonsense_changes_nothing(http, control):
    """A control request that cannot be meant is refused, and says what is allowed."""
    answer = http.put("/control", json=control)
    assert answer.status_code == 400
    assert "allowed" in answer.text or "known" in answer.text
    assert http.get("/control").json()["fail_next"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"recipient_id": "r"}', b"\xff"])
def test_a_push_without_its_ids_is_refused(http, body):
    """What is no push is answered with 400 and not counted."""
    assert http.post("/push", content=body).status_code == 400
    assert http.get("/received").json()["total"] == 0


def test_its_line_carries_the_callers_ids(http, logs):
    """A push is logged under the request and trace of whoever sent it, without its content."""
    trace_id = "ab" * 16
    http.post(
        "/push",
        json={**PUSH, "body": "grandmother's recipe"},
        headers={"X-Request-ID": "req-12345", "traceparent": f"00-{trace_id}-{'cd' * 8}-01"},
    )
    line = logs.wait_for("push.received", request_id="req-12345", trace_id=trace_id, outcome="accepted")
    assert "recipe" not in json.dumps(line, default=str)


def test_an_invalid_request_id_is_not_logged(http, logs):
    """A caller's header is untrusted input here, too."""
    http.post("/push", json=PUSH, headers={"X-Request-ID": "no spaces allowed"})
    assert "request_id" not in logs.wait_for("push.received")["context"]


def start_process(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "messaging.gateway", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "LOG_ENVIRONMENT": "test",
            "LOG_STDOUT": "on",
            "LOG_FORMAT": "json",
            "AUDIT": "off",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_its_port_and_stops_when_asked(signum):
    """It prints nothing but JSON lines: the first names the port, the last says that it stopped."""
    process = start_process("--port", "0", "--fail-next", "1")
    try:
        started = json.loads(process.stdout.readline())
        assert started["message"] == "gateway.started"
        url = f"http://127.0.0.1:{started['context']['port']}/push"
        assert httpx.post(url, json=PUSH).status_code == 503
        process.send_signal(signum)
        rest, errors = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    assert [json.loads(line)["message"] for line in rest.splitlines()] == ["push.received", "gateway.stopped"]
    assert (process.returncode, errors) == (0, "")


def test_a_port_in_use_is_one_clear_line():
    """The process names the address and what to do, and ends with exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start_process("--port", str(port))
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert f"127.0.0.1:{port}" in errors
    assert "--port" in errors
