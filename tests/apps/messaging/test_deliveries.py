"""From a sent message to the devices of the others: fan-out, attempts, ends, recovery."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from logkit.testing import wait_until
from messaging import dispatch, services, tasks
from messaging.conf import STALE_AFTER
from messaging.gateway import Behaviour
from messaging.models import Delivery, DeliveryState, Message
from tests.apps.people import a_person
from users.models import Membership


def send(family, body="Dinner at seven"):
    answer = family.member.post(f"{family.path}/messages", {"body": body})
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


def states(message_id):
    return sorted(Delivery.objects.filter(message_id=message_id).values_list("state", "attempts"))


def test_every_other_member_is_notified_once(family, gateway):
    """The author is not; each recipient has a key of their own; nothing of the body leaves."""
    message_id = send(family, body="a secret recipe")
    others = {str(person.id) for person in (family.owner, family.admin, family.other)}
    received = gateway.state.received
    assert {call.recipient_id for call in received} == others
    assert {call.message_id for call in received} == {message_id}
    assert len({call.key for call in received}) == 3
    assert states(message_id) == [("sent", 1)] * 3
    assert "recipe" not in repr(received)


@pytest.mark.parametrize(
    "behaviour", [Behaviour(fail_next=1), Behaviour(drop_next=1), Behaviour(fail_next=1, fail_status=429)]
)
def test_a_failed_attempt_is_repeated_under_the_same_key(family, gateway, behaviour):
    """After one fault of the gateway the same push comes again, and everybody is notified."""
    gateway.state.behaviour = behaviour
    message_id = send(family)
    assert states(message_id) == [("sent", 1), ("sent", 1), ("sent", 2)]
    accepted = {call.key for call in gateway.state.received if call.fate == "accepted"}
    assert {call.key for call in gateway.state.received} == accepted


def test_a_timeout_is_repeated_under_the_same_key(family, gateway, settings, tasks_stay_published):
    """The gateway took it too late for our patience; the repeat is recognised there by its key."""
    send(family)
    dispatch.fan_out(Message.objects.get().id)
    delivery = Delivery.objects.first()
    settings.PUSH_TIMEOUT_S = 0.1
    gateway.state.behaviour = Behaviour(slow_ms=300)
    assert dispatch.attempt(delivery.id, 1) > 0
    wait_until(lambda: gateway.state.received, what="the late push")
    settings.PUSH_TIMEOUT_S = 2.0
    gateway.state.behaviour = Behaviour()
    assert dispatch.attempt(delivery.id, 2) is None
    assert [call.fate for call in gateway.state.received] == ["accepted", "duplicate"]
    assert Delivery.objects.get(id=delivery.id).state == "sent"


def test_a_permanent_refusal_ends_the_delivery(family, gateway):
    """A 410 is not asked again."""
    gateway.state.behaviour = Behaviour(fail_next=1, fail_status=410)
    message_id = send(family)
    assert states(message_id) == [("failed", 1), ("sent", 1), ("sent", 1)]
    assert Delivery.objects.get(state="failed").reason == "status_410"


def test_after_the_last_attempt_it_gives_up(family, gateway, settings):
    """PUSH_ATTEMPTS is the end, and the gateway hears no more of it."""
    settings.PUSH_ATTEMPTS = 3
    gateway.state.behaviour = Behaviour(fail_next=1000)
    message_id = send(family)
    assert states(message_id) == [("gave_up", 3)] * 3
    assert len(gateway.state.received) == 9


def test_a_message_deleted_on_the_way_does_not_go_out(family, gateway, tasks_stay_published):
    """A delivery of a message that is gone fails, for that reason, without a call."""
    message_id = send(family)
    dispatch.fan_out(Message.objects.get().id)
    family.member.delete(f"{family.path}/messages/{message_id}")
    delivery = Delivery.objects.first()
    assert dispatch.attempt(delivery.id, 1) is None
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("failed", "message_deleted")
    assert gateway.state.received == ()


def test_who_left_the_circle_is_not_notified(family, gateway, tasks_stay_published):
    """Between fan-out and attempt somebody was removed: nothing of the circle reaches them."""
    send(family)
    dispatch.fan_out(Message.objects.get().id)
    family.circle.memberships.filter(user=family.other.user).delete()
    delivery = Delivery.objects.get(recipient=family.other.user)
    dispatch.attempt(delivery.id, 1)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("failed", "not_a_member")


def test_a_task_delivered_twice_does_its_work_once(family, gateway, tasks_stay_published):
    """The broker may hand a task over twice: no second delivery, no second push."""
    send(family)
    message = Message.objects.get()
    assert [dispatch.fan_out(message.id), dispatch.fan_out(message.id)] == [3, 0]
    delivery = Delivery.objects.first()
    dispatch.attempt(delivery.id, 1)
    dispatch.attempt(delivery.id, 1)
    dispatch.attempt(delivery.id, 2)
    assert len(gateway.state.received) == 1


def test_an_attempt_is_made_once_even_when_it_failed(family, gateway, tasks_stay_published):
    """The first attempt failed and its task comes again: the next attempt is another task's, later."""
    gateway.state.behaviour = Behaviour(fail_next=1000)
    send(family)
    dispatch.fan_out(Message.objects.get().id)
    delivery = Delivery.objects.first()
    assert dispatch.attempt(delivery.id, 1) is not None
    assert dispatch.attempt(delivery.id, 1) is None
    assert dispatch.attempt(delivery.id, 3) is None
    assert len(gateway.state.received) == 1


