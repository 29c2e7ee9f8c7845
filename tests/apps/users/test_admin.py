"""What staff see of people and circles, and the little that they can do there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.apps.people import a_person
from users.models import Consent, Impersonation, Invitation, LoginFailures, PersonalExport, User
from users.services import lockout

LISTS = (
    *("user", "circle", "membership", "invitation", "consent"),
    *("personalexport", "impersonation", "loginfailures"),
)


def fill(family, number):
    """One more row of everything."""
    someone = a_person(f"more{number}").user
    Invitation.objects.create(
        circle=family.circle,
        email=f"guest{number}@people.example",
        token_digest=f"{number:064x}",
        expires_at=timezone.now(),
    )
    Consent.objects.create(user=someone, purpose="news", version="1", granted=True)
    PersonalExport.objects.create(user=someone, state="ready")
    Impersonation.objects.create(staff=family.staff.user, member=someone, reason="incident", ticket="T-1")
    LoginFailures.objects.create(identifier=f"{number:064x}", since=timezone.now())
    family.circle.memberships.create(user=someone)


@pytest.mark.parametrize("model", LISTS)
def test_every_list_costs_the_same_for_many_as_for_few(family, model, trail):
    """No query per row, and the reading is in the trail."""
    costs = []
    for numbers in (range(1), range(1, 6)):
        for number in numbers:
            fill(family, number)
        with CaptureQueriesContext(connection) as queries:
            answer = family.staff.get(f"/admin/users/{model}/")
        assert answer.status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert "data.read" in trail.events


@pytest.mark.parametrize("model", [name for name in LISTS if name != "user"])
def test_what_services_write_is_read_only(family, model):
    """Not even a superuser adds, changes or deletes it here."""
    fill(family, 1)
    row = {
        "circle": family.circle,
        "membership": family.circle.memberships.first(),
        "invitation": Invitation.objects.get(),
        "consent": Consent.objects.get(),
        "personalexport": PersonalExport.objects.get(),
        "impersonation": Impersonation.objects.get(),
        "loginfailures": LoginFailures.objects.get(),
    }[model]
    assert family.staff.get(f"/admin/users/{model}/{row.pk}/change/").status_code == 200
    for tail in (f"{row.pk}/change", f"{row.pk}/delete", "add"):
        assert family.staff.http.post(f"/admin/users/{model}/{tail}/", {"post": "yes"}).status_code == 403


def test_no_page_shows_a_digest(family):
    """What tokens and addresses were made into helps nobody here."""
    fill(family, 7)
    invitation = Invitation.objects.get()
    for path in (f"invitation/{invitation.pk}/change/", "loginfailures/"):
        assert f"{7:064x}" not in family.staff.get(f"/admin/users/{path}").content.decode().replace(
            f"loginfailures/{7:064x}", ""
        )


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
        lockout.failed(family.member.user.email)
    given = {"action": action, "_selected_action": [str(family.member.id)]}
    assert family.staff.http.post("/admin/users/user/", given).status_code == 302
    stated = trail.only(event)
    assert (stated["reason"], stated["actor"]["id"]) == (reason, str(family.staff.id))
    assert lockout.seconds_left(family.member.user.email) == 0
