"""Messaging for staff: read-only, and without the bodies; support needs to know that and when, not what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from messaging.models import Delivery, Message, Receipt

if TYPE_CHECKING:  # the admin's classes are generic in their stubs only
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyTabularInline = admin.TabularInline[Any, Any]
else:
    AnyModelAdmin, AnyTabularInline = admin.ModelAdmin, admin.TabularInline


class ReadOnlyAdmin(AnyModelAdmin):
    """Nothing is added, changed or deleted here: every write goes through the services."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class DeliveryInline(AnyTabularInline):
    model = Delivery
    fields = readonly_fields = ("recipient", "state", "attempts", "reason", "next_attempt_at", "settled_at")
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        return False


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("id", "circle", "author", "sent_at", "edited_at", "deleted_at", "fanned_out_at")
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
        "message",
        "recipient",
        "state",
        "attempts",
        "reason",
        "next_attempt_at",
        "settled_at",
    )
    list_filter = ("state", "reason")
    list_select_related = ("message", "recipient")
    search_fields = ("=id", "=key", "=message__id", "=recipient__id")


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ("message", "reader", "read_at")
    list_select_related = ("message", "reader")
    search_fields = ("=message__id", "=reader__id")
