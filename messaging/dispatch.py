"""How a message reaches the others: one delivery per recipient, attempted until it is settled.

`fan_out_on_commit`, `fan_out`, `attempt`, `recover`. A task may run twice or be lost with its worker: fan-out can
be repeated, an attempt is claimed by its number, and `recover` publishes again what is overdue.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from loguru import logger

from messaging import push, queries
from messaging.backoff import pause
from messaging.conf import STALE_AFTER, push_settings
from messaging.models import DELIVERY_MOVES, Delivery, DeliveryState, Message
from users.dispatch import after_commit
from users.queries import member_ids

if TYPE_CHECKING:
    from loguru import Logger


def fan_out_on_commit(message_id: UUID) -> None:
    """Publish the fan-out when the surrounding transaction commits."""
    after_commit("messaging.fan_out", message_id)


def fan_out(message_id: UUID) -> int:
    """Create what is missing of a message's deliveries and publish them; returns how many are on their way."""
    with transaction.atomic():
        message = Message.objects.select_for_update().filter(id=message_id, deleted_at=None).first()
        if message is None or message.fanned_out_at:
            return 0
        recipients = [user_id for user_id in member_ids(message.circle_id) if user_id != message.author_id]
        deliveries = Delivery.objects.bulk_create(
            [Delivery(message=message, recipient_id=user_id) for user_id in recipients]
        )
        message.fanned_out_at = timezone.now()
        message.save(update_fields=["fanned_out_at"])
        for delivery in deliveries:
            after_commit("messaging.deliver", delivery.id, 1)
    logger.bind(circle_id=message.circle_id, message_id=message.id, deliveries=len(deliveries)).info(
        "message.fanned_out"
    )
    return len(deliveries)


def attempt(delivery_id: UUID, number: int) -> float | None:
    """Make attempt `number` (from 1) of a delivery.

    Returns the seconds to wait before the next one, or None when there is nothing left to do: it is settled, or
    somebody else has made this attempt.
    """
    delivery = _claim(delivery_id, number)
    if delivery is None:
        return None
    withdrawn = _withdrawn(delivery)
    if withdrawn:
        _settle(delivery, DeliveryState.FAILED, reason=withdrawn)
        return None
    try:
        push.client().send(
            push.Push(
                key=delivery.key,
                recipient_id=delivery.recipient_id,
                circle_id=delivery.message.circle_id,
                message_id=delivery.message_id,
            ),
            attempt=number,
        )
    except push.PushError as failure:
        return _after_failure(delivery, failure)
    _settle(delivery, DeliveryState.SENT)
    return None


def recover() -> int:
    """Publish again what a lost worker or broker left behind; returns how much that was."""
    before = timezone.now() - STALE_AFTER
    messages = list(queries.not_fanned_out(before).values_list("id", flat=True)[:1000])
    overdue = list(queries.overdue(before).values_list("id", "attempts")[:1000])
    for message_id in messages:
        fan_out_on_commit(message_id)
    for delivery_id, attempts in overdue:
        after_commit("messaging.deliver", delivery_id, attempts + 1)
    if messages or overdue:
        logger.bind(messages=len(messages), deliveries=len(overdue)).warning("delivery.recovered")
    return len(messages) + len(overdue)


def _claim(delivery_id: UUID, number: int) -> Delivery | None:
    """The delivery, when this attempt is still to be made and is ours: a redelivered task gets None."""
    ours = Delivery.objects.filter(id=delivery_id, state=DeliveryState.PENDING, attempts=number - 1).update(
        attempts=number, next_attempt_at=timezone.now()
    )
    if not ours:
        return None
    return Delivery.objects.select_related("message").get(id=delivery_id)


def _withdrawn(delivery: Delivery) -> str:
    """Why this may not go out any more, as a code; empty when it may."""
    if delivery.message.deleted_at:
        return "message_deleted"
    if delivery.recipient_id not in member_ids(delivery.message.circle_id):
        return "not_a_member"
    return ""


def _after_failure(delivery: Delivery, failure: push.PushError) -> float | None:
    allowed = push_settings()
    last = delivery.attempts >= allowed.attempts
    if last or not failure.retryable:
        end = DeliveryState.GAVE_UP if failure.retryable else DeliveryState.FAILED
        _settle(delivery, end, reason=failure.reason)
        return None
    seconds = pause(delivery.attempts, base=allowed.backoff_s, most=allowed.backoff_max_s)
    delivery.reason = failure.reason
    delivery.next_attempt_at = timezone.now() + timedelta(seconds=seconds)
    delivery.save(update_fields=["reason", "next_attempt_at"])
    _about(delivery).bind(reason=failure.reason, retry_in_s=round(seconds, 3)).info("delivery.postponed")
    return seconds


_EVENTS = {
    DeliveryState.SENT: ("INFO", "delivery.sent"),
    DeliveryState.FAILED: ("WARNING", "delivery.failed"),
    DeliveryState.GAVE_UP: ("ERROR", "delivery.gave_up"),
}


def _settle(delivery: Delivery, state: DeliveryState, *, reason: str = "") -> None:
    """Move a pending delivery to its end."""
    before = DeliveryState(delivery.state)
    if state not in DELIVERY_MOVES.get(before, ()):
        raise ValueError(f"a delivery cannot go from {before.value} to {state.value}")
    delivery.state, delivery.reason = state, reason
    delivery.settled_at, delivery.next_attempt_at = timezone.now(), None
    delivery.save(update_fields=["state", "reason", "settled_at", "next_attempt_at"])
    level, event = _EVENTS[state]
    line = _about(delivery).bind(
        state_from=before.value,
        state_to=state.value,
        elapsed_ms=round((delivery.settled_at - delivery.message.sent_at).total_seconds() * 1000),
    )
    # logkit: ignore[LK101] one of _EVENTS
    line.bind(**({"reason": reason} if reason else {})).log(level, event)


def _about(delivery: Delivery) -> Logger:
    return logger.bind(
        circle_id=delivery.message.circle_id,
        message_id=delivery.message_id,
        delivery_id=delivery.id,
        recipient_id=delivery.recipient_id,
        attempts=delivery.attempts,
    )
