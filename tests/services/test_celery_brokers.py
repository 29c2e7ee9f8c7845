"""The story of `tests.celery_app` on Redis and on RabbitMQ, told by a pool of processes. (C01-C19)"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.celery_app.checks import *  # noqa: F403  what the story must say
from tests.celery_app.lost import *  # noqa: F403  and of tasks whose process is gone
from tests.celery_app.story import Story
from tests.services.brokers import SERVERS, told_on

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module", params=SERVERS)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with told_on(request.param, "prefork", tmp_path_factory.mktemp(request.param)) as told:
        yield told
