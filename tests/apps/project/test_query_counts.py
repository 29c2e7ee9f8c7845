"""No list of the API costs a query for each of its rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from keeps.models import Keep
from messaging.models import Message
from mysite.api import openapi
from mysite.openapi import operations
from tests.apps.people import Family, a_family
from tests.apps.rows import one_more

DOCUMENT = openapi()
MOST = 6  # queries: the session, its person, membership, the rows, and what is counted with them


def is_list(operation: dict[str, Any]) -> bool:
    """Does the document say that the answer has many rows: an array, or a page of one?"""
    content = operation["responses"].get(200, {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return schema.get("type") == "array" or "items" in DOCUMENT["components"]["schemas"].get(name, {}).get(
        "properties", {}
    )


LISTS = [path for path, method, operation in operations(DOCUMENT) if method == "get" and is_list(operation)]


@pytest.fixture
def everybody(db: None) -> Family:
    return a_family()


def rows_of(answer: Any) -> int:
    content = answer.json()
    return len(content if isinstance(content, list) else content["items"])


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_for_many_as_for_few(everybody, path):
    """Two rows and eight take equally many queries, and few."""
    costs, sizes = [], []
    for more in (2, 6):
        for _ in range(more):
            one_more(everybody)
        ids = {
            "circle_id": everybody.circle.id,
            "message_id": Message.objects.order_by("sent_at", "id")[0].id,
            "keep_id": Keep.objects.order_by("created_at", "id")[0].id,
        }
        with CaptureQueriesContext(connection) as queries:
            answer = everybody.owner.get(path.format(**ids))
        costs.append(len(queries))
        sizes.append(rows_of(answer))
    assert sizes[1] == (1 if path == "/api/me/consents" else sizes[0] + 6)  # consents: one for each purpose
    assert costs[0] == costs[1] <= MOST


def test_every_list_is_tried():
    """The lists are found in the document."""
    assert len(LISTS) >= 9
