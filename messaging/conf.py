"""The settings of this app; read when used, so that a test can override them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """Where pushes go and how stubbornly."""

    url: str
    timeout_s: float
    attempts: int
    backoff_s: float
    backoff_max_s: float


def push_settings() -> PushSettings:
    """PUSH_GATEWAY_URL, PUSH_TIMEOUT_S, PUSH_ATTEMPTS, PUSH_BACKOFF_S, PUSH_BACKOFF_MAX_S."""
    return PushSettings(
        url=settings.PUSH_GATEWAY_URL,
        timeout_s=settings.PUSH_TIMEOUT_S,
        attempts=settings.PUSH_ATTEMPTS,
        backoff_s=settings.PUSH_BACKOFF_S,
        backoff_max_s=settings.PUSH_BACKOFF_MAX_S,
    )


STALE_AFTER = timedelta(minutes=5)  # work this long overdue was lost with its worker or broker
LONGEST_BODY = 4000  # characters
