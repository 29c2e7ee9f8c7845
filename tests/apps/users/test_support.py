"""Staff acting as a member (A11): with a reason, for a while, reading only, and on the record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from tests.apps.people import a_person
from users.models import Impersonation
from users.tasks import sweep

PATH = "/api/staff/impersonation"


def start(family, who="staff", **given):
    given = {"user_id": str(family.member.id), "reason": "support_request", "ticket": "T-42", **given}
    return family[who].post(PATH, given)


@pytest.mark.parametrize("change", [{"reason": ""}, {"reason": "because"}, {"ticket": ""}, {"ticket": " "}])
def test_a11_without_a_reason_it_is_refused(family, change, trail):
    """No reason from the list, or no ticket: no impersonation and no intent."""
    assert start(family, **change).status_code == 422
    assert not Impersonation.objects.exists()
    assert trail.bodies == []


def test_a11_with_a_reason_staff_see_what_the_member_sees(family, trail, logs):
    """From then on the person is the member, the actor is staff, and on_behalf_of names the member."""
    assert family.staff.get(family.path).status_code == 404
    assert start(family).status_code == 201
    assert family.staff.get("/api/me").json()["id"] == str(family.member.id)
    assert family.staff.get(family.path).json()["role"] == "member"
    event = trail.only("auth.impersonation.started")
    assert (event["outcome"], event["reason"], event["detail"]["ticket"]) == (
        "success",
        "support_request",
        "T-42",
    )
    assert event["actor"]["id"] == str(family.staff.id)
    request = logs.find("request.finished", route="api/me")[-1]
    assert request["context"]["user_id"] == str(family.staff.id)
    assert request["context"]["on_behalf_of"] == str(family.member.id)


def test_a11_it_only_reads(family, trail, logs):
    """Whatever would change something is refused and recorded, with both names."""
    start(family)
    answer = family.staff.post(f"{family.path}/messages", {"body": "Not me"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "read_only")
    denied = trail.only("authz.denied")
    assert denied["actor"]["type"] == "staff"
    assert denied["actor"]["id"] == str(family.staff.id)
    assert denied["actor"]["on_behalf_of"] == str(family.member.id)
    assert family.member.get(f"{family.path}/messages").json()["items"] == []


def test_it_ends_when_staff_say_so(family, trail, logs):
    """Staff are themselves again; how long it lasted is on the record."""
    start(family)
    assert family.staff.delete(PATH).status_code == 204
    assert family.staff.get("/api/me").json()["id"] == str(family.staff.id)
    assert trail.only("auth.impersonation.ended")["detail"]["effective_user"] == str(family.member.id)
    logs.only("impersonation.ended", subject_id=str(family.member.id))
    assert family.staff.delete(PATH).json()["error"]["code"] == "not_impersonating"


def test_it_ends_by_itself(family, trail):
    """After half an hour the next request is staff's own."""
    start(family)
    Impersonation.objects.update(started_at=timezone.now() - timedelta(minutes=31))
    assert family.staff.get("/api/me").json()["id"] == str(family.staff.id)
    assert Impersonation.objects.get().ended_at is not None
    assert "auth.impersonation.ended" in trail.events


def test_one_that_nobody_ended_is_ended_by_the_sweep(family, trail):
    """Staff closed the browser: the record still says when it was over."""
    start(family)
    assert sweep()["impersonations"] == 0
    Impersonation.objects.update(started_at=timezone.now() - timedelta(minutes=31))
    assert sweep()["impersonations"] == 1
    assert trail.only("auth.impersonation.ended")["detail"]["duration_s"] >= 31 * 60


def test_it_ends_with_the_session(family):
    """After logging out nothing of it is left."""
    start(family)
    assert family.staff.delete(PATH).status_code == 204
    family.staff.delete("/api/session")
    family.staff.http.force_login(family.staff.user)
    assert family.staff.get("/api/me").json()["id"] == str(family.staff.id)


def test_who_may_act_as_whom(family, trail):
    """Only staff with the permission, never as other staff, and only as somebody who is there."""
    assert start(family, "owner").status_code == 403
    helper = a_person("helper", is_staff=True)
    given = {"user_id": str(family.member.id), "reason": "support_request", "ticket": "T-1"}
    assert helper.post(PATH, given).status_code == 403
    helper.user.user_permissions.add(Permission.objects.get(codename="impersonate"))
    trail.bodies.clear()
    assert helper.post(PATH, {**given, "user_id": str(family.staff.id)}).status_code == 403
    assert trail.only("authz.denied")["detail"] == {
        "permission": "users.impersonate",
        "policy": "never_staff",
    }
    assert helper.post(PATH, {**given, "user_id": "00000000-0000-4000-8000-000000000000"}).status_code == 404
    assert helper.post(PATH, given).status_code == 201
