"""Circles, members and roles, over HTTP."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from users.models import Membership, Role
from users.services import circles


def roles(circle) -> dict[str, str]:
    return {str(m.user_id): m.role for m in Membership.objects.filter(circle=circle)}


def test_who_creates_a_circle_owns_it(family, trail, logs):
    """A new circle has one member, its owner, and is in that person's list alone."""
    made = family.stranger.post("/api/circles", {"name": "  The Others "})
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["role"], made.json()["member_count"]) == (
        "The Others",
        "owner",
        1,
    )
    assert [each["id"] for each in family.stranger.get("/api/circles").json()] == [made.json()["id"]]
    assert made.json()["id"] not in family.owner.get("/api/circles").content.decode()
    assert trail.only("circle.created")["target"][0]["id"] == made.json()["id"]
    assert trail.only("circle.member.added")["detail"] == {"role": "owner", "via": "creation"}
    logs.only("circle.created", circle_id=made.json()["id"])


def test_nobody_owns_more_circles_than_a_person_needs(family, monkeypatch):
    """The limit is a clear conflict."""
    monkeypatch.setattr(circles, "MAX_CIRCLES", 1)
    refused = family.owner.post("/api/circles", {"name": "One more"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many")


def test_members_see_each_other_without_addresses(family):
    """Name, role and since when; an address is the person's own."""
    answer = family.member.get(f"{family.path}/members")
    assert [(each["user_id"], each["role"]) for each in answer.json()] == [
        (str(family[who].id), role)
        for who, role in (("owner", "owner"), ("admin", "admin"), ("member", "member"), ("other", "member"))
    ]
    assert "@" not in answer.content.decode()


def test_renaming_is_told_by_field(family, trail):
    """The new name is stored; the trail knows that the name changed, and no name."""
    assert family.admin.patch(family.path, {"name": "New name"}).json()["name"] == "New name"
    family.admin.patch(family.path, {"name": "New name"})
    assert trail.only("circle.settings.changed")["detail"] == {"changed_fields": ["name"]}
    assert "New name" not in str(trail.bodies)


def test_the_owner_changes_roles(family, trail, logs):
    """A member becomes admin: intent before, outcome after, one line with from and to."""
    path = f"{family.path}/members/{family.member.id}"
    assert family.owner.patch(path, {"role": "admin"}).json()["role"] == "admin"
    assert roles(family.circle)[str(family.member.id)] == "admin"
    stages = [body["stage"] for body in trail.bodies if body["event"] == "authz.role.changed"]
    assert stages == ["intent", "outcome"]
    event = trail.only("authz.role.changed")
    assert (event["outcome"], event["detail"]) == ("success", {"role_from": "member", "role_to": "admin"})
    logs.only("member.role_changed", role_from="member", role_to="admin", subject_id=str(family.member.id))


def test_the_same_role_again_is_no_event(family, trail):
    """Nothing changed, so there is nothing to tell."""
    path = f"{family.path}/members/{family.member.id}"
    assert family.owner.patch(path, {"role": "member"}).status_code == 200
    assert trail.events == []


def test_a_role_that_changed_meanwhile_is_not_overwritten(family, trail, monkeypatch):
    """The second of two decisions at once is refused, and its intent ends as a failure."""
    real = circles.audit.changing_role

    def overtaken(*args, **kwargs):
        Membership.objects.filter(user=family.member.user).update(role=Role.ADMIN)
        return real(*args, **kwargs)

    monkeypatch.setattr(circles.audit, "changing_role", overtaken)
    answer = family.owner.patch(f"{family.path}/members/{family.member.id}", {"role": "admin"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale")
    assert trail.only("authz.role.changed")["outcome"] == "failure"


def test_the_owner_role_is_only_handed_over(family, trail, logs):
    """The heir owns, the old owner is an admin, and there is never another number of owners than one."""
    owner = f"{family.path}/members/{family.owner.id}"
    assert family.owner.patch(owner, {"role": "member"}).json()["error"]["code"] == "use_transfer"
    assert (
        family.owner.patch(f"{family.path}/members/{family.member.id}", {"role": "owner"}).status_code == 422
    )
    handed = family.owner.put(f"{family.path}/owner", {"user_id": str(family.member.id)})
    assert (handed.status_code, handed.json()["role"]) == (200, "owner")
    assert roles(family.circle)[str(family.owner.id)] == "admin"
    assert trail.only("circle.owner.transferred")["detail"] == {
        "owner_from": str(family.owner.id),
        "owner_to": str(family.member.id),
    }
    logs.only("circle.owner_transferred", circle_id=str(family.circle.id))
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.filter(user=family.other.user).update(role=Role.OWNER)


@pytest.mark.parametrize(
    ("who", "whom", "status"),
    [
        ("owner", "admin", 204),
        ("owner", "member", 204),
        ("admin", "member", 204),
        ("admin", "admin", 204),  # leaves
        ("member", "member", 204),  # leaves
        ("owner", "owner", 403),  # hands over first
        ("admin", "owner", 403),
        ("member", "other", 403),
        ("member", "admin", 403),
        ("stranger", "member", 404),
        ("staff", "member", 404),
        ("anonymous", "member", 401),
    ],
)
def test_who_may_remove_whom(family, trail, who, whom, status):
    """Leaving is everybody's right but the owner's; removing is for those above."""
    answer = family[who].delete(f"{family.path}/members/{family[whom].id}")
    assert answer.status_code == status
    assert (str(family[whom].id) in roles(family.circle)) == (status != 204)
    if status == 204:
        reason = "left" if who == whom else "removed"
        assert trail.only("circle.member.removed")["reason"] == reason
        assert family[whom].get(family.path).status_code == 404


def test_an_admin_cannot_remove_another(family):
    """Only the owner is above admins."""
    Membership.objects.filter(user=family.other.user).update(role=Role.ADMIN)
    assert family.admin.delete(f"{family.path}/members/{family.other.id}").status_code == 403


@pytest.mark.allow_log_errors("delivery.gave_up")
def test_a_deleted_circle_takes_everything_with_it(family, trail, logs):
    """Members, invitations and messages are gone; the trail knows how many, and knew it before."""
    family.member.post(f"{family.path}/messages", {"body": "Hello"})
    assert family.admin.delete(family.path).status_code == 403
    assert family.owner.delete(family.path).status_code == 204
    assert family.owner.get(family.path).status_code == 404
    assert not Membership.objects.filter(circle_id=family.circle.id).exists()
    event = trail.only("circle.deleted")
    assert (event["outcome"], event["detail"]) == ("success", {"member_count": 4, "object_count": 1})
    logs.only("circle.deleted", members=4, objects=1)


def test_a_denial_is_recorded_where_it_happens(family, trail, logs):
    """Who asked for more than their role allows is in the trail, with what and by which rule."""
    family.member.delete(family.path)
    event = trail.only("authz.denied")
    assert event["outcome"] == "denied"
    assert event["detail"] == {"permission": "circle.delete", "policy": "role:owner"}
    assert event["actor"]["id"] == str(family.member.id)
    assert logs.only("access.denied", permission="circle.delete", policy="role:owner")["level"] == "WARNING"
