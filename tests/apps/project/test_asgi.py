"""The same service behind an ASGI server: middleware of both kinds, the request's id, errors in one shape."""

from __future__ import annotations

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from tests.apps.people import a_person

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_request_is_served_with_its_id(logs):
    """Session, API and the canonical line work as behind WSGI."""
    anna = a_person("anna").user

    async def ask() -> list:
        client = AsyncClient()
        await sync_to_async(client.force_login)(anna)
        me = await client.get("/api/me", headers={"X-Request-ID": "asgi-request-1"})
        missing = await client.get("/api/nothing", headers={"X-Request-ID": "asgi-request-2"})
        return [me, missing]

    me, missing = asyncio.run(ask())
    assert (me.status_code, me.json()["id"]) == (200, str(anna.id))
    assert missing.json()["error"]["request_id"] == "asgi-request-2"
    line = logs.has("request.finished", request_id="asgi-request-1")
    assert line["context"]["user_id"] == str(anna.id)
