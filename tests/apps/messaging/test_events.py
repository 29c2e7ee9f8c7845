"""Each event of the catalogue, provoked through HTTP or a task; none holds what people wrote."""

from datetime import timedelta

import pytest
from django.utils import timezone

from messaging import tasks
from messaging.conf import STALE_AFTER
from messaging.events import EVENTS
from messaging.gateway import Behaviour
from messaging.models import Message
from tests.apps.catalogue import check, check_page, in_source, texts

BODY = "Grandmother's secret plum cake"


def send(family):
    message_id = family.member.post(f"{family.path}/messages", {"body": BODY}).json()["id"]
    return f"{family.path}/messages/{message_id}"


def sent(family, gateway):
    send(family)


def edited(family, gateway):
    family.member.patch(send(family), {"body": f"{BODY}!"})


def deleted(family, gateway):
    family.member.delete(send(family))


def read(family, gateway):
    family.other.put(f"{send(family)}/receipt")


def one_fault(family, gateway):
    gateway.state.behaviour = Behaviour(fail_next=1)
    send(family)


def refusal(family, gateway):
    gateway.state.behaviour = Behaviour(fail_next=1, fail_status=410)
    send(family)


def outage(family, gateway):
    gateway.state.behaviour = Behaviour(fail_next=1000)
    send(family)


def lost_fan_out(family, gateway):
    Message.objects.create(
        circle=family.circle,
        author=family.member.user,
        body=BODY,
        sent_at=timezone.now() - STALE_AFTER - timedelta(seconds=1),
    )
    tasks.recover.apply()


PROVOKE = {
    "message.sent": sent,
    "message.edited": edited,
    "message.deleted": deleted,
    "message.read": read,
    "message.fanned_out": sent,
    "push.accepted": sent,
    "push.failed": one_fault,
    "delivery.sent": sent,
    "delivery.postponed": one_fault,
    "delivery.failed": refusal,
    "delivery.gave_up": outage,
    "delivery.recovered": lost_fan_out,
}


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_is_as_the_catalogue_says(family, gateway, logs, name):
    """Name, level and fields; and not a word of the message in any line."""
    PROVOKE[name](family, gateway)
    check(logs, name, EVENTS[name])
    everything = texts(logs)
    assert "plum cake" not in everything
    assert "people.example" not in everything


def test_the_page_is_what_the_catalogue_says():
    """The reference page was made from the catalogue as it is."""
    check_page("messaging", EVENTS)


def test_the_catalogue_is_complete():
    """Whatever the source can log is in it, and nothing else."""
    assert in_source("messaging", but=("gateway",)) == set(EVENTS)


def test_a_move_says_from_where_to_where(family, gateway, logs):
    """The one line of a state change names both states."""
    send(family)
    moves = logs.find("delivery.sent")
    assert len(moves) == 3
    assert {(line["context"]["state_from"], line["context"]["state_to"]) for line in moves} == {
        ("pending", "sent")
    }


def test_the_trail_says_who_deleted_whose_message(family, gateway, trail):
    """A deletion is in the audit trail, as is a denied edit."""
    path = send(family)
    assert family.owner.patch(path, {"body": "x"}).status_code == 403
    assert family.admin.delete(path).status_code == 204
    assert trail.only("authz.denied")["detail"]["permission"] == "message.edit"
    assert trail.only("data.deleted")["detail"]["mode"] == "erase"
