"""The pytest plugin: the `logs` fixture. Everything else is in `logkit.testing`, loaded when a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from logkit.testing import Capture


@pytest.fixture
def logs() -> Iterator[Capture]:
    """What would be written during the test, after redaction, at every level."""
    from logkit.testing import capture

    with capture() as captured:
        yield captured
