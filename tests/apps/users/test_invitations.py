"""Inviting people: who may, what is told once, how it ends."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from tests.apps.people import a_person
from users import tokens
from users.models import Invitation, Membership
from users.services import circles, invitations
from users.tasks import sweep


def invite(family, who="owner", **given):
    given = {"email": "stranger@people.example", "role": "member", **given}
    return family[who].post(f"{family.path}/invitations", given)


def accept(person, token):
    return person.post("/api/invitations/accept", {"token": token})


def test_an_invited_person_joins(family, trail, logs):
    """The token is told once and kept as a digest; who holds it and has the address becomes a member."""
    made = invite(family, email="Stranger@People.example", role="admin")
    assert made.status_code == 201
    token = made.json()["token"]
    assert token.startswith("fck_invite_")
    assert Invitation.objects.get().token_digest == tokens.digest(token)
    listed = family.owner.get(f"{family.path}/invitations")
    assert [each["email"] for each in listed.json()] == ["stranger@people.example"]
    assert token not in listed.content.decode()
    joined = accept(family.stranger, token)
    assert joined.json() == {"circle_id": str(family.circle.id), "role": "admin"}
    assert family.stranger.get(family.path).json()["role"] == "admin"
    assert trail.only("circle.member.added")["detail"] == {"role": "admin", "via": "invitation"}
    assert set(trail.only("circle.member.invited")["detail"]) == {"invitee_ref", "role", "expires"}
    assert "stranger@" not in str(trail.bodies)
    logs.only("invitation.accepted", circle_id=str(family.circle.id), role="admin")
    assert token not in str(logs.events)


def test_a_token_works_once(family):
    """The second use is too late, for the same person and for any other."""
    token = invite(family).json()["token"]
    assert accept(family.stranger, token).status_code == 200
    assert accept(family.stranger, token).status_code == 410
    assert accept(a_person("late"), token).status_code == 410


def test_a_token_is_for_the_invited_address(family, trail):
    """Somebody else with the link does not get in; that they tried is in the trail, rolled back or not."""
    token = invite(family).json()["token"]
    answer = accept(a_person("finder"), token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_address")
    assert trail.only("authz.denied")["detail"] == {"permission": "invitation.accept", "policy": "address"}
    assert accept(family.stranger, token).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "fck_invite_" + "A" * 43])
def test_a_token_that_nobody_minted_is_not_found(family, token):
    """Guessing is answered like any unknown thing."""
    assert accept(family.stranger, token).status_code == 404


def test_an_invitation_expires(family):
    """After its term the token is worth nothing and the invitation is in no list."""
    token = invite(family).json()["token"]
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert accept(family.stranger, token).status_code == 410
    assert family.owner.get(f"{family.path}/invitations").json() == []


def test_sending_again_replaces_the_token(family, trail, logs):
    """The new link works for a new term, the old one does not."""
    made = invite(family).json()
    path = f"{family.path}/invitations/{made['id']}/resend"
    again = family.admin.post(path, {"delivery": "link"}).json()
    assert again["expires_at"] > made["expires_at"]
    assert accept(family.stranger, made["token"]).status_code == 404
    assert accept(family.stranger, again["token"]).status_code == 200
    assert family.admin.post(path, {"delivery": "link"}).status_code == 410
    assert trail.events.count("circle.member.invited") == 2
    logs.only("invitation.resent", invitation_id=made["id"])


def test_inviting_again_replaces_the_invitation(family):
    """An address has one open invitation to a circle; the earlier token is dead."""
    first, second = (invite(family).json()["token"] for _ in range(2))
    assert len(family.owner.get(f"{family.path}/invitations").json()) == 1
    assert accept(family.stranger, first).status_code == 410
    assert accept(family.stranger, second).status_code == 200


def test_a_withdrawn_invitation_is_worth_nothing(family, logs):
    """Withdrawn once, it cannot be used, sent again, or withdrawn again."""
    made = invite(family).json()
    path = f"{family.path}/invitations/{made['id']}"
    assert family.admin.delete(path).status_code == 204
    assert accept(family.stranger, made["token"]).status_code == 410
    assert family.admin.post(f"{path}/resend", {"delivery": "link"}).status_code == 410
    assert family.admin.delete(path).status_code == 410
    logs.only("invitation.revoked", invitation_id=made["id"])


def test_a_letter_carries_the_token_and_the_answer_does_not(family, logs):
    """What only the invited person may read goes to them alone."""
    made = invite(family, delivery="letter")
    assert made.json()["token"] is None
    (letter,) = mail.outbox
    assert letter.to == ["stranger@people.example"]
    token = re.search(r"/invitation#(\S+)", letter.body)[1]
    assert accept(family.stranger, token).status_code == 200
    logs.only("invitation.mailed", invitation_id=made.json()["id"])
    assert token not in str(logs.events)


def test_nobody_has_us_write_to_the_whole_world(family, monkeypatch):
    """One person has so many letters written in a day; links they may hand out themselves."""
    monkeypatch.setattr(invitations, "MAX_LETTERS", 2)
    statuses = [invite(family, email=f"n{n}@people.example", delivery="letter").status_code for n in range(3)]
    assert statuses == [201, 201, 429]
    assert invite(family, email="n3@people.example").status_code == 201


def test_an_invitation_that_is_long_over_is_forgotten(family):
    """With the address in it, which may be of somebody who never wanted to know us."""
    invite(family)
    assert sweep()["invitations"] == 0
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=91))
    assert sweep()["invitations"] == 1
    assert not Invitation.objects.exists()


def test_no_letter_for_an_invitation_that_ended_meanwhile(family):
    """The task that comes late writes to nobody."""
    made = invite(family).json()
    family.owner.delete(f"{family.path}/invitations/{made['id']}")
    invitations.send_letter(made["id"])
    assert mail.outbox == []


def test_members_are_not_invited_and_circles_fill_up(family, monkeypatch):
    """Who is in cannot be invited; a full circle takes nobody; too many open invitations are refused."""
    already = invite(family, email="member@people.example")
    assert (already.status_code, already.json()["error"]["code"]) == (409, "already_member")
    token = invite(family).json()["token"]
    with monkeypatch.context() as patch:
        patch.setattr(circles, "MAX_MEMBERSHIPS", 0)
        assert accept(family.stranger, token).json()["error"]["code"] == "too_many"
    monkeypatch.setattr(circles, "MAX_MEMBERS", 4)
    assert accept(family.stranger, token).json()["error"]["code"] == "circle_full"
    assert Membership.objects.filter(circle=family.circle).count() == 4
    monkeypatch.setattr(invitations, "MAX_OPEN", 1)
    assert invite(family, email="more@people.example").json()["error"]["code"] == "too_many"


@pytest.mark.parametrize(
    ("who", "role", "status"),
    [
        ("owner", "admin", 201),
        ("owner", "member", 201),
        ("owner", "owner", 422),
        ("admin", "member", 201),
        ("admin", "admin", 403),
        ("member", "member", 403),
        ("stranger", "member", 404),
        ("staff", "member", 404),
        ("anonymous", "member", 401),
    ],
)
def test_who_may_invite_as_what(family, who, role, status):
    """Admins invite members, only the owner invites admins, nobody invites an owner."""
    assert invite(family, who, role=role).status_code == status
