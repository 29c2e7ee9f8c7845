"""Requests to the project itself, through Django's test clients: what its lines say, and what they never say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import AsyncClient, Client

from logkit.testing import Capture
from users.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "correct-" + "horse-battery"


@pytest.fixture(autouse=True)
def no_calls_counted() -> Iterator[None]:
    cache.clear()  # rate limits are counted there
    yield
    cache.clear()


@pytest.fixture
def member() -> User:
    return User.objects.create_user("ada" + "@" + "example.org", PASSWORD)


def finished(logs: Capture, response: Any) -> dict[str, Any]:
    (line,) = logs.find("request.finished", request_id=response["X-Request-ID"])
    return dict(line["context"])


def test_r11_a_session_is_a_pseudonym_and_its_user_is_known_when_the_api_has_asked(
    member: User, logs: Capture
) -> None:
    """Django Ninja evaluates the user inside the view."""
    client = Client()
    client.force_login(member)
    response = client.get("/api/circles")
    assert response.status_code == 200
    line = finished(logs, response)
    assert line["user_id"] == str(member.pk)
    assert line["route"] == "api/circles"
    assert line["session"].startswith("h1:")
    assert client.session.session_key not in str(logs.events)


def test_r22_the_health_probe_is_quiet(logs: Capture) -> None:
    """A line for debugging only, and no query."""
    response = Client().get("/healthz")
    assert "Cookie" not in response.get("Vary", "")
    line = logs.only("request.finished", route="healthz", db_queries=0)
    assert line["level"] == "DEBUG"


def test_r15_refusals_of_the_api_are_answers(logs: Capture) -> None:
    """Nobody logged in, nothing there: one line each, without a traceback."""
    for path, status in [("/api/circles", 401), ("/api/nothing", 404)]:
        response = Client().get(path)
        assert response.status_code == status
        assert response.json()["error"]["request_id"] == response["X-Request-ID"]
        assert finished(logs, response)["outcome"] == "rejected"
    assert not [line for line in logs.events if "exception" in line]


def test_r25_a_share_link_is_in_no_line(logs: Capture) -> None:
    """Neither as it was asked for, nor in what Django says of it."""
    token = "kx7Qw2Lm" + "9ZtR4vBn8YcD3sFg"
    Client().get(f"/api/shared/{token}")
    Client().get(f"/s/{token}/")
    assert len(logs.find("request.finished")) == 2
    assert token not in str(logs.events)


def test_r16_the_project_behind_an_async_handler(member: User, logs: Capture) -> None:
    """The same lines, whoever awaits them."""
    response = asyncio.run(AsyncClient().get("/api/circles"))
    assert response.status_code == 401
    assert finished(logs, response)["route"] == "api/circles"
