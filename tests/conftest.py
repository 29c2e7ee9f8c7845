"""Every test starts from the same logging and an empty context, and leaves both as it found them."""

from collections.abc import Iterator

import pytest

from logkit import context, pipeline


@pytest.fixture(autouse=True)
def isolated_logging() -> Iterator[None]:
    """Put back the installed pipeline and the empty context after each test."""
    before = pipeline.current_settings()
    yield
    context.set_context(context.EMPTY)
    if before is None:
        pipeline.shutdown()
    else:
        pipeline.configure(before)
