"""Responses are closed here without a database to look after, as Django's test client does it."""

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections

from logkit.context import set_answered


@pytest.fixture(autouse=True)
def no_connections_to_close() -> Iterator[None]:
    request_finished.disconnect(close_old_connections)
    yield
    set_answered(None)  # not every test closes its response
    request_finished.connect(close_old_connections)
