"""The little that staff can do with people in the admin, and how it is recorded."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission

from tests.apps.people import a_person
from users.models import User
from users.services import lockout


def test_a_superuser_gives_privileges_and_the_trail_knows_before(family, trail):
    """Staff flag and permission: recorded as intent and outcome, by Django's own signals."""
    path = f"/admin/users/user/{family.member.id}/change/"
    permission = Permission.objects.get(codename="impersonate")
    given = {
        "is_staff": "on",
        "user_permissions": [permission.pk],
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    assert family.staff.http.post(path, given).status_code == 302
    member = User.objects.get(id=family.member.id)
    assert (member.is_staff, member.has_perm("users.impersonate")) == (True, True)
    stages = [body["stage"] for body in trail.bodies if body["event"] == "authz.permission.granted"]
    assert stages == ["intent", "outcome"]
    assert trail.only("authz.role.changed")["detail"] == {"role_from": "member", "role_to": "staff"}


def test_staff_cannot_make_themselves_more(family):
    """Somebody who may change people, and is no superuser, cannot hand out privileges."""
    helper = a_person("helper", is_staff=True)
    helper.user.user_permissions.add(
        *Permission.objects.filter(codename__in=["change_user", "view_user", "view_membership"])
    )
    given = {
        "is_superuser": "on",
        "is_staff": "on",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
    }
    assert helper.http.post(f"/admin/users/user/{helper.id}/change/", given).status_code == 302
    assert not User.objects.get(id=helper.id).is_superuser


def test_staff_cannot_close_the_doors_of_colleagues(family):
    """Closing accounts is for helping members; superusers may close any."""
    helper = a_person("helper", is_staff=True)
    helper.user.user_permissions.add(*Permission.objects.filter(codename__in=["change_user", "view_user"]))
    everybody = [str(person.id) for person in (family.staff, family.member)]
    given = {"action": "deactivate", "_selected_action": everybody}
    assert helper.http.post("/admin/users/user/", given).status_code == 302
    active = {user.email for user in User.objects.filter(is_active=False)}
    assert active == {family.member.user.email}


def test_accounts_are_neither_made_nor_deleted_here(family):
    """People sign up, and ask for their deletion themselves."""
    assert family.staff.get("/admin/users/user/add/").status_code == 403
    assert (
        family.staff.http.post(f"/admin/users/user/{family.member.id}/delete/", {"post": "yes"}).status_code
        == 403
    )
    assert User.objects.filter(id=family.member.id).exists()


@pytest.mark.parametrize(
    ("action", "event", "reason"),
    [
        ("deactivate", "user.disabled", "staff"),
        ("reactivate", "user.enabled", "staff"),
        ("unlock", "auth.account.unlocked", "staff"),
    ],
)
def test_an_action_is_the_same_event_as_anywhere(family, trail, action, event, reason):
    """Closing, opening and unlocking go through the services, with staff as the actor."""
    if action == "reactivate":
        User.objects.filter(id=family.member.id).update(is_active=False)
    for _ in range(lockout.MAX_FAILURES if action == "unlock" else 0):
        lockout.failed(lockout.admit(family.member.user.email))
    given = {"action": action, "_selected_action": [str(family.member.id)]}
    assert family.staff.http.post("/admin/users/user/", given).status_code == 302
    stated = trail.only(event)
    assert (stated["reason"], stated["actor"]["id"]) == (reason, str(family.staff.id))
    assert lockout.seconds_left(family.member.user.email) == 0
