"""Keeps for staff: read-only, without captions, files and digests; support needs to know that, not what."""

from __future__ import annotations

from django.contrib import admin

from keeps.models import Export, Keep, ShareLink
from mysite.admin import ReadOnlyAdmin


@admin.register(Keep)
class KeepAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "reason", "mime", "bytes", "created_at", "deleted_at", "circle", "owner")
    list_filter = ("state", "mime", "reason", ("deleted_at", admin.EmptyFieldListFilter))
    list_select_related = ("circle", "owner")
    search_fields = ("=id", "=circle__id", "=owner__id", "=sha256")
    date_hierarchy = "created_at"
    fields = (
        *("id", "circle", "owner", "message", "state", "reason", "mime", "bytes", "sha256"),
        *("created_at", "changed_at", "processed_at", "deleted_at"),
    )


@admin.register(ShareLink)
class ShareLinkAdmin(ReadOnlyAdmin):
    list_display = ("id", "created_at", "expires_at", "revoked_at", "opened", "keep", "created_by")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "expires_at")
    list_select_related = ("keep", "created_by")
    search_fields = ("=id", "=keep__id", "=created_by__id")
    fields = ("id", "keep", "created_by", "created_at", "expires_at", "revoked_at", "opened")


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "requested_at", "expires_at", "bytes", "circle", "requested_by")
    list_filter = ("state", "requested_at")
    list_select_related = ("circle", "requested_by")
    search_fields = ("=id", "=circle__id", "=requested_by__id")
