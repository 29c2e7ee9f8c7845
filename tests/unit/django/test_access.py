"""What is left of the lines that servers and Django write about a request."""

import logging
import socket
from typing import Any

import pytest

from logkit.access import path_matcher, retold
from logkit.context import Context, Scope, set_answered, set_context

TOKEN = "Zx81kQ" + "p0LmN4vB7cXdE2"
quiet = path_matcher(("/healthz", "/static/*"))


class Atoms(dict[str, str]):
    """gunicorn's: what is not there is a dash."""

    def __getitem__(self, key: str) -> str:
        return self.get(key, "-")


def record(
    name: str, msg: str, *args: object, level: int = logging.INFO, **extra: object
) -> logging.LogRecord:
    made = logging.LogRecord(name, level, __file__, 1, msg, args, None)
    made.__dict__.update(extra)
    return made


@pytest.fixture
def answered() -> Any:
    """A request to a share link, just answered."""
    context = Context(
        {"request_id": "r-0000001", "route": "share/{token}", "client_ip": "203.0.113.0"}, Scope()
    )
    set_answered(context)
    yield context
    set_answered(None)


def test_r25_runservers_line_names_the_route(answered: Context) -> None:
    """Its socket, its own time and the raw path are gone; the original record is as it was."""
    with socket.socket() as live:
        made = record(
            "django.server",
            '"%s" %s %s',
            f"GET /share/{TOKEN}?t={TOKEN} HTTP/1.1",
            "200",
            "12",
            request=live,
            status_code=200,
        )
        told = retold(made, quiet)
        assert told.getMessage() == '"GET /share/{token} HTTP/1.1" 200 12'
        assert told.__dict__["_logkit_context"] is answered
        assert told.__dict__["status"] == 200
        assert "request" not in told.__dict__
        assert made.__dict__["request"] is live
        assert TOKEN in made.getMessage()


def test_r21_gunicorns_line_has_no_query_header_or_address(answered: Context) -> None:
    """Its atoms keep their meaning, and lose what the client sent."""
    atoms = Atoms(
        h="198.51.100.9", r=f"GET /share/{TOKEN}?q=1 HTTP/1.1", s="404", b="9", U=f"/share/{TOKEN}", q="q=1",
        f=f"http://x/{TOKEN}", a="agent",
    )  # fmt: skip
    atoms["{cookie}i"] = "sessionid=1"
    made = record(
        "gunicorn.access", '%(h)s "%(r)s" %(s)s %(U)s "%(q)s" "%(f)s" "%(a)s" %({cookie}i)s %(z)s', atoms
    )
    assert (
        retold(made, quiet).getMessage()
        == '203.0.113.0 "GET /share/{token} HTTP/1.1" 404 /share/{token} "" "-" "-" - -'
    )
    assert made.args["a"] == "agent"  # type: ignore[index, call-overload]


def test_r25_uvicorns_line_without_a_route_hides_what_looks_like_a_capability() -> None:
    """Nothing resolved, so the path stays, without its query and its long mixed segments."""
    made = record(
        "uvicorn.access", '%s - "%s %s HTTP/%s" %d', "198.51.100.9:5", "GET", f"/a/{TOKEN}?x=1", "1.1", 404
    )
    message = retold(made, quiet).getMessage()
    assert TOKEN not in message
    assert message.startswith('- - "GET /a/')
    assert message.endswith(' HTTP/1.1" 404')


@pytest.mark.parametrize(
    ("status", "path", "level"), [(200, "/healthz?x", 10), (503, "/healthz", 20), (200, "/x", 20)]
)
def test_r22_what_servers_say_of_quiet_paths(status: int, path: str, level: int) -> None:
    """DEBUG while it goes well."""
    made = record("uvicorn.access", '%s - "%s %s HTTP/%s" %d', "a", "GET", path, "1.1", status)
    assert retold(made, quiet).levelno == level
    made = record("django.server", '"%s" %s %s', f"GET {path} HTTP/1.1", str(status), "1", status_code=status)
    assert retold(made, quiet).levelno == level


def test_r01_a_line_of_nobodys_request_has_no_context() -> None:
    """A server's own words, before and between requests."""
    told = retold(record("gunicorn.error", "Listening at: %s (%s)", "http://127.0.0.1:8000", 17), quiet)
    assert not told.__dict__["_logkit_context"]
    assert told.getMessage() == "Listening at: http://127.0.0.1:8000/ (17)".replace("8000/", "8000")


