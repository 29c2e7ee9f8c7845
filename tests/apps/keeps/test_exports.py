"""Circle exports: asked for, built by a task, downloaded by who asked, expired."""

import json
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

from django.utils import timezone

from keeps import archive, exporting, tasks
from keeps.conf import EXPORT_STALE_AFTER
from keeps.models import Export, ExportState, Keep
from logkit.errors import AuditUnavailable
from tests.apps.keeps.pictures import uploaded
from users.models import Role


def ask(family, who="owner"):
    answer = family[who].post(f"{family.path}/exports")
    assert answer.status_code == 202, answer.content
    return f"/api/exports/{answer.json()['id']}"


def fetched(family, path, who="owner"):
    return ZipFile(BytesIO(family[who].get(family[who].get(path).json()["download_url"]).getvalue()))


def lines(zip_file, name):
    return [json.loads(line) for line in zip_file.read(name).splitlines()]


def test_an_archive_holds_what_members_see_and_vouches_for_it(family):
    """Messages and keeps that are there, none that were deleted; every file has the digest the manifest says."""
    for body in ("first", "taken back", "Grüße"):
        sent = family.member.post(f"{family.path}/messages", {"body": body}).json()
        if body == "taken back":
            family.member.delete(f"{family.path}/messages/{sent['id']}")
    path = uploaded(family, caption="Our house")
    family.member.delete(uploaded(family))
    zip_file = fetched(family, ask(family))
    manifest = json.loads(zip_file.read("manifest.json"))
    assert (manifest["messages"], manifest["keeps"], manifest["missing_files"]) == (2, 1, 0)
    assert [message["body"] for message in lines(zip_file, "messages.jsonl")] == ["first", "Grüße"]
    (keep,) = lines(zip_file, "keeps.jsonl")
    assert keep["caption"] == "Our house"
    assert zip_file.read(keep["file"]) == family.other.get(f"{path}/media").getvalue()
    assert {file["path"] for file in manifest["files"]} == set(zip_file.namelist()) - {"manifest.json"}
    for file in manifest["files"]:
        content = zip_file.read(file["path"])
        assert (len(content), sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert zip_file.testzip() is None


def test_the_status_tells_size_digest_and_link(family):
    """What was built is what can be downloaded."""
    path = ask(family)
    status = family.owner.get(path).json()
    download = family.owner.get(status["download_url"])
    content = download.getvalue()
    assert status["state"] == "ready"
    assert (status["bytes"], status["sha256"]) == (len(content), sha256(content).hexdigest())
    assert download.headers["Content-Type"] == "application/zip"
    assert download.headers["Cache-Control"] == "private, no-store"


def test_a_keep_without_its_file_does_not_stop_the_export(family):
    """What is missing is counted and named; the rest is there."""
    uploaded(family)
    uploaded(family)
    keep = Keep.objects.first()
    keep.media.delete(save=False)
    zip_file = fetched(family, ask(family))
    assert json.loads(zip_file.read("manifest.json"))["missing_files"] == 1
    assert {row["id"]: row["file"] for row in lines(zip_file, "keeps.jsonl")}[str(keep.id)] is None


def test_one_export_of_a_circle_at_a_time(family, tasks_stay_published):
    """A second request waits for the first to end."""
    ask(family)
    answer = family.admin.post(f"{family.path}/exports")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_running")


def test_who_no_longer_runs_the_circle_gets_no_archive(family):
    """Roles are asked on every download, not only on the request."""
    path = ask(family, who="admin")
    family.circle.memberships.filter(user=family.admin.user).update(role=Role.MEMBER)
    assert family.admin.get(f"{path}/download").status_code == 404


def test_an_archive_that_is_not_built_yet_is_a_conflict(family, tasks_stay_published):
    """Come back later, says the 409."""
    path = ask(family)
    assert family.owner.get(path).json()["download_url"] is None
    assert family.owner.get(f"{path}/download").status_code == 409


def test_an_expired_archive_is_gone(family, files):
    """After EXPORTS_KEPT the file is removed, and the download says so."""
    path = ask(family)
    Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    tasks.purge.apply()
    assert family.owner.get(path).json()["state"] == "expired"
    assert family.owner.get(f"{path}/download").status_code == 410
    assert list((files / "exports").rglob("*.zip")) == []


def test_a_build_that_fails_leaves_no_file_and_can_be_asked_for_again(family, files, monkeypatch):
    """The task fails with its traceback, the export says so, nothing half-written stays."""

    def broken(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "write", broken)
        path = ask(family)
    assert family.owner.get(path).json()["state"] == "failed"
    assert family.owner.get(f"{path}/download").status_code == 410
    assert [each for each in (files / "exports").rglob("*") if each.is_file()] == []
    ask(family)


def test_a_task_delivered_twice_builds_once(family, logs):
    """A second run finds no export that waits."""
    ask(family)
    assert exporting.build(Export.objects.get().id) is False
    logs.only("circle_export.ready")


def test_an_export_whose_worker_was_lost_ends(family, tasks_stay_published):
    """Overdue requests are published again; overdue builds fail, so that a new one can be asked for."""
    long_ago = timezone.now() - EXPORT_STALE_AFTER - timedelta(seconds=1)
    ask(family)
    Export.objects.update(changed_at=long_ago)
    tasks_stay_published.clear()
    tasks.recover.apply()
    assert tasks_stay_published == [("keeps.export_circle", (str(Export.objects.get().id),))]
    Export.objects.update(state=ExportState.BUILDING)
    tasks.recover.apply()
    assert Export.objects.get().state == "failed"


def test_what_cannot_be_recorded_does_not_happen(family, monkeypatch):
    """No durable record of the request, no export: 503, and no row. The same for a download."""
    path = ask(family)

    def unwritable(*args, **kwargs):
        raise AuditUnavailable("nothing writable")

    with monkeypatch.context() as patch:
        patch.setattr("logkit.audit.trail.AuditTrail.write", unwritable)
        assert family.admin.post(f"{family.path}/exports").status_code == 503
        assert family.owner.get(f"{path}/download").status_code == 503
    assert Export.objects.count() == 1


def test_the_trail_has_request_completion_and_download(family, trail):
    """Each with what an auditor asks: scope, size, digest, expiry."""
    path = ask(family)
    family.owner.get(f"{path}/download")
    requested, completed, downloaded = (
        trail.only(f"data.export.{step}") for step in ("requested", "completed", "downloaded")
    )
    assert requested["detail"]["scope"] == "circle"
    assert completed["detail"]["sha256"] == Export.objects.get().sha256
    assert downloaded["detail"]["bytes"] == completed["detail"]["bytes"]
    for event in (requested, downloaded):
        assert event["outcome"] == "success"
        assert event["actor"]["id"] == str(family.owner.id)
        assert event["target"][0]["circle_id"] == str(family.circle.id)
