"""Messages and how they reach people: data and the invariants that the database keeps.

`Message`, `Delivery` with its state machine, `Receipt`. Every write goes through `messaging.services`.
"""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from users.models import Circle

REASON_LENGTH = 40


class Message(models.Model):
    """What a member told a circle. A deleted one keeps its row for its deliveries, and loses its body."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    circle = models.ForeignKey(Circle, on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="messages")
    body = models.TextField()
    sent_at = models.DateTimeField(default=timezone.now, editable=False)
    edited_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    fanned_out_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-sent_at", "-id")
        indexes = (
            models.Index(fields=("circle", "-sent_at", "-id"), name="message_timeline"),
            models.Index(
                fields=("sent_at",),
                condition=Q(fanned_out_at=None, deleted_at=None),
                name="message_to_fan_out",
            ),
        )
        constraints = (
            models.CheckConstraint(condition=~Q(body="") ^ Q(deleted_at__isnull=False), name="message_body"),
        )

    def __str__(self) -> str:
        return str(self.id)  # never the body: a repr ends in logs


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"  # refused, or withdrawn before it went out
    GAVE_UP = "gave_up"  # every attempt was used up


SETTLED = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.GAVE_UP)
DELIVERY_MOVES = {DeliveryState.PENDING: SETTLED}


class Delivery(models.Model):
    """One message on its way to one person's devices."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="deliveries"
    )
    state = models.CharField(max_length=7, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    key = models.UUIDField(
        default=uuid4, unique=True, editable=False, help_text="Idempotency key: the same on every attempt"
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=REASON_LENGTH, blank=True, help_text="Why the last attempt failed")
    next_attempt_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("message_id", "id")
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(
                fields=("next_attempt_at",), condition=Q(state=DeliveryState.PENDING), name="delivery_due"
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("message", "recipient"), name="delivery_once_per_recipient"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.PENDING, settled_at=None, next_attempt_at__isnull=False)
                | Q(
                    state__in=[str(state) for state in SETTLED],
                    settled_at__isnull=False,
                    next_attempt_at=None,
                ),
                name="delivery_is_pending_or_settled",
            ),
        )

    def __str__(self) -> str:
        return f"{self.id}: {self.state}"


class Receipt(models.Model):
    """That a member has read a message."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="receipts")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="receipts")
    read_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("read_at", "id")
        constraints = (models.UniqueConstraint(fields=("message", "reader"), name="receipt_once_per_reader"),)

    def __str__(self) -> str:
        return f"{self.reader_id} read {self.message_id}"
