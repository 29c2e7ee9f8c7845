"""Messages over HTTP: send, read, edit, delete, and pages of them."""

import re
from base64 import urlsafe_b64encode
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messaging.models import Message, Receipt

pytestmark = pytest.mark.usefixtures("gateway")


def send(family, who="member", body="Dinner at seven"):
    answer = family[who].post(f"{family.path}/messages", {"body": body})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_message_sent_is_seen_by_the_circle(family):
    """What one member sends, another finds at the top of the list."""
    sent = send(family)
    page = family.other.get(f"{family.path}/messages").json()
    assert page["items"] == [sent]
    assert page["next"] is None
    assert sent["body"] == "Dinner at seven"
    assert sent["author_id"] == str(family.member.id)


def test_pages_follow_one_another_without_gap_or_repeat(family):
    """Walking by cursor sees every message once, newest first, though new ones arrive in between."""
    start = timezone.now()
    for n in range(7):  # three share a moment: the id decides
        Message.objects.create(
            circle=family.circle,
            author=family.member.user,
            body=str(n),
            sent_at=start + timedelta(seconds=n // 3),
        )
    seen, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = family.other.get(f"{family.path}/messages", **query).json()
        seen += [item["body"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
        Message.objects.create(
            circle=family.circle, author=family.member.user, body="new", sent_at=start + timedelta(hours=1)
        )
    assert sorted(seen) == [str(n) for n in range(7)]
    assert [int(body) // 3 for body in seen] == sorted((int(body) // 3 for body in seen), reverse=True)


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "bm90IGEgY3Vyc29y", "MjAyNi0wMS0wMQ", "\u20ac", "A" * 200),
        *(
            urlsafe_b64encode(f"{moment} {UUID(int=7)}".encode()).decode()
            for moment in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00")
        ),
    ],
    ids=str,
)
def test_a_cursor_of_nobody_is_refused(family, cursor):
    """A cursor that no page returned is a clear 422, never a 500."""
    answer = family.member.get(f"{family.path}/messages", cursor=cursor)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "bad_cursor"


@pytest.mark.parametrize(
    "given", [{}, {"body": ""}, {"body": "x" * 4001}, {"body": None}, {"body": "a\x00b"}, {"body": "\ud800"}]
)
def test_a_body_that_cannot_be_kept_is_refused(family, given):
    """Empty, too long, control characters, half a character: 422, and nothing is stored."""
    assert family.member.post(f"{family.path}/messages", given).status_code == 422
    assert not Message.objects.exists()


def test_its_author_edits_a_message(family):
    """The new body is there, and that it was edited."""
    sent = send(family)
    edited = family.member.patch(f"{family.path}/messages/{sent['id']}", {"body": "At eight"}).json()
    assert (edited["body"], edited["edited_at"] is None) == ("At eight", False)


def test_a_deleted_message_is_gone_with_its_body(family):
    """Nobody finds it any more, and its body is not in the database."""
    sent = send(family, body="regretted")
    path = f"{family.path}/messages/{sent['id']}"
    assert family.member.delete(path).status_code == 204
    assert family.other.get(path).status_code == 404
    assert family.member.patch(path, {"body": "again"}).status_code == 404
    assert family.other.get(f"{family.path}/messages").json()["items"] == []
    assert Message.objects.get(id=sent["id"]).body == ""


def test_reading_counts_once(family):
    """Two receipts of one reader are one; the list says how many have read."""
    sent = send(family)
    path = f"{family.path}/messages/{sent['id']}"
    first = family.other.put(f"{path}/receipt").json()
    assert family.other.put(f"{path}/receipt").json() == first
    family.admin.put(f"{path}/receipt")
    assert family.member.get(path).json()["reads"] == 2
    assert [each["reader_id"] for each in family.member.get(f"{path}/receipts").json()] == [
        str(family.other.id),
        str(family.admin.id),
    ]


def test_another_circles_message_is_not_found(family):
    """A message id is worth nothing under a circle that it does not belong to."""
    sent = send(family)
    assert family.member.get(f"/api/circles/{uuid4()}/messages/{sent['id']}").status_code == 404


def test_a_denial_changes_nothing(family):
    """Whoever may not edit or delete leaves the message as it was."""
    sent = send(family)
    family.owner.patch(f"{family.path}/messages/{sent['id']}", {"body": "forged"})
    family.other.delete(f"{family.path}/messages/{sent['id']}")
    assert family.member.get(f"{family.path}/messages/{sent['id']}").json() == sent


def test_unsafe_calls_need_the_csrf_token(family):
    """A session cookie alone, as another site could make a browser send, is not enough."""
    family.member.http.handler.enforce_csrf_checks = True
    assert family.member.post(f"{family.path}/messages", {"body": "x"}).status_code == 403


def test_a_list_costs_the_same_for_many_as_for_few(family):
    """No query per message: 3 and 30 messages take equally many."""
    counts = []
    for many in (3, 30):
        messages = Message.objects.bulk_create(
            Message(circle=family.circle, author=family.member.user, body="x") for _ in range(many)
        )
        Receipt.objects.bulk_create(Receipt(message=each, reader=family.other.user) for each in messages)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert family.other.get(f"{family.path}/messages").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


def sqlite_plan(database):
    """How to ask, how a walk along the index begins, and what a sort is called."""
    return (
        "EXPLAIN QUERY PLAN",
        r"USING INDEX message_timeline \(circle_id=\? AND sent_at<\?\)",
        "TEMP B-TREE",
    )


def postgresql_plan(database):
    """The same; a table of three rows is not worth an index, so that the planner must be told."""
    database.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    return "EXPLAIN", r"Index Cond: \(\(circle_id = .* AND \(sent_at <", "Sort"


PLANS = {"sqlite": sqlite_plan, "postgresql": postgresql_plan}


def test_a_deep_page_starts_in_the_index_where_it_begins(family):
    """The database neither walks from the newest message nor groups the whole circle."""
    for _ in range(3):
        send(family)
    cursor = family.other.get(f"{family.path}/messages", limit=1).json()["next"]
    with CaptureQueriesContext(connection) as queries:
        family.other.get(f"{family.path}/messages", limit=1, cursor=cursor)
    (listing,) = [query["sql"] for query in queries if "ORDER BY" in query["sql"] and "body" in query["sql"]]
    with connection.cursor() as database:
        explain, starts, sorts = PLANS[connection.vendor](database)
        database.execute(f"{explain} {listing}")
        plan = [step[-1] for step in database.fetchall()]
    assert any(re.search(starts, step) for step in plan), plan
    assert not any(sorts in step for step in plan), plan
