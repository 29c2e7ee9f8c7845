"""What every line of a request says, whatever serves it: rows R01 to R27 of the request behaviours."""

from __future__ import annotations

import http.client
import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.servers import Server

needs_drf = pytest.mark.skipif(
    not importlib.util.find_spec("rest_framework"), reason="needs Django REST framework"
)


def named(lines, logger):
    return [line for line in lines if line["logger"] == logger]


def shown(server: Server) -> str:
    """Everything that was printed so far, for what must not be in it."""
    return server.log.read_text() + server.errors()


def with_traceback(lines):
    return [line for line in lines if "exception" in line]


# -- R01 to R05: whose line it is -------------------------------------------------------------------------------


def test_r01_lines_that_django_writes_after_the_middleware_have_the_ids(server: Server) -> None:
    """ "Not Found" and "Internal Server Error" belong to their request."""
    missing, crash = server.get("/no-such-place"), server.get(server.view("crash"))
    server.finished(missing.id), server.finished(crash.id)
    (not_found,) = server.wait(
        lambda line: (
            line["message"] == "Not Found: /no-such-place" and line["context"].get("request_id") == missing.id
        )
    )
    assert not_found["level"] == "WARNING"
    (error,) = named(server.of(crash.id), "django.request")
    assert error["message"].startswith("Internal Server Error")
    assert error["context"]["client_ip"] == "127.0.0.1"


@pytest.mark.parametrize("view", ["ok", "stream", "missing", "crash"])
def test_r01_the_servers_own_access_line_has_the_ids(real: Server, view: str) -> None:
    """`django.server`, `gunicorn.access` and `uvicorn.access` know the request that they count."""
    answer = real.get(real.view(view))
    (line,) = real.wait(
        lambda line: (
            line["logger"] in ("django.server", "gunicorn.access", "uvicorn.access")
            and line["context"].get("request_id") == answer.id
        )
    )
    assert line["context"]["status"] == answer.status
    assert line["context"]["route"] == real.view(view)[1:]
    assert "request" not in line["context"]


def test_r02_nothing_of_a_request_is_in_the_next_one_on_a_kept_alive_connection(real: Server) -> None:
    """Neither what was bound nor the ids, after success, refusal and failure."""
    connection = http.client.HTTPConnection("127.0.0.1", real.port, timeout=30)
    answers = []
    for path in ("bind?mark=first", "ok", "crash", "ok", "missing", "ok"):
        answers.append(real.call_on(connection, "GET", real.view(path)))
    connection.close()
    assert len({answer.id for answer in answers}) == 6
    for answer in answers[1:]:
        real.finished(answer.id)
        assert all("secretive" not in line["context"] for line in real.of(answer.id))
    assert any(line["context"].get("secretive") == "first" for line in real.of(answers[0].id))


def test_r02_lines_between_requests_have_no_request(real: Server) -> None:
    """What the server says of a connection that brings no request is nobody's."""
    answer = real.get(real.view("ok"))
    real.finished(answer.id)
    connection = http.client.HTTPConnection("127.0.0.1", real.port, timeout=30)
    connection.connect()
    connection.sock.sendall(b"NONSENSE\r\n\r\n")
    connection.sock.recv(100)
    connection.close()
    again = real.get(real.view("ok"))
    real.finished(again.id)
    for line in real.lines():
        if "NONSENSE" in json.dumps(line) or "Invalid" in line["message"] or "Bad request" in line["message"]:
            assert "request_id" not in line["context"]


def test_r02_nothing_of_a_request_reaches_what_is_outside_of_it(real: Server) -> None:
    """The layer around Django logs before and after every request, without the context of any."""
    for view in ("bind?mark=x", "crash", "stream", "stream_fails", "denied", "queries?count=6"):
        real.get(real.view(view))
    real.wait(lambda line: line["message"] == "outside.after")
    outside = [line for line in real.lines() if line["message"].startswith("outside.")]
    assert {line["message"] for line in outside} == {"outside.before", "outside.after"}
    assert all(line["context"] == {} for line in outside)


def test_r24_lifespan_passes_through_untouched(real: Server) -> None:
    """What is not HTTP belongs to other applications of the stack; no request is made of it."""
    if not real.is_async:
        pytest.skip("WSGI knows requests only")
    (line,) = real.wait(lambda line: line["message"] == "lifespan.started")
    assert line["context"] == {}


# -- R06 to R10: what comes from outside ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", ["x" * 129, "short", "has space in it", "<script>alert(1)</script>", "naïve-naïve"]
)
def test_r06_an_invalid_id_is_replaced_and_never_echoed(server: Server, given: str) -> None:
    """Neither the answer nor any line repeats it."""
    answer = server.call("GET", server.view("ok"), [("X-Request-ID", given)])
    assert answer.id != given
    server.finished(answer.id)
    if len(given) > 10:
        assert given not in shown(server)