def test_a_task_for_what_is_gone_is_no_error(db):
    """Ids of rows that were deleted in the meantime are nothing to do."""
    assert dispatch.fan_out(uuid4()) == 0
    assert dispatch.attempt(uuid4(), 1) is None


def test_nothing_is_published_for_a_message_that_was_rolled_back(family, gateway, tasks_stay_published):
    """The fan-out follows the commit, and there was none."""
    with transaction.atomic():
        services.send(family.member.user, family.circle.id, "never")
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert tasks_stay_published == []


def test_what_a_lost_worker_left_is_published_again(family, gateway, tasks_stay_published):
    """An overdue fan-out and an overdue attempt come back; what is on time stays."""
    long_ago = timezone.now() - STALE_AFTER - timedelta(seconds=1)
    send(family)
    send(family)
    first, second = Message.objects.order_by("sent_at")
    dispatch.fan_out(second.id)
    overdue = Delivery.objects.filter(message=second).first()
    Delivery.objects.filter(id=overdue.id).update(attempts=2, next_attempt_at=long_ago)
    Message.objects.filter(id=first.id).update(sent_at=long_ago)
    tasks_stay_published.clear()
    tasks.recover.apply()
    assert sorted(tasks_stay_published) == [
        ("messaging.deliver", (str(overdue.id), "3")),
        ("messaging.fan_out", (str(first.id),)),
    ]


def test_a_broker_that_is_away_loses_no_message(family, gateway, monkeypatch):
    """The message is stored and answered; the recovery publishes it when the broker is back."""

    def away(*args, **kwargs):
        raise OSError("no broker")

    with monkeypatch.context() as patch:
        patch.setattr("celery.app.task.Task.apply_async", away)
        send(family)
    assert gateway.state.received == ()
    Message.objects.update(sent_at=timezone.now() - STALE_AFTER - timedelta(seconds=1))
    tasks.recover.apply()
    assert len(gateway.state.received) == 3


def test_a_settled_delivery_stays_settled(family, gateway):
    """No end leads anywhere else."""
    send(family)
    delivery = Delivery.objects.select_related("message").first()
    with pytest.raises(ValueError, match="cannot go from sent to failed"):
        dispatch._settle(delivery, DeliveryState.FAILED)


def test_fan_out_costs_the_same_for_many_members_as_for_few(family, tasks_stay_published):
    """No query per recipient."""

    def cost():
        tasks_stay_published.clear()
        send(family)
        message = Message.objects.latest("sent_at")
        with CaptureQueriesContext(connection) as queries:
            dispatch.fan_out(message.id)
        return len(queries)

    few = cost()
    for n in range(8):
        Membership.objects.create(circle=family.circle, user=a_person(f"more{n}").user)
    assert cost() == few
