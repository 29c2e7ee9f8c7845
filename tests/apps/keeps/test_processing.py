"""From draft to ready or failed, and what happens when a worker is lost on the way."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from keeps import processing, tasks
from keeps.conf import STALE_AFTER
from keeps.models import KEEP_MOVES, Keep, KeepState
from keeps.moves import move_keep
from tests.apps.keeps.pictures import picture, uploaded
from users.errors import Conflict

LONG_AGO = STALE_AFTER + timedelta(seconds=1)


def truncated():
    """A picture whose header is fine and whose pixels are not all there."""
    content = picture(size=(640, 480), quality=95)
    return content[: len(content) // 2]


def test_a_picture_that_breaks_off_fails_and_can_be_tried_again(family, files):
    """Its header let it in; decoding ends it, with the reason; another try starts at draft."""
    path = uploaded(family, truncated())
    keep = family.member.get(path).json()
    assert (keep["state"], keep["reason"]) == ("failed", "corrupt")
    assert family.other.get(path).status_code == 404
    keep = Keep.objects.get()
    with keep.media.storage.open(keep.media.name, "wb") as file:
        file.write(picture())
    assert family.member.post(f"{path}/process").status_code == 202
    assert family.other.get(path).json()["state"] == "ready"
    assert family.member.post(f"{path}/process").status_code == 409


def test_an_unexpected_fault_fails_the_keep_and_is_raised(family, monkeypatch):
    """A full disk is for the person on call: the task fails, the owner can try again later."""

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(processing, "clean", full)
    path = uploaded(family)
    assert family.member.get(path).json()["reason"] == "internal"
    Keep.objects.update(state=KeepState.DRAFT)
    with pytest.raises(OSError, match="No space"):
        processing.process(Keep.objects.get().id)


def test_a_task_delivered_twice_does_its_work_once(family, logs):
    """A second run finds no draft."""
    uploaded(family)
    assert processing.process(Keep.objects.get().id) is None
    logs.only("keep.ready")


def test_a_task_for_a_keep_that_is_gone_is_no_error(db):
    """Ids of rows that were deleted in the meantime are nothing to do."""
    assert processing.process(uuid4()) is None


def test_a_draft_whose_task_was_lost_is_processed_after_all(family, tasks_stay_published):
    """The recovery publishes it again, once it is overdue."""
    uploaded(family)
    tasks_stay_published.clear()
    tasks.recover.apply()
    assert tasks_stay_published == []
    Keep.objects.update(changed_at=timezone.now() - LONG_AGO)
    tasks.recover.apply()
    assert tasks_stay_published == [("keeps.process", (str(Keep.objects.get().id),))]


def test_a_keep_whose_worker_was_lost_is_not_tried_again_by_itself(family, tasks_stay_published):
    """A file that killed its worker would kill the next one, too: it fails, and its owner decides."""
    path = uploaded(family)
    Keep.objects.update(state=KeepState.PROCESSING, changed_at=timezone.now() - LONG_AGO)
    tasks_stay_published.clear()
    tasks.recover.apply()
    keep = family.member.get(path).json()
    assert (keep["state"], keep["reason"]) == ("failed", "worker_lost")
    assert tasks_stay_published == []


def test_an_archived_keep_that_was_never_processed_is_processed_when_restored(family):
    """Coming back from the archive is no way around the cleaning."""
    path = uploaded(family, truncated())
    family.member.post(f"{path}/archive")
    keep = Keep.objects.get()
    with keep.media.storage.open(keep.media.name, "wb") as file:
        file.write(picture())
    assert family.member.get(f"{path}/media").status_code == 404
    family.member.post(f"{path}/restore")
    assert family.other.get(path).json()["state"] == "ready"


@pytest.mark.parametrize("before", KeepState)
@pytest.mark.parametrize("after", KeepState)
def test_only_the_moves_of_the_table_are_possible(family, tasks_stay_published, before, after):
    """Every other pair of states is refused and changes nothing."""
    uploaded(family)
    Keep.objects.update(state=before, processed_at=timezone.now())
    keep = Keep.objects.get()
    if after in KEEP_MOVES[before]:
        move_keep(keep, after)
        assert Keep.objects.get().state == after
    else:
        with pytest.raises(Conflict):
            move_keep(keep, after)
        assert Keep.objects.get().state == before
