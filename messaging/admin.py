"""Messaging for staff: read-only, and without the bodies; support needs to know that and when, not what."""

from __future__ import annotations

from django.contrib import admin

from messaging.models import Delivery, Message, Receipt
from mysite.admin import ReadOnlyAdmin, ReadOnlyInline


class DeliveryInline(ReadOnlyInline):
    model = Delivery
    fields = readonly_fields = ("recipient", "state", "attempts", "reason", "next_attempt_at", "settled_at")


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("id", "sent_at", "edited_at", "deleted_at", "fanned_out_at", "circle", "author")
    list_filter = ("sent_at", ("deleted_at", admin.EmptyFieldListFilter))
    list_select_related = ("circle", "author")
    search_fields = ("=id", "=circle__id", "=author__id")
    date_hierarchy = "sent_at"
    fields = ("id", "circle", "author", "sent_at", "edited_at", "deleted_at", "fanned_out_at")
    inlines = (DeliveryInline,)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "state",
        "attempts",
        "reason",
        "next_attempt_at",
        "settled_at",
        "message",
        "recipient",
    )
    list_filter = ("state", "reason")
    list_select_related = ("message", "recipient")
    search_fields = ("=id", "=key", "=message__id", "=recipient__id")


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ("message", "reader", "read_at")
    list_select_related = ("message", "reader")
    search_fields = ("=message__id", "=reader__id")
