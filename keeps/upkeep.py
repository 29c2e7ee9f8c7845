"""What beat has done: erase what was deleted, expire exports, end what was lost, remove files without a row."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from loguru import logger

from keeps import exporting, processing, queries
from keeps.conf import STALE_AFTER, keep_settings
from keeps.models import Export, ExportState, Keep, KeepState
from keeps.moves import about_keep
from mysite import audit
from users.dispatch import after_commit

_AT_ONCE = 500
_YOUNG = timedelta(days=1)  # a file this fresh may be ahead of its row


def purge() -> int:
    """Erase what was deleted long enough ago and expire old exports; returns how many of both."""
    now = timezone.now()
    deleted_before = now - keep_settings().purge_after
    keeps = Keep.objects.filter(deleted_at__lt=deleted_before).values_list("id", flat=True)[:_AT_ONCE]
    exports = Export.objects.filter(state=ExportState.READY, expires_at__lt=now).values_list("id", flat=True)
    purged = sum(_erase(keep_id) for keep_id in list(keeps))
    expired = sum(exporting.expire(export_id) for export_id in list(exports[:_AT_ONCE]))
    return purged + expired + _remove_orphans()


def recover() -> int:
    """Publish again, or give up on, what a lost worker or broker left behind; returns how much that was."""
    before = timezone.now() - STALE_AFTER
    keeps = list(queries.stuck_keeps(before)[:_AT_ONCE])
    exports = list(queries.stuck_exports(before)[:_AT_ONCE])
    for keep in keeps:
        if keep.state == KeepState.DRAFT:
            after_commit("keeps.process", keep.id)
        else:  # a file that killed its worker is not tried again by itself
            processing.fail(keep.id, processing.LOST)
    for export in exports:
        if export.state == ExportState.REQUESTED:
            after_commit("keeps.export_circle", export.id)
        else:
            exporting.fail(export.id, processing.LOST)
    if keeps or exports:
        logger.bind(keeps=len(keeps), exports=len(exports)).warning("keep.recovered")
    return len(keeps) + len(exports)


def _erase(keep_id: UUID) -> bool:
    with transaction.atomic():
        keep = (
            Keep.objects.select_for_update(of=("self",)).filter(id=keep_id, deleted_at__isnull=False).first()
        )
        if keep is None:  # restored in the meantime
            return False
        audit.data_deleted(
            kind="keep",
            object_id=keep.id,
            circle_id=keep.circle_id,
            owner_id=keep.owner_id,
            mode="erase",
        )
        directory = _directory(keep)
        line = about_keep(keep).bind(bytes=keep.bytes)
        keep.delete()
    _remove(directory)
    line.info("keep.purged")
    return True


def _remove_orphans() -> int:
    """Files whose keep or circle is gone (an account or a circle was deleted, a process was killed)."""
    removed = 0
    candidates = _old_directories()
    while batch := {directory.name: directory for directory in islice(candidates, _AT_ONCE)}:
        known = {str(id_) for id_ in Keep.objects.filter(id__in=batch).values_list("id", flat=True)}
        for name in batch.keys() - known:
            _remove(batch[name])
            removed += 1
    if removed:
        logger.bind(directories=removed).info("keep.orphans_removed")
    return removed


def _old_directories() -> Iterator[Path]:
    youngest = time.time() - _YOUNG.total_seconds()
    for directory in Path(settings.MEDIA_ROOT, "keeps").glob("*/*"):
        if directory.stat().st_mtime < youngest:
            yield directory


def _directory(keep: Keep) -> Path:
    return Path(keep.media.path).parent


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
