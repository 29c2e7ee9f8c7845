"""Audit events of Django itself, through its own handlers, admin and managers: no app calls anything. (A14)"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import AsyncClient, Client

from logkit import audit
from logkit.errors import AuditUnavailable
from tests.unit.audit_events.desk import Desk, opened
from users.models import User

PASSWORD = "correct-" + "horse-battery"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opened(tmp_path / "trail") as desk:
        yield desk


@pytest.fixture
def member() -> User:
    return User.objects.create_user("ada" + "@" + "example.org", PASSWORD)


@pytest.fixture
def staff() -> User:
    return User.objects.create_superuser("root" + "@" + "example.org", PASSWORD)


def named(desk: Desk, event: str) -> list[dict[str, Any]]:
    return desk.lines(event)


def test_a01_login_logout_and_a_wrong_password(member: User, desk: Desk) -> None:
    """Type, outcome, actor and pseudonyms are right; neither address nor password is in any byte."""
    client = Client()
    login = "/admin/login/"
    client.post(login, {"username": member.email, "password": "nonsense-" + "typed"})
    client.post(login, {"username": PASSWORD, "password": member.email})
    member.is_staff = True
    User.objects.filter(pk=member.pk).update(is_staff=True)
    client.post(login, {"username": member.email, "password": PASSWORD})
    client.post("/admin/logout/")
    wrong, swapped = named(desk, "auth.login.failed")
    assert (wrong["outcome"], wrong["reason"]) == ("failure", "wrong_credentials")
    assert wrong["actor"]["type"] == "anonymous"
    assert wrong["actor"]["auth_method"] == "password"
    assert wrong["detail"]["identifier_ref"].startswith("h1:")
    assert wrong["detail"] != swapped["detail"]
    (entered,) = named(desk, "auth.login.succeeded")
    (left,) = named(desk, "auth.logout")
    assert entered["actor"]["id"] == left["actor"]["id"] == str(member.pk)
    assert entered["actor"]["mfa"] is False
    assert entered["actor"]["auth_method"] == "password"
    assert entered["actor"]["session_ref"] == left["actor"]["session_ref"]
    assert entered["request"]["method"] == "POST"
    raw = desk.raw()
    for secret in (member.email, PASSWORD, "nonsense-" + "typed", client.cookies.get("sessionid", "")):
        assert not secret or str(secret).encode() not in raw


def test_a_changed_password_is_seen_and_a_renewed_hash_is_not(
    member: User, desk: Desk, settings: Any
) -> None:
    """Saving a new password is an event; Django re-hashing an old one at login is none."""
    member.set_password(PASSWORD + "2")
    member.save()
    (changed,) = named(desk, "auth.password.changed")
    assert changed["target"] == [{"type": "user", "id": str(member.pk)}]
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    member.refresh_from_db()
    assert member.check_password(PASSWORD + "2")
    assert member.password.startswith("pbkdf2")
    assert len(named(desk, "auth.password.changed")) == 1


def test_a14_permissions_of_a_person(member: User, desk: Desk) -> None:
    """Granting and revoking: intent before the change, outcome after it, with before and after."""
    permission = Permission.objects.get(codename="view_circle")
    name = "users.view_circle"
    member.user_permissions.add(permission)
    member.user_permissions.set([])
    intent, granted = named(desk, "authz.permission.granted")
    assert (intent["stage"], granted["stage"], granted["outcome"]) == ("intent", "outcome", "success")
    assert granted["detail"] == {"privileges": [name], "before": [], "after": [name]}
    assert granted["target"] == [{"type": "user", "id": str(member.pk)}]
    revoked = named(desk, "authz.permission.revoked")[-1]
    assert revoked["detail"] == {"privileges": [name], "before": [name], "after": []}


def test_a14_groups_from_both_sides_and_their_permissions(member: User, desk: Desk) -> None:
    """Joining from the person's or the group's side is the same event; clearing and deleting a group are seen."""
    editors = Group.objects.create(name="editors")
    permission = Permission.objects.get(codename="view_circle")
    editors.permissions.add(permission)
    member.groups.add(editors)
    editors.user_set.remove(member)
    editors.user_set.add(member)
    member.groups.clear()
    editors.delete()
    roles = [line["detail"] for line in named(desk, "authz.role.changed") if line["stage"] == "outcome"]
    joined = {"role_from": [], "role_to": ["editors"]}
    left = {"role_from": ["editors"], "role_to": []}
    assert roles == [joined, left, joined, left]
    (granted,) = [line for line in named(desk, "authz.permission.granted") if line["stage"] == "outcome"]
    (revoked,) = [line for line in named(desk, "authz.permission.revoked") if line["stage"] == "outcome"]
    assert granted["target"] == revoked["target"] == [{"type": "group", "id": str(editors_id(granted))}]
    assert revoked["detail"]["after"] == []


def editors_id(line: dict[str, Any]) -> str:
    return str(line["target"][0]["id"])


def test_a14_becoming_staff_is_a_change_of_role(member: User, desk: Desk) -> None:
    """Flags that are saved are seen, from the start and when they change; other saves are silent."""
    member.display_name = "Ada"
    member.save()
    member.is_staff = True
    member.save(update_fields=["is_staff"])
    User.objects.create_superuser("eve" + "@" + "example.org", PASSWORD)
    found = [line["detail"] for line in named(desk, "authz.role.changed") if line["stage"] != "intent"]
    assert found == [
        {"role_from": "member", "role_to": "staff"},
        {"role_from": "none", "role_to": "superuser"},
    ]


def test_rights_do_not_change_without_a_writable_trail(member: User, desk: Desk) -> None:
    """A04: no durable intent, no change."""
    desk.break_disk()
    with pytest.raises(AuditUnavailable):
        member.user_permissions.add(Permission.objects.get(codename="view_circle"))
    member.is_superuser = True
    with pytest.raises(AuditUnavailable):
        member.save()
    assert not member.user_permissions.exists()
    assert not User.objects.get(pk=member.pk).is_superuser


def test_a_rolled_back_grant_says_so(member: User, desk: Desk) -> None:
    """A02: the outcome of a grant in a transaction that fails is rolled_back."""
    with transaction.atomic():
        member.user_permissions.add(Permission.objects.get(codename="view_circle"))
        transaction.set_rollback(True)
    _, outcome = named(desk, "authz.permission.granted")
    assert (outcome["outcome"], outcome["tx"]) == ("failure", "rolled_back")


def test_a14_staff_reads_and_changes_in_the_admin(staff: User, member: User, desk: Desk) -> None:
    """Lists and objects read, objects changed and actions run: closed, with who, what and how many."""
    client = Client()
    client.force_login(staff)
    assert client.get("/admin/users/circle/").status_code == 200
    group = Group.objects.create(name="readers")
    client.get(f"/admin/auth/group/{group.pk}/change/")
    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "writers"})
    client.post(f"/admin/auth/group/{group.pk}/change/", {"name": ""})
    reads = named(desk, "data.read")
    assert [line["stage"] for line in reads] == ["intent", "outcome", "intent", "outcome"]
    assert reads[1]["detail"] == {"model": "users.Circle", "purpose": "admin", "object_count": 0}
    assert reads[3]["target"] == [{"type": "auth.group", "id": str(group.pk)}]
    assert {line["actor"]["type"] for line in reads} == {"staff"}
    assert {line["actor"]["id"] for line in reads} == {str(staff.pk)}
    done, failed = [line for line in named(desk, "admin.action") if line["stage"] == "outcome"]
    assert done["outcome"] == "success"
    assert done["detail"]["verb"] == "change"
    assert done["detail"]["changed_fields"] == ["Name"]
    assert (failed["outcome"], failed["reason"]) == ("failure", "invalid_form")
    assert [line for line in desk.lines() if "schema_error" in line] == []


def test_the_admin_refuses_when_it_cannot_be_recorded(staff: User, desk: Desk) -> None:
    """A04: HTTP 503, and nothing has changed."""
    client = Client()
    client.force_login(staff)
    group = Group.objects.create(name="readers")
    desk.break_disk()
    assert client.get("/admin/users/circle/").status_code == 503
    assert client.post(f"/admin/auth/group/{group.pk}/change/", {"name": "writers"}).status_code == 503
    assert Group.objects.get().name == "readers"


def test_a14_csrf_suspicion_and_denial_are_events(member: User, desk: Desk) -> None:
    """A failed CSRF check, a bad host and a refused page: one event each, with the request that caused it."""
    Client(enforce_csrf_checks=True).post("/admin/login/", {})
    Client().get("/admin/", headers={"host": "evil.invalid"})
    (csrf,) = named(desk, "authz.denied")
    assert (csrf["outcome"], csrf["reason"], csrf["detail"]["policy"]) == ("denied", "csrf", "csrf")
    assert "id" in csrf["request"]
    (alert,) = named(desk, "security.alert")
    assert (alert["reason"], alert["detail"]["rule"]) == ("disallowed_host", "suspicious_operation")
    assert alert["detail"]["evidence_ids"] == [alert["request"]["id"]]


def test_r20_a_second_setup_still_hears_refusals(member: User, desk: Desk) -> None:
    """dictConfig takes handlers away below the loggers it configures, as a forked server's second setup does."""
    django.setup()
    Client(enforce_csrf_checks=True).post("/admin/login/", {})
    assert [line["reason"] for line in named(desk, "authz.denied")] == ["csrf"]


