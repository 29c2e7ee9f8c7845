"""The push client against a real gateway and real faults: what it sends, what it logs, what it raises."""

import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest

from logkit import bound_context
from messaging.gateway import Behaviour, Gateway
from messaging.push import Push, PushClient, PushError


def a_push() -> Push:
    return Push(key=uuid4(), recipient_id=uuid4(), circle_id=uuid4(), message_id=uuid4())


@pytest.fixture
def client(gateway: Gateway) -> Iterator[PushClient]:
    with PushClient(gateway.url, timeout_s=2.0) as client:
        yield client


def test_a_push_carries_its_key_and_ids(client, gateway, logs):
    """The gateway gets the idempotency key; the call is logged with target, status, duration and attempt."""
    push = a_push()
    client.send(push, attempt=3)
    (received,) = gateway.state.received
    assert (received.key, received.recipient_id, received.message_id) == (
        str(push.key),
        str(push.recipient_id),
        str(push.message_id),
    )
    line = logs.only("push.accepted", target=gateway.url.removeprefix("http://"), status=202, attempt=3)
    assert line["level"] == "INFO"
    assert line["context"]["duration_ms"] >= 0


def test_r23_a_push_carries_the_request_and_its_trace(client, gateway):
    """The gateway can log under the same request id, in the same trace, as a span of its own."""
    with bound_context(request_id="req-12345678", trace_id="ab" * 16, span_id="cd" * 8):
        client.send(a_push(), attempt=1)
    (received,) = gateway.state.received
    assert received.request_id == "req-12345678"
    assert received.traceparent.startswith(f"00-{'ab' * 16}-")


@pytest.mark.parametrize(
    ("behaviour", "reason", "status", "retryable"),
    [
        (Behaviour(fail_next=1), "status_503", 503, True),
        (Behaviour(fail_next=1, fail_status=429), "status_429", 429, True),
        (Behaviour(fail_next=1, fail_status=410), "status_410", 410, False),
        (Behaviour(drop_next=1), "connection_lost", None, True),
        (Behaviour(slow_ms=5000), "timeout", None, True),
    ],
)
def test_a_failed_call_is_named_for_what_it_is(gateway, logs, behaviour, reason, status, retryable):
    """Each fault has its code, says whether to come back, and is one WARNING."""
    gateway.state.behaviour = behaviour
    with PushClient(gateway.url, timeout_s=0.2) as client, pytest.raises(PushError) as raised:
        client.send(a_push(), attempt=1)
    assert (raised.value.reason, raised.value.retryable) == (reason, retryable)
    assert logs.only("push.failed", reason=reason, status=status, attempt=1)["level"] == "WARNING"


def test_nobody_listening_is_unreachable(logs):
    """A gateway that is down is a reason to come back, not a crash."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with PushClient(url, timeout_s=0.2) as client, pytest.raises(PushError) as raised:
        client.send(a_push(), attempt=1)
    assert (raised.value.reason, raised.value.retryable) == ("unreachable", True)
    logs.only("push.failed", reason="unreachable", status=None)
