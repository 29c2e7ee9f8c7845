"""Consent, a copy of one's data, deletion after the time to think."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from tests.apps.people import a_person
from users import signals
from users.errors import Conflict
from users.models import Circle, Consent, Invitation, Membership, PersonalExport, Role, User
from users.services import exports, privacy
from users.tasks import delete_due_accounts, sweep

PASSWORD = "correct-horse-7"


def ask(person):
    made = person.post("/api/me/exports")
    assert made.status_code == 202, made.content
    return made.json()["id"]


def download(person, export_id):
    return person.get(f"/api/me/exports/{export_id}/download")


def test_a_consent_is_given_and_withdrawn(family, trail, logs):
    """The newest decision holds, every one stays, and deciding the same again is no event."""
    path = "/api/me/consents/news"
    for granted in (True, True, False):
        assert family.member.put(path, {"version": "2026-1", "granted": granted}).status_code == 200
    (holds,) = family.member.get("/api/me/consents").json()
    assert (holds["purpose"], holds["granted"]) == ("news", False)
    assert Consent.objects.count() == 2
    assert trail.events.count("user.consent.changed") == 2
    assert [line["context"]["granted"] for line in logs.find("consent.changed")] == [True, False]
    assert (
        family.member.put("/api/me/consents/anything", {"version": "1", "granted": True}).status_code == 422
    )


def test_a_copy_of_ones_data_is_made_and_downloaded(family, trail, logs):
    """Asked for, made by a task, announced by letter, handed over as a zip that its SHA-256 vouches for."""
    family.member.put("/api/me/consents/news", {"version": "1", "granted": True})
    export_id = ask(family.member)
    (export,) = family.member.get("/api/me/exports").json()
    assert (export["id"], export["state"]) == (export_id, "ready")
    assert mail.outbox[-1].subject == "Your data is ready"
    answer = download(family.member, export_id)
    content = b"".join(answer.streaming_content)
    assert hashlib.sha256(content).hexdigest() == export["sha256"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert parts["profile.json"][0]["email"] == "member@people.example"
    assert parts["memberships.json"][0]["circle_id"] == str(family.circle.id)
    assert parts["consents.json"][0]["purpose"] == "news"
    for name in ("requested", "completed", "downloaded"):
        assert trail.only(f"data.export.{name}")["outcome"] == "success"
    assert trail.only("data.export.completed")["detail"]["sha256"] == export["sha256"]
    logs.only("export.requested", export_id=export_id)
    ready = logs.only("export.ready", export_id=export_id, state_from="pending", state_to="ready")["context"]
    assert (ready["rows"], ready["bytes"]) == (3, len(content))
    logs.only("export.downloaded", export_id=export_id)


def test_what_the_other_apps_keep_is_in_the_copy(family):
    """Each app answers for its own part; one that fails makes the export fail rather than lack a part."""

    def part(sender, user, **_):
        return signals.Section("letters", [{"to": str(user.id)}])

    signals.personal_data.connect(part)
    try:
        content = b"".join(download(family.member, ask(family.member)).streaming_content)
    finally:
        signals.personal_data.disconnect(part)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert json.loads(archive.read("letters.json")) == [{"to": str(family.member.id)}]


@pytest.mark.allow_log_errors("task.failed")
def test_a_copy_that_cannot_be_made_is_a_failure_that_can_be_asked_for_again(family, logs):
    """The person sees that it failed, an engineer sees an ERROR, no half file stays, and the next try works."""

    def broken(sender, user, **_):
        raise RuntimeError("broken")

    signals.personal_data.connect(broken)
    try:
        export_id = ask(family.member)
    finally:
        signals.personal_data.disconnect(broken)
    assert family.member.get("/api/me/exports").json()[0]["state"] == "failed"
    assert download(family.member, export_id).json()["error"]["code"] == "export_failed"
    assert logs.only("export.failed", export_id=export_id)["level"] == "ERROR"
    assert not PersonalExport(id=export_id).path.exists()
    assert download(family.member, ask(family.member)).status_code == 200


def test_one_copy_at_a_time(family, trail, monkeypatch):
    """While one is being made another is a conflict, and its intent ends as a failure."""
    monkeypatch.setattr(exports, "after_commit", lambda *_: None)
    pending = ask(family.member)
    again = family.member.post("/api/me/exports")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "export_pending")
    assert download(family.member, pending).json()["error"]["code"] == "export_pending"
    outcomes = [b["outcome"] for b in trail.bodies if b["event"] == "data.export.requested"]
    assert outcomes == ["unknown", "success", "unknown", "failure"]


def test_a_copy_lost_with_its_worker_is_made_after_all(family, monkeypatch, logs):
    """The sweep publishes again what has been pending for too long."""
    with monkeypatch.context() as patch:
        patch.setattr(exports, "after_commit", lambda *_: None)
        export_id = ask(family.member)
    PersonalExport.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert sweep()["recovered"] == 1
    assert download(family.member, export_id).status_code == 200
    logs.only("export.recovered", exports=1)


def test_a_copy_expires(family, logs):
    """After a week the file is gone and the answer says so."""
    export_id = ask(family.member)
    PersonalExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    path = PersonalExport.objects.get().path
    assert path.exists()
    assert sweep()["exports"] == 1
    assert not path.exists()
    assert download(family.member, export_id).status_code == 410
    logs.only("export.expired", export_id=export_id, state_from="ready")


def test_a_copy_whose_file_is_gone_is_gone(family, trail):
    """Somebody removed the file: 410, and the trail does not claim that it was handed over."""
    export_id = ask(family.member)
    PersonalExport.objects.get().path.unlink()
    assert download(family.member, export_id).status_code == 410
    assert trail.only("data.export.downloaded")["outcome"] == "failure"


def test_a_copy_is_its_owners_alone(family):
    """Not even whoever owns the circle, or staff, can download it."""
    export_id = ask(family.member)
    for who in ("owner", "other", "staff"):
        assert download(family[who], export_id).status_code == 404


def with_password(person):
    person.user.set_password(PASSWORD)
    person.user.save()
    person.http.force_login(person.user)
    return person


def test_a_planned_deletion_can_be_cancelled(family, trail):
    """It needs the password, is announced by letter, and is off when the person thinks better of it."""
    anna = with_password(family.member)
    assert anna.put("/api/me/deletion", {"password": "wrong"}).status_code == 401
    planned = anna.put("/api/me/deletion", {"password": PASSWORD})
    assert (planned.status_code, bool(planned.json()["deletion_due_at"])) == (202, True)
    assert mail.outbox[-1].subject == "Your account will be deleted"
    assert delete_due_accounts() == 0
    assert anna.delete("/api/me/deletion").json()["deletion_due_at"] is None
    assert anna.delete("/api/me/deletion").json()["error"]["code"] == "not_planned"


def test_an_account_goes_when_its_time_is_over(family, trail, logs):
    """Person, memberships, consents and files are gone; others' circle stays; the trail says on what basis."""
    anna = with_password(family.member)
    export_id = ask(anna)
    alone = Circle.objects.create(name="Mine")
    Membership.objects.create(circle=alone, user=anna.user, role=Role.OWNER)
    anna.put("/api/me/deletion", {"password": PASSWORD})
    User.objects.filter(id=anna.id).update(deletion_due_at=timezone.now())
    assert delete_due_accounts() == 1
    assert not User.objects.filter(id=anna.id).exists()
    assert not Circle.objects.filter(id=alone.id).exists()
    assert Circle.objects.filter(id=family.circle.id).exists()
    assert not PersonalExport(id=export_id).path.exists()
    event = trail.only("user.deleted")
    assert (event["outcome"], event["reason"]) == ("success", "requested")
    assert event["detail"] == {"legal_basis": "gdpr_art_17", "retained": ["audit_trail"]}
    logs.only("account.deleted", subject_id=str(anna.id), reason="requested")
    assert privacy.delete_account(anna.id) is False


