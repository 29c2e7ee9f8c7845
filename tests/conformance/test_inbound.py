"""What comes from outside is not trusted, and most of it is not told: R06 to R10, R21, R23, R25."""

from __future__ import annotations

import json

import pytest

from tests.conformance.conftest import PROXY
from tests.conformance.servers import ASGI, SOCKETS, Server, behind

TOKEN = "Zx81kQ" + "p0LmN4vB7cXdE2"  # as share links have them


# -- R06 to R10 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", ["x" * 129, "short", "has space in it", "<script>alert(1)</script>", "naïve-naïve"]
)
def test_r06_an_invalid_id_is_replaced_and_never_echoed(server: Server, given: str) -> None:
    """Neither the answer nor any line repeats it."""
    answer = server.call("GET", server.view("ok"), [("X-Request-ID", given)])
    assert answer.id != given
    server.finished(answer.id)
    if len(given) > 10:
        assert given not in server.shown()


@behind(*SOCKETS)
def test_r06_several_ids_are_none(server: Server) -> None:
    """Two headers leave no way to tell whose id is right."""
    answer = server.call(
        "GET", server.view("ok"), [("X-Request-ID", "first-of-two"), ("X-Request-ID", "second-of-two")]
    )
    server.finished(answer.id)
    assert "of-two" not in answer.id
    assert "of-two" not in server.shown()


@pytest.mark.parametrize(
    "given",
    ["7f8a9b0c1d2e3f405162738495a6b7c8", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "req~2026.11:a-b_c", "x" * 128],
)
def test_r07_valid_ids_that_are_no_uuids_are_kept(server: Server, given: str) -> None:
    """nginx, ULID and whatever else stands in front of us."""
    assert server.get(server.view("ok"), X_Request_ID=given).id == given
    assert server.finished(given)["context"]["request_id"] == given


def test_r08_the_exposed_headers_are_appended_to(server: Server) -> None:
    """A browser script may read the id; what the view exposed stays exposed."""
    assert (
        server.get("/sync/exposed").headers["access-control-expose-headers"]
        == "X-Total, X-Page, X-Request-ID"
    )
    assert server.get("/sync/wildcard").headers["access-control-expose-headers"] == "X-Request-ID"
    assert "access-control-expose-headers" not in server.get("/sync/ok").headers


def test_r10_a_forwarded_address_from_a_stranger_is_ignored(server: Server) -> None:
    """The peer is not a trusted proxy, so what it says of others is nothing."""
    answer = server.get(server.view("ok"), X_Forwarded_For="198.51.100.9")
    assert server.finished(answer.id)["context"]["client_ip"] == "127.0.0.1"


@behind(*SOCKETS)
@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("203.0.113.1, 198.51.100.9, 10.1.2.3", "198.51.100.9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("<script>", PROXY),
    ],
)
def test_r10_through_a_trusted_proxy_hops_count_from_the_right(
    server: Server, forwarded: str, client: str
) -> None:
    """The first one that is not ours, whatever the client itself put before it."""
    connection = server.connect(source=PROXY)
    answer = server.call_on(connection, "GET", server.view("ok"), [("X-Forwarded-For", forwarded)])
    connection.close()
    assert server.finished(answer.id)["context"]["client_ip"] == client


# -- R21, R25: what is not told ---------------------------------------------------------------------------------


def test_r21_queries_bodies_and_headers_are_in_no_line(server: Server) -> None:
    """The route is, instead of the path."""
    secret = "7d1e0f-private"
    answer = server.call(
        "GET",
        f"/circles/123e4567-e89b-42d3-a456-426614174000/messages/7?q={secret}-query",
        [
            ("User-Agent", f"{secret}-agent"),
            ("Referer", f"http://x/{secret}-page"),
            ("X-Anything", f"{secret}-header"),
        ],
    )
    assert answer.status == 200
    assert server.finished(answer.id)["context"]["route"] == "circles/{circle_id}/messages/{number}"
    old = server.get("/old/2026/november/")
    assert server.finished(old.id)["context"]["route"] == "old/{year}/{var}/"
    assert secret not in server.shown()


@pytest.mark.parametrize("header", ["Origin", "Referer"])
def test_r21_the_header_that_a_forged_request_failed_on_is_told_by_its_origin(
    server: Server, header: str
) -> None:
    """Django's sentence repeats the whole URL; who it was is enough."""
    answer = server.call(
        "POST",
        "/protected",
        [
            (header, f"https://evil.example/share/{TOKEN}?x=private-query"),
            ("Cookie", f"csrftoken={'a' * 32}"),
        ],
    )
    assert answer.status == 403
    server.finished(answer.id)
    (line,) = [line for line in server.of(answer.id) if line["logger"] == "django.security.csrf"]
    assert line["message"].endswith(": /protected")
    assert TOKEN not in server.shown()
    assert "private-query" not in server.shown()


