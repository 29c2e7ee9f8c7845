"""One person at the API: keeps cookies, sends the CSRF token, gives every request an id of its own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Self

import httpx


class StepFailed(Exception):  # noqa: N818 - it says what happened
    """The service answered otherwise than the story expects."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was sent, and what came back."""

    request_id: str
    method: str
    path: str
    status: int


@dataclass(slots=True)
class Person:
    """Somebody with a browser."""

    base_url: str
    calls: list[Call]
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.base_url, timeout=30, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.http.close()

    def get(self, path: str, expect: int = 200) -> httpx.Response:
        return self._send("GET", path, expect)

    def post(self, path: str, expect: int, json: Any = None, **options: Any) -> httpx.Response:
        return self._send("POST", path, expect, json=json, **options)

    def patch(self, path: str, expect: int, json: Any) -> httpx.Response:
        return self._send("PATCH", path, expect, json=json)

    def delete(self, path: str, expect: int) -> httpx.Response:
        return self._send("DELETE", path, expect)

    def _send(self, method: str, path: str, expect: int, **options: Any) -> httpx.Response:
        request_id = f"demo-{uuid.uuid4()}"
        headers = {"X-Request-ID": request_id, "Referer": self.base_url}
        if token := self.http.cookies.get("csrftoken"):
            headers["X-CSRFToken"] = token
        response = self.http.request(method, path, headers=headers, **options)
        self.calls.append(Call(request_id, method, path, response.status_code))
        if response.status_code != expect:
            raise StepFailed(
                f"{method} {path} answered {response.status_code}, expected {expect}: {response.text[:500]}"
            )
        if response.headers.get("X-Request-ID") != request_id:
            raise StepFailed(f"{method} {path} answered without the request's id in X-Request-ID")
        return response
