"""The story of `tests.celery_app` on Redis and on RabbitMQ, told by a pool of processes. (C01-C19)"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.celery_app.checks import *  # noqa: F403  what the story must say
from tests.celery_app.lost import *  # noqa: F403  and of tasks whose process is gone
from tests.celery_app.story import Story, told_by
from tests.services.brokers import remove_queue
from tests.services.servers import amqp_server, redis_server
from tests.worker import Broker

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A queue of its own on a real broker, one worker, everything sent to it, and its last words."""
    server = redis_server if request.param == "redis" else amqp_server
    queue = f"logkit-tests-{uuid.uuid4().hex}"
    with server() as url:
        broker = Broker(url, tmp_path_factory.mktemp(request.param), queue)
        try:
            with told_by("prefork", broker, "-n", f"celery@{queue}") as told:
                yield told
        finally:
            remove_queue(url, queue)
