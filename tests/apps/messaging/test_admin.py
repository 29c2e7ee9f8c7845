"""What staff see of messages: that and when, never what; and nothing that they could change."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from messaging.models import Message

LISTS = ["message", "delivery", "receipt"]
pytestmark = pytest.mark.usefixtures("gateway")


def busy(family, many=1):
    for _ in range(many):
        sent = family.member.post(f"{family.path}/messages", {"body": "Grandmother's plum cake"}).json()
        family.other.put(f"{family.path}/messages/{sent['id']}/receipt")


@pytest.mark.parametrize("model", LISTS)
def test_staff_see_lists_without_content_and_without_a_query_per_row(family, model):
    """Each list loads, costs the same for many rows as for few, and shows no body and no address."""
    costs = []
    for many in (1, 5):
        busy(family, many)
        with CaptureQueriesContext(connection) as queries:
            answer = family.staff.get(f"/admin/messaging/{model}/")
        assert answer.status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]
    shown = answer.content.decode()
    assert "plum cake" not in shown
    assert "member@people.example" not in shown


def test_a_message_is_shown_without_its_body_and_cannot_be_changed(family):
    """The page has the deliveries; saving, adding and deleting are refused."""
    busy(family)
    message = Message.objects.get()
    path = f"/admin/messaging/message/{message.id}/change/"
    shown = family.staff.get(path).content.decode()
    assert str(family.owner.id) in shown
    assert "plum cake" not in shown
    assert family.staff.http.post(path, {"body": "forged"}).status_code == 403
    assert family.staff.http.post("/admin/messaging/message/add/", {"body": "x"}).status_code == 403
    assert family.staff.http.post(path.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert Message.objects.get().body == "Grandmother's plum cake"


@pytest.mark.parametrize("who", ["owner", "stranger", "anonymous"])
def test_the_admin_is_for_staff(family, who):
    """Everybody else is sent to the login."""
    assert family[who].get("/admin/messaging/message/").status_code == 302