def test_r01_the_request_that_a_record_names_wins_over_the_current_one() -> None:
    """A line about another request is that request's."""
    theirs = Context({"request_id": "theirs-01"}, Scope())
    request = type("Request", (), {"_logkit_context": theirs})()
    set_context(Context({"request_id": "mine-0001"}, Scope()))
    made = record("django.request", "Not Found: %s", "/x", request=request, status_code=404)
    assert retold(made, quiet).__dict__["_logkit_context"]["request_id"] == "theirs-01"


def test_a_request_that_cannot_be_asked_harms_nothing() -> None:
    """Somebody's lazy object under that name."""

    class Lazy:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("not now")

    assert retold(record("django.request", "x", request=Lazy()), quiet).getMessage() == "x"


def test_arguments_that_do_not_fit_are_left_to_the_handler() -> None:
    """Not ours to judge: the handler keeps the raw message."""
    told = retold(record("django.request", "%s %s", "/only-one"), quiet)
    assert told.args == ("/only-one",)
    assert retold(record("gunicorn.access", "%(r)s", {}), quiet) is not None


@pytest.mark.parametrize(
    ("name", "msg", "args", "shown", "hidden"),
    [
        (
            "gunicorn.error",
            "Invalid request from ip=2001:db8::7: Invalid HTTP Header: 'Authorization s3cret'",
            (),
            "Invalid request from ip=2001:db8::7: Invalid HTTP Header",
            "Invalid request from ip=-: Invalid HTTP Header",
        ),
        (
            "gunicorn.error",
            "Invalid request from ip=198.51.100.9: Request Line is too large (8192 > 4094)",
            (),
            "Invalid request from ip=198.51.100.9: Request Line is too large (8192 > 4094)",
            "Invalid request from ip=-: Request Line is too large (8192 > 4094)",
        ),
        (
            "uvicorn.error",
            '%s - "WebSocket %s" [accepted]',
            ("198.51.100.9:5", f"/socket/{TOKEN}?key=s3cret"),
            '198.51.100.9:5 - "WebSocket /socket/[REDACTED]" [accepted]',
            '- - "WebSocket /socket/[REDACTED]" [accepted]',
        ),
        (
            "django.server",
            "- Broken pipe from %s",
            (("198.51.100.9", 5),),
            "- Broken pipe from ('198.51.100.9', 5)",
            "- Broken pipe from -",
        ),
    ],
)
def test_r10_r21_a_peer_is_named_unless_addresses_are_not_shown(
    name: str, msg: str, args: tuple[object, ...], shown: str, hidden: str
) -> None:
    """What a server refuses is not repeated either way."""
    made = record(name, msg, *args, level=logging.WARNING)
    assert retold(made, quiet).getMessage() == shown
    assert retold(made, quiet, hides_peers=True).getMessage() == hidden


@pytest.mark.parametrize(
    ("msg", "args", "said"),
    [
        (
            "code %d, message %s",
            (400, f"Bad request syntax ('GET {TOKEN} x y z')"),
            "code 400, message Bad request syntax",
        ),
        ('"%s" %s %s', (f"{TOKEN} s3cret", "400", "-"), '"-" 400 -'),
    ],
)
def test_r21_runserver_does_not_repeat_what_is_no_request(
    msg: str, args: tuple[object, ...], said: str
) -> None:
    """Neither in its reason nor in its line."""
    assert retold(record("django.server", msg, *args), quiet).getMessage() == said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Referer checking failed - https://evil.example/share/x?y=1 does not match any trusted origins.",
            "https://evil.example ",
        ),
        (
            "Origin checking failed - http://ann:pw@[::1]:80/x does not match any trusted origins.",
            "http://[::1]:80 ",
        ),
    ],
)
def test_r21_a_url_in_a_sentence_of_djangos_keeps_its_origin(said: str, told: str) -> None:
    """It came in a header."""
    made = record("django.security.csrf", "Forbidden (%s): %s", said, "/x", status_code=403)
    message = retold(made, quiet).getMessage()
    assert told in message
    assert "/share" not in message
    assert "pw" not in message
