"""What beat has done: erase what was deleted, expire exports, end what was lost, remove files without a row."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from loguru import logger

from keeps import exporting, processing, queries
from keeps.conf import EXPORT_STALE_AFTER, STALE_AFTER, keep_settings
from keeps.models import EXPORT_FOLDER, Export, ExportState, Keep, KeepState
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
    now = timezone.now()
    keeps = list(queries.stuck_keeps(now - STALE_AFTER)[:_AT_ONCE])
    exports = list(queries.stuck_exports(now - EXPORT_STALE_AFTER)[:_AT_ONCE])
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
    """Files whose row is gone: an account or a circle was deleted, or a process was killed before it wrote one."""
    removed = _remove_unknown(
        Path(settings.MEDIA_ROOT, "keeps").glob("*/*"), lambda ids: Keep.objects.filter(id__in=ids)
    )
    removed += _remove_unknown(
        Path(keep_settings().export_root, EXPORT_FOLDER).glob("*"),
        lambda ids: Export.objects.filter(id__in=ids, state__in=[ExportState.BUILDING, ExportState.READY]),
    )
    if removed:
        logger.bind(removed=removed).info("keep.orphans_removed")
    return removed


def _remove_unknown(paths: Iterator[Path], rows: Callable[[list[UUID]], QuerySet[Any]]) -> int:
    """Remove the old ones of `paths` that are named after no row."""
    removed = 0
    old = (path for path in paths if time.time() - path.stat().st_mtime > _YOUNG.total_seconds())
    while batch := list(islice(old, _AT_ONCE)):
        ids = [id_ for path in batch if (id_ := _row_id(path))]
        known = set(rows(ids).values_list("id", flat=True))
        for path in batch:
            if _row_id(path) not in known:
                _remove(path)
                removed += 1
    return removed


def _row_id(path: Path) -> UUID | None:
    try:
        return UUID(path.stem)
    except ValueError:
        return None  # a partial file


def _directory(keep: Keep) -> Path:
    return Path(keep.media.path).parent


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