@behind(*SOCKETS)
@pytest.mark.parametrize(
    "request_line",
    [
        f"GET /share/{TOKEN}?q=private-query with spaces HTTP/1.1\r\n",
        f"GET /share/{TOKEN} HTTP/1.1\r\nAuthorization {TOKEN} private-query\r\n",
        f"GET /share/{TOKEN} HTTP/1.1\r\nNo Name{TOKEN}: private-query\r\n",
        f"GET http://localhost/share/{TOKEN}?q=private-query HTTP/1.1\r\n",
        f"GET /caf\xe9/{TOKEN}?q=private-query HTTP/1.1\r\n",
        f"\xff\xfe{TOKEN} private-query\r\n",
    ],
    ids=["spaces", "no colon", "no name", "absolute", "latin", "noise"],
)
def test_r21_r25_what_a_server_refuses_is_not_repeated(server: Server, request_line: str) -> None:
    """A request line or a header that is none: the server's words about it do without what it was."""
    server.send(f"{request_line}Host: localhost\r\nConnection: close\r\n\r\n".encode("latin-1"), hang_up=True)
    server.finished(server.get(server.view("ok")).id)
    assert TOKEN not in server.shown()
    assert "private-query" not in server.shown()


def test_r25_capability_urls_are_in_no_line(server: Server) -> None:
    """Neither when the route is known, nor when nothing resolved, nor when the view fails."""
    for path, status, message in (
        (f"/share/{TOKEN}", 404, "Not Found: /share/{token}"),
        (f"/share/crash{TOKEN}", 500, "Internal Server Error: /share/{token}"),
        (f"/nothing/here/{TOKEN}", 404, "Not Found: /nothing/here/[REDACTED]"),
        (f"/nothing/{TOKEN}?t={TOKEN}", 404, "Not Found: /nothing/[REDACTED]"),
    ):
        answer = server.get(path)
        assert answer.status == status
        server.finished(answer.id)
        server.line(message, answer.id)
    assert TOKEN not in server.log.read_text()


# -- What need not be text --------------------------------------------------------------------------------------


@behind(*SOCKETS)
@pytest.mark.parametrize(
    "request_line",
    [
        "GET /caf%E9/%FF%FE HTTP/1.1\r\n",
        "GET /%0d%0aSet-Cookie:%20x%1b[31m%00 HTTP/1.1\r\n",
        f"GET /{'a%2F' * 900} HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "GET //evil.example//..//%2e%2e/ HTTP/1.1\r\n",
        "GET /nothing HTTP/1.1\r\nCookie: sessionid=\xff\xfe; b=\xc3\x28\r\ntraceparent: \xff\r\n",
    ],
    ids=["no utf-8", "control", "long", "asterisk", "slashes", "headers"],
)
def test_strange_paths_and_headers_get_an_answer_and_one_valid_line(
    server: Server, request_line: str
) -> None:
    """Bytes that are no UTF-8, control characters, several kilobytes, no path at all."""
    head = server.send(f"{request_line}Host: localhost\r\nConnection: close\r\n\r\n".encode("latin-1"))
    named = [line for line in head.lower().split(b"\r\n") if line.startswith(b"x-request-id: ")]
    assert head.startswith(b"HTTP/1.1 404 ")
    line = server.finished(named[0].partition(b": ")[2].decode())
    assert line["context"]["status"] == 404
    assert len(json.dumps(line["context"]["path"])) < 8000


@behind(*ASGI)
def test_r09_a_query_that_is_no_utf8_is_refused_without_harm(server: Server) -> None:
    """Django refuses it before there is a request for any middleware: the one answer without an id."""
    head = server.send(
        f"GET {server.view('ok')}?q=%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400"))
    server.finished(server.get(server.view("ok")).id)


# -- R23: what goes out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stack", ["sync", "async"])
@pytest.mark.parametrize("flags", ["00", "01"])
def test_r23_outgoing_calls_carry_the_ids(server: Server, stack: str, flags: str, other_service: str) -> None:
    """The other end is asked under the same request id, in the same trace, sampled as the caller decided."""
    trace, request_id = "0af7651916cd43dd8448eb211c80319c", f"outgoing-{stack}-{flags}"
    answer = server.call(
        "GET",
        f"/{stack}/outgoing?url={other_service}",
        [("X-Request-ID", request_id), ("traceparent", f"00-{trace}-b7ad6b7169203331-{flags}")],
    )
    arrived = json.loads(answer.body)
    assert arrived["x-request-id"] == request_id
    version, trace_id, span_id, sent_flags = arrived["traceparent"].split("-")
    assert (version, trace_id, sent_flags) == ("00", trace, flags)
    assert span_id != "b7ad6b7169203331"
