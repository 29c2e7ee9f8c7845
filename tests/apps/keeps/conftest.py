"""Each test stores its files in a directory of its own."""

from pathlib import Path

import pytest

from tests.apps.people import files as files
from tests.apps.people import tasks_run_at_once as tasks_run_at_once
from tests.apps.people import tasks_stay_published as tasks_stay_published


@pytest.fixture(autouse=True)
def own_directory(files: Path) -> None:
    """Nothing is written where another test would find it."""
