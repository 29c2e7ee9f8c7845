"""What the admin pages of all apps share: staff look, and change nothing past the services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:  # the admin's classes are generic in their stubs only
    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyTabularInline = admin.TabularInline[Any, Any]
else:
    AnyModelAdmin, AnyTabularInline = admin.ModelAdmin, admin.TabularInline


admin.site.site_header = admin.site.site_title = "Family circles: staff"
admin.site.index_title = "What people have, and what became of it"
admin.site.site_url = "/api/docs"  # there is no other page


class ReadOnlyAdmin(AnyModelAdmin):
    """Nothing is added, changed or deleted here: every write goes through the services."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(AnyTabularInline):
    """Rows of another table on the page of the one that they belong to."""

    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