def test_a14_commands_are_recorded_and_some_are_exempt(desk: Desk) -> None:
    """Name, system user and argument names are recorded, no values; building and checking commands are not."""
    call_command("clearsessions")
    call_command("check")
    with pytest.raises(CommandError):
        call_command("dumpdata", "no_such_app", exclude=["x"])
    lines = named(desk, "admin.command.run")
    assert [(line["detail"]["command"], line["stage"], line["outcome"]) for line in lines] == [
        ("clearsessions", "intent", "unknown"),
        ("clearsessions", "outcome", "success"),
        ("dumpdata", "intent", "unknown"),
        ("dumpdata", "outcome", "failure"),
    ]
    assert lines[2]["detail"]["arg_names"] == ["args", "exclude"]
    assert lines[0]["actor"]["type"] == "system"


def test_without_a_trail_exempt_commands_work_and_others_refuse(desk: Desk) -> None:
    """A command that cannot be recorded does not run."""
    desk.break_disk()
    call_command("check")
    with pytest.raises(CommandError, match="cannot be recorded"):
        call_command("clearsessions")


def test_a15_in_a_test_case_deferred_events_can_be_seen(desk: Desk) -> None:
    """Inside an open transaction the receipt says deferred and the event is among those that wait."""
    with transaction.atomic():
        receipt = audit.emit("circle.created")
        assert receipt.state == "deferred"
        assert [event.id for event in audit.waiting()] == [receipt.id]
    assert [line["id"] for line in desk.lines()] == [receipt.id]


