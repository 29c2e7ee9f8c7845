"""The client of the push gateway: logs and times every call, repeats what is harmless to repeat.

`send()` raises `PushError`, which says whether a later attempt may succeed; waiting is the caller's part.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx
from loguru import logger

from logkit.httpx import hooks
from messaging.conf import push_settings

_CONNECT_REPEATS = 1  # nothing was sent when connecting failed, so a repeat at once is harmless
_TRY_LATER = frozenset({408, 425, 429})  # and every 5xx


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a device is told: that there is something to fetch. Never the content."""

    key: UUID
    recipient_id: UUID
    circle_id: UUID
    message_id: UUID


class PushError(Exception):
    """The gateway did not take a push: `reason` is a code, `status` its answer, if there was one."""

    def __init__(self, reason: str, *, status: int | None = None, retryable: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.retryable = retryable


class PushClient:
    """A pool of connections to one gateway; safe to share between threads, not across a fork."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        self._url = httpx.URL(f"{url}/push")
        self._target = self._url.netloc.decode("ascii")
        self._http = httpx.Client(
            timeout=timeout_s,
            transport=httpx.HTTPTransport(retries=_CONNECT_REPEATS),
            event_hooks=hooks(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def send(self, push: Push, *, attempt: int) -> None:
        """Hand `push` to the gateway; `attempt` counts from 1 over all calls for this push.

        Raises `PushError` when it was refused, cut off or not answered in time.
        """
        started = time.perf_counter()
        status, failure = None, None
        try:
            status = self._post(push)
            failure = _refusal(status)
        except httpx.HTTPError as error:
            failure = PushError(_reason(error))
        call = logger.bind(
            target=self._target,
            status=status,
            duration_ms=round((time.perf_counter() - started) * 1000, 1),
            attempt=attempt,
        )
        if failure is None:
            return call.info("push.accepted")
        call.bind(reason=failure.reason).warning("push.failed")
        raise failure

    def _post(self, push: Push) -> int:
        return self._http.post(
            self._url,
            headers={"Idempotency-Key": str(push.key)},
            json={
                "recipient_id": str(push.recipient_id),
                "circle_id": str(push.circle_id),
                "message_id": str(push.message_id),
            },
        ).status_code


def client() -> PushClient:
    """This process's client; a new one after a fork, and when the settings changed."""
    wanted = push_settings()
    return _client(os.getpid(), wanted.url, wanted.timeout_s)


def forget_client() -> None:
    """Close this process's client; the next call makes a new one."""
    client().close()
    _client.cache_clear()


@lru_cache(maxsize=1)
def _client(pid: int, url: str, timeout_s: float) -> PushClient:
    return PushClient(url, timeout_s=timeout_s)


def _refusal(status: int) -> PushError | None:
    if 200 <= status < 300:
        return None
    return PushError(f"status_{status}", status=status, retryable=status >= 500 or status in _TRY_LATER)


def _reason(error: httpx.HTTPError) -> str:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return "unreachable"
        case httpx.TimeoutException():
            return "timeout"
        case _:
            return "connection_lost"
