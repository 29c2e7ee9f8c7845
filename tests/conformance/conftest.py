"""One server of every kind, started once, for the whole suite."""

from collections.abc import Iterator

import pytest

from tests.conformance.servers import KINDS, Server, running


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The conformance site behind each kind of server in turn."""
    kind: str = request.param
    with running(kind, tmp_path_factory.mktemp(kind), LOG_TRUSTED_PROXIES="10.0.0.0/8") as started:
        yield started


@pytest.fixture
def real(server: Server) -> Server:
    """The same, where there is a socket."""
    if not server.is_real:
        pytest.skip("a test client has no connection")
    return server
