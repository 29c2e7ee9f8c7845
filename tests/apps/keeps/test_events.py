"""Each event of the catalogue, provoked through HTTP or a task; none holds what people wrote."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keeps import archive, tasks
from keeps.conf import STALE_AFTER
from keeps.events import EVENTS
from keeps.models import Export, Keep
from tests.apps.catalogue import check, check_page, in_source, texts
from tests.apps.keeps.pictures import picture, uploaded
from tests.apps.keeps.test_upkeep import age

CAPTION = "Grandmother in Lissabon"


def a_keep(family, **more):
    return uploaded(family, caption=CAPTION, **more)


def ready(family, files, patch):
    a_keep(family)


def from_message(family, files, patch):
    sent = family.other.post(f"{family.path}/messages", {"body": CAPTION}).json()
    family.member.post(f"{family.path}/messages/{sent['id']}/keep", {"caption": CAPTION})


def failed(family, files, patch):
    content = picture(size=(640, 480), quality=95)
    return a_keep(family, content=content[: len(content) // 2])


def retried(family, files, patch):
    family.member.post(f"{failed(family, files, patch)}/process")


def archived(family, files, patch):
    family.member.post(f"{a_keep(family)}/archive")


def restored(family, files, patch):
    path = a_keep(family)
    family.member.post(f"{path}/archive")
    family.member.post(f"{path}/restore")


def deleted(family, files, patch):
    family.member.delete(a_keep(family))


def purged(family, files, patch):
    deleted(family, files, patch)
    Keep.objects.update(deleted_at=timezone.now() - timedelta(days=365))
    tasks.purge.apply()


def orphaned(family, files, patch):
    a_keep(family)
    Keep.objects.all().delete()
    for directory in (files / "media" / "keeps").glob("*/*"):
        age(directory, days=2)
    tasks.purge.apply()


def lost(family, files, patch):
    a_keep(family)
    Keep.objects.update(state="processing", changed_at=timezone.now() - STALE_AFTER - timedelta(seconds=1))
    tasks.recover.apply()


def shared(family, files, patch):
    path = a_keep(family)
    return path, family.member.post(f"{path}/shares").json()


def revoked(family, files, patch):
    path, link = shared(family, files, patch)
    family.member.delete(f"{path}/shares/{link['id']}")


def opened(family, files, patch):
    family.anonymous.get(f"/api/shared/{shared(family, files, patch)[1]['token']}")


def refused(family, files, patch):
    family.anonymous.get("/api/shared/fck_share_" + "A" * 43)


def exported(family, files, patch):
    a_keep(family)
    return f"/api/exports/{family.owner.post(f'{family.path}/exports').json()['id']}"


def export_failed(family, files, patch):
    patch.setattr(archive, "write", lambda *args, **kwargs: 1 / 0)
    exported(family, files, patch)


def downloaded(family, files, patch):
    family.owner.get(f"{exported(family, files, patch)}/download")


def expired(family, files, patch):
    exported(family, files, patch)
    Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    tasks.purge.apply()


PROVOKE = {
    "keep.uploaded": ready,
    "keep.created_from_message": from_message,
    "keep.processing_started": ready,
    "keep.ready": ready,
    "keep.processing_failed": failed,
    "keep.retried": retried,
    "keep.archived": archived,
    "keep.restored": restored,
    "keep.deleted": deleted,
    "keep.purged": purged,
    "keep.orphans_removed": orphaned,
    "keep.recovered": lost,
    "share.created": shared,
    "share.revoked": revoked,
    "share.opened": opened,
    "share.refused": refused,
    "circle_export.requested": exported,
    "circle_export.started": exported,
    "circle_export.ready": exported,
    "circle_export.failed": export_failed,
    "circle_export.downloaded": downloaded,
    "circle_export.expired": expired,
}


@pytest.mark.parametrize("name", sorted(EVENTS))
@pytest.mark.allow_log_errors("task.failed", "delivery.gave_up")
def test_an_event_is_as_the_catalogue_says(family, files, monkeypatch, logs, name):
    """Name, level and fields; and not a word of a caption, a name or an address in any line."""
    PROVOKE[name](family, files, monkeypatch)
    check(logs, name, EVENTS[name])
    everything = texts(logs)
    assert "Lissabon" not in everything
    assert "people.example" not in everything
    assert "x.jpg" not in everything


def test_the_page_is_what_the_catalogue_says():
    """The reference page was made from the catalogue as it is."""
    check_page("keeps", EVENTS)


def test_the_catalogue_is_complete():
    """Whatever the source can log is in it, and nothing else."""
    assert in_source("keeps") == set(EVENTS)
