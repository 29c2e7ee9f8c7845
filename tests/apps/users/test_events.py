"""Each event of the catalogue, provoked through HTTP or a task; none holds a name, an address or a token."""

from __future__ import annotations

import re
from datetime import timedelta
from unittest import mock

import pytest
from django.core import mail
from django.utils import timezone

from tests.apps.catalogue import check, check_page, in_source, texts
from tests.apps.people import Person
from users import letters, signals
from users.events import EVENTS
from users.models import PersonalExport, User
from users.tasks import delete_due_accounts, sweep

PASSWORD = "correct-horse-7"
GUEST = "stranger@people.example"


def with_password(person: Person) -> Person:
    person.user.set_password(PASSWORD)
    person.user.save()
    person.http.force_login(person.user)
    return person


def letter_token() -> str:
    return re.search(r"#(\S+)", mail.outbox[-1].body)[1]


def sign_up(family):
    given = {"email": "new@people.example", "password": PASSWORD, "display_name": "Plum Cake"}
    assert family.anonymous.post("/api/users", given).status_code == 202


def sign_up_again(family):
    given = {"email": family.member.user.email, "password": PASSWORD, "display_name": "Plum Cake"}
    assert family.anonymous.post("/api/users", given).status_code == 202


def confirm(family):
    sign_up(family)
    family.anonymous.post("/api/confirmations", {"token": letter_token(), "password": PASSWORD})


def no_mail_server(family):
    with mock.patch("django.core.mail.EmailMessage.send", side_effect=[ConnectionRefusedError, 1]):
        sign_up(family)


def too_many_letters(family):
    for _ in range(letters.MOST_AN_HOUR + 1):
        sign_up_again(family)


def log_in_and_out(family):
    anna = with_password(family.member)
    visitor = Person(None)
    visitor.post("/api/session", {"email": anna.user.email, "password": PASSWORD})
    visitor.delete("/api/session")


def lock(family):
    for _ in range(6):
        family.anonymous.post("/api/session", {"email": family.member.user.email, "password": "wrong"})


def unlock(family):
    lock(family)
    in_admin(family, "unlock")


def in_admin(family, action):
    given = {"action": action, "_selected_action": [str(family.member.id)]}
    answer = family.staff.http.post("/admin/users/user/", given)
    assert answer.status_code == 302, answer.content


def deactivate(family):
    with_password(family.member).post("/api/me/deactivation", {"password": PASSWORD})


def reactivate(family):
    in_admin(family, "deactivate")
    in_admin(family, "reactivate")


def rename_self(family):
    family.member.patch("/api/me", {"display_name": "Plum Cake"})


def change_password(family):
    anna = with_password(family.member)
    anna.put("/api/me/password", {"current": "wrong", "new": "another-battery-8"})
    anna.put("/api/me/password", {"current": PASSWORD, "new": "another-battery-8"})


def reset_password(family):
    family.anonymous.post("/api/password-resets", {"email": family.member.user.email})
    given = {"token": letter_token(), "password": "another-battery-8"}
    family.anonymous.put("/api/password-resets", given)


def plan_deletion(family):
    anna = with_password(family.member)
    anna.put("/api/me/deletion", {"password": PASSWORD})
    anna.delete("/api/me/deletion")


def delete_account(family):
    User.objects.filter(id=family.owner.id).update(deletion_due_at=timezone.now())
    delete_due_accounts()


def consent(family):
    family.member.put("/api/me/consents/news", {"version": "1", "granted": True})


def export(family):
    export_id = family.member.post("/api/me/exports").json()["id"]
    family.member.get(f"/api/me/exports/{export_id}/download")


def expired_export(family):
    export(family)
    PersonalExport.objects.update(expires_at=timezone.now())
    sweep()


def lost_export(family):
    PersonalExport.objects.create(user=family.member.user, created_at=timezone.now() - timedelta(hours=2))
    sweep()


