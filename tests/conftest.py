"""Every test starts from the same logging and an empty context, and leaves both as it found them."""

from collections.abc import Iterator

import pytest

from logkit import context, fastlane, pipeline
from logkit.testing import Capture
from tests.program import LANE
from tests.schema import check_line

pytest_plugins = ["pytester"]

if LANE == "off":  # whatever a test configures: no version of Loguru is one that the lane knows
    fastlane.TESTED = ()


@pytest.fixture(autouse=True)
def isolated_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back the installed pipeline, its lane and the empty context after each test."""
    before = pipeline.current_settings()
    yield
    monkeypatch.undo()  # before logging is put back: what a test put into Loguru's place would close the lane
    context.set_context(context.EMPTY)
    if before is None:
        pipeline.shutdown()
    else:
        pipeline.configure(before)
        if not fastlane.status().is_open and LANE != "off":
            pipeline.reopen()


@pytest.fixture
def logs(logs: Capture) -> Iterator[Capture]:
    """The plugin's fixture; whatever a test captured is valid by schema v1."""
    yield logs
    for line in logs.events:
        check_line(line)
