"""The story of `tests.celery_app` on Redis and on RabbitMQ, told by pools of one process. (C01-C19)"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from tests.celery_app.checks import *  # noqa: F403  what the story must say
from tests.celery_app.story import Story
from tests.services.brokers import SERVERS, told_on

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module", params=product(SERVERS, ("threads", "solo")), ids="-".join)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    server, pool = request.param
    with told_on(server, pool, tmp_path_factory.mktemp(pool)) as told:
        yield told
