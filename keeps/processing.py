"""Making an upload fit to be shown: nothing but the picture stays, and it gets a thumbnail. Run by a task.

`process` claims a draft by its state and may be repeated: its files replace one another under the same names.
"""

from __future__ import annotations

import hashlib
import time
from io import BytesIO
from uuid import UUID

from django.core.files import File
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from keeps.media import KINDS, TEXT, Kind, MediaError, clean, thumbnail
from keeps.models import Keep, KeepState
from keeps.moves import move_keep

LOST = "worker_lost"


def process(keep_id: UUID) -> KeepState | None:
    """Take a draft to ready or failed; returns which, or None when there is no such draft.

    A file that turns out to be no picture is an expected end. Anything else that goes wrong fails the keep, too, and
    is raised again.
    """
    if not _started(keep_id):
        return None
    started = time.perf_counter()
    try:
        keep, original = _made_safe(Keep.objects.get(id=keep_id))
    except MediaError as error:
        return fail(keep_id, error.reason)
    except BaseException:
        fail(keep_id, "internal")
        raise
    return _finish(keep, original, started)


def fail(keep_id: UUID, reason: str) -> KeepState | None:
    """Give up on a keep that is being processed; its owner may have it tried again."""
    with transaction.atomic():
        keep = _locked(keep_id, KeepState.PROCESSING)
        if keep is None:
            return None
        line = move_keep(keep, KeepState.FAILED, reason=reason)
    line.bind(reason=reason).warning("keep.processing_failed")
    return KeepState.FAILED


def _started(keep_id: UUID) -> bool:
    with transaction.atomic():
        keep = _locked(keep_id, KeepState.DRAFT)
        if keep is None:
            return False
        line = move_keep(keep, KeepState.PROCESSING)
    line.info("keep.processing_started")
    return True


def _made_safe(keep: Keep) -> tuple[Keep, str]:
    """The keep with its safe files, not saved yet, and the name of the upload that they replace."""
    original = str(keep.media.name)
    kind = KINDS[keep.mime]
    if kind is not TEXT:
        with keep.media.open("rb") as upload:
            _make_picture(keep, upload, kind)
    return keep, original


def _make_picture(keep: Keep, upload: File[bytes], kind: Kind) -> None:
    picture = clean(upload, kind)
    small = thumbnail(BytesIO(picture), kind)
    keep.bytes, keep.sha256 = len(picture), hashlib.sha256(picture).hexdigest()
    keep.thumbnail.save("thumbnail.webp", ContentFile(small), save=False)
    keep.media.save(f"picture.{kind.extension}", ContentFile(picture), save=False)


def _finish(made: Keep, original: str, started: float) -> KeepState | None:
    with transaction.atomic():
        keep = _locked(made.id, KeepState.PROCESSING)
        if keep is None:
            return None
        line = move_keep(
            keep,
            KeepState.READY,
            media=made.media.name,
            thumbnail=made.thumbnail.name,
            bytes=made.bytes,
            sha256=made.sha256,
            processed_at=timezone.now(),
        )
        if original != made.media.name:
            transaction.on_commit(lambda: keep.media.storage.delete(original), robust=True)
    duration_ms = round((time.perf_counter() - started) * 1000, 1)
    line.bind(mime=keep.mime, bytes=keep.bytes, duration_ms=duration_ms).info("keep.ready")
    return KeepState.READY


def _locked(keep_id: UUID, state: KeepState) -> Keep | None:
    return Keep.objects.select_for_update().filter(id=keep_id, state=state).first()