def test_a14_admin_actions_name_every_object(staff: User, desk: Desk) -> None:
    """Deleting two groups from the list: verb and action, both targets, and how many."""
    client = Client()
    client.force_login(staff)
    groups = [Group.objects.create(name=name) for name in ("one", "two")]
    keys = [str(group.pk) for group in groups]
    chosen = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}
    assert client.post("/admin/auth/group/", chosen).status_code == 302
    _, outcome = named(desk, "admin.action")
    assert outcome["outcome"] == "success"
    assert outcome["detail"]["verb"] == "action"
    assert outcome["detail"]["action"] == "delete_selected"
    assert outcome["detail"]["object_count"] == 2
    assert outcome["target"] == [{"type": "auth.group", "id": key} for key in keys]


def test_staff_without_permission_are_denied_and_recorded(member: User, desk: Desk) -> None:
    """The read is denied, and so says its outcome."""
    User.objects.filter(pk=member.pk).update(is_staff=True)
    client = Client()
    client.force_login(member)
    assert client.get("/admin/users/circle/").status_code == 403
    assert [(line["stage"], line["outcome"]) for line in named(desk, "data.read")] == [
        ("intent", "unknown"),
        ("outcome", "denied"),
    ]
    (denied,) = named(desk, "authz.denied")
    assert denied["actor"]["id"] == str(member.pk)


def test_logins_in_async_code(member: User, desk: Desk) -> None:
    """Django's async login sends the same signals; the receivers run in a thread."""

    asyncio.run(AsyncClient().aforce_login(member))
    (entered,) = desk.lines()
    assert (entered["event"], entered["actor"]["id"]) == ("auth.login.succeeded", str(member.pk))


@pytest.mark.django_db(transaction=False)
def test_a15_django_test_cases_can_run_the_callbacks(
    desk: Desk, django_capture_on_commit_callbacks: Any
) -> None:
    """`captureOnCommitCallbacks(execute=True)` writes what was deferred; without it, it is seen waiting."""
    with django_capture_on_commit_callbacks(execute=True):
        assert audit.emit("circle.created").state == "deferred"
    assert [line["tx"] for line in desk.lines()] == ["committed"]
    receipt = audit.emit("circle.created")
    assert receipt.id in [event.id for event in audit.waiting()]
    assert len(desk.lines()) == 1
