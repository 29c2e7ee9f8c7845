"""The story of `tests.celery_app`, told by a pool of processes on the broker of files. (C01-C19)"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.celery_app.checks import *  # noqa: F403  what the story must say
from tests.celery_app.lost import *  # noqa: F403  and of tasks whose process is gone
from tests.celery_app.story import Story, told_by
from tests.worker import Broker

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """One worker, everything sent to it, and its last words too."""
    with told_by("prefork", Broker("filesystem://", tmp_path_factory.mktemp("celery"))) as told:
        yield told
