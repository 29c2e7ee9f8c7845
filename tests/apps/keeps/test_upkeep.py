"""What beat does: erase what was deleted long ago, and files that belong to nothing."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from keeps import tasks
from keeps.models import Export, Keep, ShareLink
from keeps.storage import PARTIAL, atomic_writer
from tests.apps.keeps.pictures import uploaded
from users.signals import personal_data


def age(directory: Path, days: float) -> None:
    moment = time.time() - days * 86400
    os.utime(directory, (moment, moment))


def directories(files):
    return {path.name for path in (files / "media" / "keeps").glob("*/*")}


def test_what_was_deleted_long_ago_is_erased_with_its_files(family, files, settings, trail):
    """Row, links and files are gone; what was deleted just now, and what was not, stays."""
    settings.KEEPS_PURGE_AFTER = timedelta(days=30)
    old, recent, kept = (uploaded(family) for _ in range(3))
    family.member.post(f"{old}/shares")
    for path in (old, recent):
        family.member.delete(path)
    old_id = old.rsplit("/", 1)[1]
    Keep.objects.filter(id=old_id).update(deleted_at=timezone.now() - timedelta(days=31))
    trail.bodies.clear()
    tasks.purge.apply()
    assert directories(files) == {path.rsplit("/", 1)[1] for path in (recent, kept)}
    assert Keep.objects.count() == 2
    assert not ShareLink.objects.exists()
    erased = trail.only("data.deleted")
    assert (erased["target"][0]["id"], erased["detail"]["mode"]) == (old_id, "erase")


def test_files_without_a_keep_are_removed_when_they_are_old(family, files):
    """A circle was deleted, or a process died between file and row: a day later the files go."""
    gone, fresh, kept = (uploaded(family).rsplit("/", 1)[1] for _ in range(3))
    Keep.objects.filter(id__in=(gone, fresh)).delete()
    base = files / "media" / "keeps" / str(family.circle.id)
    age(base / gone, days=2)
    age(base / kept, days=2)
    tasks.purge.apply()
    assert directories(files) == {fresh, kept}


def test_archives_without_an_export_are_removed_when_they_are_old(family, files):
    """So is what a killed build left half-written; an archive that can be downloaded stays."""
    gone, kept = (family[who].post(f"{family.path}/exports").json()["id"] for who in ("owner", "admin"))
    Export.objects.filter(id=gone).delete()
    partial = files / "exports" / "circles" / f"{PARTIAL}x7"
    partial.write_bytes(b"half")
    for path in partial.parent.iterdir():
        age(path, days=2)
    tasks.purge.apply()
    assert [path.name for path in partial.parent.iterdir()] == [f"{kept}.zip"]


def test_a_personal_export_has_what_somebody_wrote_and_keeps(family):
    """Messages that were not taken back, and keeps in any state; nothing of others."""
    for who in ("member", "other"):
        family[who].post(f"{family.path}/messages", {"body": f"by {who}"})
        uploaded(family, who=who, caption=f"by {who}")
    answers = [section for _, section in personal_data.send(None, user=family.member.user)]
    told = {section.name: list(section.rows) for section in answers}
    assert [row["body"] for row in told["messages"]] == ["by member"]
    assert [row["caption"] for row in told["keeps"]] == ["by member"]
    json.dumps(told)


def test_nothing_to_do_is_nothing(db, files, logs):
    """No directory, no rows, no line."""
    assert tasks.purge.apply().get() == 0
    assert tasks.recover.apply().get() == 0
    logs.none("keep.recovered")
    logs.none("keep.orphans_removed")


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path):
    """Whoever reads sees the old content or the new, never a part, and no leftovers."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    try:
        with atomic_writer(path) as file:
            file.write(b"half of the n")
            raise InterruptedError
    except InterruptedError:
        pass
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
