"""People and circles for staff: lists to find things by, read-only but for privileges; the rest are actions.

An action calls the service that the API calls, so that the event looks the same whoever caused it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest

from mysite.admin import AnyModelAdmin, ReadOnlyAdmin, ReadOnlyInline
from users.models import (
    Circle,
    Consent,
    Impersonation,
    Invitation,
    LoginFailures,
    Membership,
    PersonalExport,
    User,
)
from users.services import accounts, lockout

PRIVILEGES = ("is_staff", "is_superuser", "groups", "user_permissions")


class MembershipInline(ReadOnlyInline):
    model = Membership
    fields = readonly_fields = ("circle", "user", "role", "joined_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return Membership.objects.select_related("user", "circle")


@admin.register(User)
class UserAdmin(AnyModelAdmin):
    """Privileges are the superusers' to give; accounts are opened, closed and unlocked by actions."""

    list_display = (
        "email",
        "display_name",
        "is_active",
        "is_staff",
        "created_at",
        "last_login",
        "deletion_due_at",
    )
    list_filter = ("is_active", "is_staff", ("email_confirmed_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("email", "display_name", "=id")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    show_full_result_count = False
    readonly_fields = (
        *("id", "email", "display_name", "is_active"),
        *("created_at", "last_login", "email_confirmed_at", "deletion_due_at"),
    )
    fields = (*readonly_fields, *PRIVILEGES)
    filter_horizontal = ("groups", "user_permissions")
    inlines = (MembershipInline,)
    actions = ("deactivate", "reactivate", "unlock")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        superuser = getattr(request.user, "is_superuser", False)
        return self.readonly_fields if superuser else (*self.readonly_fields, *PRIVILEGES)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # people sign up; the first superuser comes from manage.py createsuperuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # a deletion is the person's to ask for, and a task's to do

    @admin.action(description="Close the selected accounts", permissions=["change"])
    def deactivate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self._each(
            request, people.filter(is_active=True), lambda user: accounts.deactivate(user, reason="staff")
        )

    @admin.action(description="Open the selected accounts again", permissions=["change"])
    def reactivate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self._each(
            request, people.filter(is_active=False), lambda user: accounts.reactivate(user, reason="staff")
        )

    @admin.action(description="Unlock the selected addresses", permissions=["change"])
    def unlock(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self._each(request, people, lockout.unlock)

    def _each(self, request: HttpRequest, people: QuerySet[User], do: Callable[[User], object]) -> None:
        if not getattr(request.user, "is_superuser", False):
            people = people.filter(is_staff=False)  # who helps members does not close the doors of colleagues
        done = [do(user) for user in people]
        self.message_user(request, f"{len(done)} accounts.", messages.SUCCESS)


@admin.register(Circle)
class CircleAdmin(ReadOnlyAdmin):
    list_display = ("id", "name", "created_at", "member_count")
    search_fields = ("name", "=id", "=memberships__user__id")
    date_hierarchy = "created_at"
    fields = ("id", "name", "created_at")
    inlines = (MembershipInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Circle]:
        return Circle.objects.annotate(member_count=Count("memberships"))

    @admin.display(description="members", ordering="member_count")
    def member_count(self, circle: Circle) -> int:
        return int(circle.__dict__["member_count"])


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("circle", "user", "role", "joined_at")
    list_filter = ("role", "joined_at")
    list_select_related = ("circle", "user")
    search_fields = ("=circle__id", "=user__id", "user__email")


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("id", "role", "created_at", "expires_at", "accepted_at", "revoked_at", "circle")
    list_filter = ("role", ("accepted_at", admin.EmptyFieldListFilter), "expires_at")
    list_select_related = ("circle",)
    search_fields = ("=id", "=circle__id", "email")
    fields = (
        *("id", "circle", "email", "role", "invited_by", "created_at"),
        *("expires_at", "accepted_at", "accepted_by", "revoked_at"),
    )


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    list_display = ("user", "purpose", "version", "granted", "decided_at")
    list_filter = ("purpose", "granted", "version")
    list_select_related = ("user",)
    search_fields = ("=user__id",)


@admin.register(PersonalExport)
class PersonalExportAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "created_at", "finished_at", "expires_at", "size", "user")
    list_filter = ("state", "created_at")
    list_select_related = ("user",)
    search_fields = ("=id", "=user__id")


@admin.register(Impersonation)
class ImpersonationAdmin(ReadOnlyAdmin):
    list_display = ("id", "reason", "ticket", "started_at", "ended_at", "staff", "member")
    list_filter = ("reason", "started_at", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("staff", "member")
    search_fields = ("=staff__id", "=member__id", "ticket")


@admin.register(LoginFailures)
class LoginFailuresAdmin(ReadOnlyAdmin):
    list_display = ("since", "count", "locked_until")
    fields = ("since", "count", "locked_until")
    list_filter = (("locked_until", admin.EmptyFieldListFilter),)
