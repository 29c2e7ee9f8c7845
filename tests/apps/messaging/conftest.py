"""A real gateway on a free port for each test, and the client that talks to it."""

from collections.abc import Iterator

import pytest

from messaging import push
from messaging.gateway import Gateway
from tests.apps.people import tasks_run_at_once as tasks_run_at_once
from tests.apps.people import tasks_stay_published as tasks_stay_published


@pytest.fixture
def gateway(settings) -> Iterator[Gateway]:
    """The push gateway that the settings point to, with pauses too short to notice."""
    with Gateway() as gateway:
        settings.PUSH_GATEWAY_URL = gateway.url
        settings.PUSH_TIMEOUT_S = 2.0
        settings.PUSH_ATTEMPTS = 4
        settings.PUSH_BACKOFF_S = 0.01
        settings.PUSH_BACKOFF_MAX_S = 0.05
        yield gateway
        push.forget_client()
