"""A pytest plugin for Loguru's own test suite: every call in it goes through the lane's `_log` first.

The suite's handlers are not ours, so the lane sends each call on to Loguru and must not be noticed. See
`make loguru-suite`.
"""

from __future__ import annotations

import pytest
from loguru import _logger

from logkit import fastlane


def _nowhere(*parts: object) -> None:
    raise AssertionError("a call of Loguru's own suite was taken for ours")


def pytest_sessionstart() -> None:
    """Before the first test."""
    fastlane.install(_nowhere, frozenset({-1}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """After the last one: the lane was there all the time."""
    if _logger.Logger._log.__module__ != fastlane.__name__:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