def failed_export(family):
    def broken(sender, user, **_):
        raise RuntimeError("broken")

    signals.personal_data.connect(broken)
    try:
        export(family)
    finally:
        signals.personal_data.disconnect(broken)


def create_circle(family):
    family.member.post("/api/circles", {"name": "Plum Cake"})


def rename_circle(family):
    family.owner.patch(family.path, {"name": "Plum Cake"})


def delete_circle(family):
    family.owner.delete(family.path)


def hand_over(family):
    family.owner.put(f"{family.path}/owner", {"user_id": str(family.member.id)})


def change_role(family):
    family.owner.patch(f"{family.path}/members/{family.member.id}", {"role": "admin"})


def leave(family):
    family.member.delete(f"{family.path}/members/{family.member.id}")


def denied(family):
    family.member.delete(family.path)


def invite(family, delivery="link"):
    made = family.owner.post(f"{family.path}/invitations", {"email": GUEST, "delivery": delivery})
    return made.json()


def invite_by_letter(family):
    invite(family, "letter")


def accept(family):
    family.stranger.post("/api/invitations/accept", {"token": invite(family)["token"]})


def resend(family):
    made = invite(family)
    family.owner.post(f"{family.path}/invitations/{made['id']}/resend", {"delivery": "link"})


def revoke(family):
    family.owner.delete(f"{family.path}/invitations/{invite(family)['id']}")


def impersonate(family):
    given = {"user_id": str(family.member.id), "reason": "incident", "ticket": "T-1"}
    family.staff.post("/api/staff/impersonation", given)
    family.staff.delete("/api/staff/impersonation")


PROVOKE = {
    "access.denied": denied,
    "account.confirmed": confirm,
    "account.created": sign_up,
    "account.deleted": delete_account,
    "account.deletion_cancelled": plan_deletion,
    "account.deletion_planned": plan_deletion,
    "account.disabled": deactivate,
    "account.enabled": reactivate,
    "account.requested_again": sign_up_again,
    "account.updated": rename_self,
    "account_notice.mailed": sign_up_again,
    "circle.created": create_circle,
    "circle.deleted": delete_circle,
    "circle.owner_transferred": hand_over,
    "circle.renamed": rename_circle,
    "confirmation.mailed": sign_up,
    "consent.changed": consent,
    "deletion_notice.mailed": plan_deletion,
    "export.downloaded": export,
    "export.expired": expired_export,
    "export.failed": failed_export,
    "export.ready": export,
    "export.recovered": lost_export,
    "export.requested": export,
    "export_notice.mailed": export,
    "impersonation.ended": impersonate,
    "impersonation.started": impersonate,
    "invitation.accepted": accept,
    "invitation.created": invite,
    "invitation.mailed": invite_by_letter,
    "invitation.resent": resend,
    "invitation.revoked": revoke,
    "letter.withheld": too_many_letters,
    "login.locked": lock,
    "login.throttled": lock,
    "login.unlocked": unlock,
    "mail.failed": no_mail_server,
    "member.removed": leave,
    "member.role_changed": change_role,
    "password.changed": change_password,
    "password.reset": reset_password,
    "password.reset_requested": reset_password,
    "password.wrong": change_password,
    "password_reset.mailed": reset_password,
    "session.closed": log_in_and_out,
    "session.opened": log_in_and_out,
}


@pytest.mark.parametrize("name", sorted(EVENTS))
@pytest.mark.allow_log_errors("task.failed")
def test_an_event_is_as_the_catalogue_says(family, logs, name):
    """Name, level and fields; and no name, address, password or token in any line."""
    PROVOKE[name](family)
    check(logs, name, EVENTS[name])
    everything = texts(logs)
    for private in ("Plum Cake", "people.example", PASSWORD, "another-battery", "fck_"):
        assert private not in everything, private


def test_the_catalogue_is_complete():
    """Whatever the source can log is in it, and nothing else."""
    assert in_source("users") == set(EVENTS)


def test_the_page_is_up_to_date():
    """The reference page was made from the catalogue as it is."""
    check_page("users", EVENTS)
