"""A trail of its own for each test."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from logkit.audit.emit.deferred import NoTransactions, set_transactions
from tests.unit.audit_events.desk import Desk, FakeTransaction, opened


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Open a desk with these variables; it is closed when the test ends."""
    before = set_transactions(NoTransactions())
    with contextlib.ExitStack() as stack:
        yield lambda **environ: stack.enter_context(opened(tmp_path, **environ))
    set_transactions(before)


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


@pytest.fixture
def transaction() -> Iterator[FakeTransaction]:
    fake = FakeTransaction()
    before = set_transactions(fake)
    yield fake
    set_transactions(before)