def test_r06_several_ids_are_none(real: Server) -> None:
    """Two headers leave no way to tell whose id is right."""
    answer = real.call(
        "GET", real.view("ok"), [("X-Request-ID", "first-of-two"), ("X-Request-ID", "second-of-two")]
    )
    real.finished(answer.id)
    assert "of-two" not in answer.id
    assert "of-two" not in shown(real)


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


@pytest.mark.parametrize(
    ("view", "status"),
    [
        ("ok", 200),
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
    wanted = {400: "rejected", 403: "rejected", 404: "rejected", 500: "failure"}
    assert line["context"]["outcome"] == wanted.get(status, "success")
    assert line["level"] == {403: "WARNING", 500: "ERROR"}.get(status, "INFO")


def test_r10_a_forwarded_address_from_a_stranger_is_ignored(server: Server) -> None:
    """The peer is not a trusted proxy, so what it says of others is nothing."""
    answer = server.get(server.view("ok"), X_Forwarded_For="198.51.100.9")
    assert server.finished(answer.id)["context"]["client_ip"] == "127.0.0.1"


# -- R11 to R13: the user ---------------------------------------------------------------------------------------


def test_r11_the_user_is_known_from_the_moment_the_view_asked(server: Server) -> None:
    """Before, nobody looks: no session is read, no query made, no `Vary: Cookie` sent."""
    quiet = server.get(server.view("ok"), Cookie="sessionid=abcdefabcdefabcdefabcdefabcdefab")
    assert "vary" not in quiet.headers
    line = server.finished(quiet.id)
    assert line["context"]["db_queries"] == 0
    assert "user_id" not in line["context"]
    assert line["context"]["session"].startswith("h1:")
    assert "abcdefabcdefabcdefabcdefabcdefab" not in shown(server)

    login = server.get("/sync/login")
    cookie = login.headers["set-cookie"].partition(";")[0]
    answer = server.get(server.view("whoami"), Cookie=cookie)
    assert json.loads(answer.body) == {"known": True}
    server.finished(answer.id)
    lines = {line["message"]: line["context"] for line in server.of(answer.id)}
    assert "user_id" not in lines["view.before"]
    assert lines["view.after"]["user_id"] == json.loads(login.body)["user_id"]
    assert lines["request.finished"]["user_id"] == lines["view.after"]["user_id"]


def test_r11_a_login_in_the_view_is_known_at_once(server: Server) -> None:
    """The lines after `login()` name the user."""
    answer = server.get("/sync/login")
    server.finished(answer.id)
    lines = {line["message"]: line["context"] for line in server.of(answer.id)}
    assert lines["view.after"]["user_id"] == json.loads(answer.body)["user_id"]


@pytest.mark.parametrize(
    ("path", "user_id"), [("/api/me", "77"), pytest.param("/drf/me", "78", marks=needs_drf)]
)
def test_r11_an_api_framework_authenticates_late(server: Server, path: str, user_id: str) -> None:
    """The user that a bearer token stands for is on the view's lines; the token is on none."""
    answer = (
        server.get(path, Authorization="Bearer right")
        if "api" in path
        else server.get(path, Authorization="tok-1")
    )
    assert answer.status == 200
    assert server.finished(answer.id)["context"]["user_id"] == user_id
    assert [
        line["context"]["user_id"] for line in server.of(answer.id) if line["message"] == "view.after"
    ] == [user_id]


@pytest.mark.parametrize("kind", ["none", "no_pk", "raises"])
def test_r13_a_strange_user_harms_nothing(server: Server, kind: str) -> None:
    """None, without a primary key, or one that raises."""
    answer = server.get(f"/sync/weird_user?kind={kind}")
    assert answer.status == 200
    assert "user_id" not in server.finished(answer.id)["context"]


# -- R14, R15: failures and refusals ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/sync/crash", "ValueError"),
        ("/async/crash", "ValueError"),
        ("/share/crash", "ValueError"),
        ("/api/crash", "KeyError"),
        ("/api/acrash", "KeyError"),
        ("/api/logged", "KeyError"),
        pytest.param("/drf/crash", "KeyError", marks=needs_drf),
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
    (traced,) = with_traceback(server.of(answer.id))
    assert traced["exception"]["type"] == error


def test_r15_refusals_have_no_traceback(server: Server) -> None:
    """403, 404 and 429 are answers, not errors."""
    for view in (
        "/sync/denied",
        "/async/denied",
        "/sync/missing",
        "/async/missing",
        "/api/throttled",
        "/nowhere",
    ):
        answer = server.get(view)
        assert 400 <= answer.status < 500
        server.wait(
            lambda line, id_=answer.id: (
                line["logger"] == "django.request" and line["context"].get("request_id") == id_
            )
        )
        lines = server.of(answer.id)
        assert not with_traceback(lines)
        assert all(line["level"] in ("INFO", "WARNING") for line in lines)


def test_r15_suspicious_operations_and_csrf_failures_are_security_events(server: Server) -> None:
    """They are told by a logger of their own, with the ids."""
    for view in ("/sync/suspicious", "/async/suspicious"):
        odd = server.get(view)
        server.finished(odd.id)
        (line,) = named(server.of(odd.id), "django.security.SuspiciousOperation")
        assert line["level"] == "ERROR"
    forged = server.call("POST", "/protected")
    assert forged.status == 403
    server.finished(forged.id)
    (line,) = named(server.of(forged.id), "django.security.csrf")
    assert line["message"].startswith("Forbidden")


# -- R16, R20 to R26 --------------------------------------------------------------------------------------------


def test_r16_fifty_at_once_never_mix(real: Server) -> None:
    """Each line carries the mark and the id of its own request."""
    paths = [real.view(f"bind?mark=m{number}") for number in range(50)]
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(real.get, paths))
    for number, answer in enumerate(answers):
        assert real.finished(answer.id)["context"]["secretive"] == f"m{number}"
        marks = {line["context"].get("secretive") for line in real.of(answer.id)}
        assert marks <= {None, f"m{number}"}


@pytest.mark.parametrize("view", ["/sync/ok", "/async/ok"])
def test_r16_sync_and_async_views_work_behind_both_kinds_of_server(server: Server, view: str) -> None:
    """All four combinations: the view's line and the canonical line are of one request."""
    answer = server.get(view)
    assert answer.body == b"ok"
    server.finished(answer.id)
    assert [
        line["message"] for line in server.of(answer.id) if line["logger"].startswith(("tests", "logkit"))
    ] == [
        "view.ran",
        "request.finished",
    ]


def test_r20_setting_django_up_twice_changes_nothing(server: Server) -> None:
    """The ASGI entry point does it: still one line for one event."""
    answer = server.get(server.view("ok"))
    server.finished(answer.id)
    assert len([line for line in server.of(answer.id) if line["message"] == "view.ran"]) == 1


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
    assert server.get("/old/2026/november/").status == 200
    server.wait(
        lambda line: (
            line["context"].get("route") == "old/{year}/<var>/"
            or line["context"].get("route") == "old/{year}/{var}/"
        )
    )
    assert secret not in shown(server)


def test_r22_quiet_paths_speak_only_when_something_is_wrong(server: Server) -> None:
    """A probe that is fine leaves no line; one that is not leaves the usual ones."""
    fine = server.get("/healthz")
    bad = server.get("/healthz?status=503")
    assert server.finished(bad.id)["level"] == "ERROR"
    assert server.finished(server.get("/healthz?status=404").id)["level"] == "INFO"
    loud = server.get(server.view("ok"))
    server.finished(loud.id)
    assert server.of(fine.id) == []


def test_r23_outgoing_calls_carry_the_ids(real: Server) -> None:
    """The other end is asked under the same request id, in the same trace."""
    if real.kind == "gunicorn-sync":
        pytest.skip("one request at a time: it cannot call itself")
    trace = "0af7651916cd43dd8448eb211c80319c"
    answer = real.call(
        "GET",
        f"{real.view('outgoing')}?url={real.url('/sync/body')}",
        [("X-Request-ID", "outgoing-0001"), ("traceparent", f"00-{trace}-b7ad6b7169203331-01")],
    )
    arrived = json.loads(answer.body)
    assert arrived["id"] == "outgoing-0001"
    version, trace_id, span_id, flags = arrived["trace"].split("-")
    assert (version, trace_id, flags) == ("00", trace, "01")
    assert span_id != "b7ad6b7169203331"


def test_r25_capability_urls_are_in_no_line(server: Server) -> None:
    """Neither when the route is known, nor when nothing resolved, nor when the view fails."""
    token = "Zx81kQ" + "p0LmN4vB7cXdE2"
    for path in (
        f"/share/{token}",
        f"/share/crash{token}",
        f"/nothing/here/{token}",
        f"/nothing/{token}?t={token}",
    ):
        answer = server.get(path)
        assert answer.status in (404, 500)
        server.finished(answer.id)
        server.wait(
            lambda line, id_=answer.id: (
                line["logger"] == "django.request" and line["context"].get("request_id") == id_
            )
        )
    assert token not in server.log.read_text()
    messages = {line["message"] for line in server.lines()}
    assert "Not Found: /share/{token}" in messages
    assert "Internal Server Error: /share/{token}" in messages


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


def test_add_fields_are_on_the_canonical_line(server: Server) -> None:
    """And on no other line."""
    answer = server.get(server.view("add_fields"))
    assert server.finished(answer.id)["context"]["rows"] == 12
