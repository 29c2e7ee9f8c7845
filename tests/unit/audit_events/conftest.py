"""A trail of its own for each test."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from logkit.audit import trail as trails
from logkit.audit.deferred import set_transactions
from tests.unit.audit_events.desk import Desk, FakeTransaction


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Open a desk with these variables; it is closed when the test ends."""
    before = trails.install(None)
    opened: list[Desk] = []

    def make(**environ: str) -> Desk:
        desk = Desk(tmp_path, **environ)
        opened.append(desk)
        trails.install(desk.trail)
        return desk

    yield make
    trails.install(before)
    for desk in opened:
        with contextlib.suppress(ValueError):
            logger.remove(desk.handler)
        desk.trail.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


@pytest.fixture
def transaction() -> Iterator[FakeTransaction]:
    fake = FakeTransaction()
    before = set_transactions(fake)
    yield fake
    set_transactions(before)