def test_a_deletion_that_has_begun_is_not_cancelled(family):
    """Of a deletion and a change of mind at once one wins: the account that is being deleted is closed first."""
    anna = with_password(family.member)
    User.objects.filter(id=anna.id).update(deletion_due_at=timezone.now(), is_active=False)
    with pytest.raises(Conflict):
        privacy.cancel_deletion(anna.user)
    assert delete_due_accounts() == 1
    assert not User.objects.filter(id=anna.id).exists()


def test_the_address_of_a_deleted_account_is_in_no_invitation(family):
    """Neither in one that was accepted nor in one that is open."""
    address = family.member.user.email
    other = Circle.objects.create(name="Others")
    for circle, accepted in ((family.circle, timezone.now()), (other, None)):
        Invitation.objects.create(
            circle=circle,
            email=address,
            token_digest=f"{circle.id}",
            expires_at=timezone.now(),
            accepted_at=accepted,
        )
    User.objects.filter(id=family.member.id).update(deletion_due_at=timezone.now())
    delete_due_accounts()
    assert not Invitation.objects.filter(email=address).exists()


@pytest.mark.parametrize(("with_admin", "heir"), [(True, "admin"), (False, "member")])
def test_a_shared_circle_gets_another_owner(family, trail, with_admin, heir):
    """The longest-standing admin, or else the longest-standing member, has it from then on."""
    if not with_admin:
        family.owner.delete(f"{family.path}/members/{family.admin.id}")
    User.objects.filter(id=family.owner.id).update(deletion_due_at=timezone.now())
    delete_due_accounts()
    owner = Membership.objects.get(circle=family.circle, role=Role.OWNER)
    assert owner.user_id == family[heir].id
    assert trail.only("circle.owner.transferred")["detail"]["owner_to"] == str(family[heir].id)


def test_one_deletion_that_fails_stops_no_other(family, monkeypatch):
    """Every due account is a task of its own."""
    User.objects.filter(id__in=[family.member.id, family.other.id]).update(deletion_due_at=timezone.now())
    real = privacy.audit.deleting_account

    def sometimes(user_id, **more):
        if user_id == family.member.id:
            raise RuntimeError("broken")
        return real(user_id, **more)

    monkeypatch.setattr(privacy.audit, "deleting_account", sometimes)
    delete_due_accounts()
    assert list(User.objects.filter(deletion_due_at__isnull=False)) == [family.member.user]


def test_nobody_sees_the_consents_of_another(family):
    """Each list is of the one who asks."""
    family.member.put("/api/me/consents/news", {"version": "1", "granted": True})
    assert family.owner.get("/api/me/consents").json() == []
    assert a_person("new").get("/api/me/exports").json() == []
