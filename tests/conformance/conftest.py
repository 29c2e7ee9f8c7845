"""One server of every kind, started once, for the whole suite; and the other end of outgoing calls."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.conformance.servers import KINDS, Server, running

PROXY = "127.0.0.2"  # the one peer, beside a network, that is believed about whom it asks for


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """The conformance site behind a kind of server: started when the first test asks for it."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def started(kind: str) -> Server:
            directory = tmp_path_factory.mktemp(kind)
            trusted = f"10.0.0.0/8,{PROXY}"
            return stack.enter_context(running(kind, directory, LOG_TRUSTED_PROXIES=trusted))

        yield started


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, site: Callable[[str], Server]) -> Server:
    """Each kind of server in turn; `behind` names those that a test is about."""
    return site(request.param)


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the headers that arrived."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(scope="session")
def other_service() -> Iterator[str]:
    """The URL of a service that a view may call."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}/"
        other.shutdown()
        thread.join()
