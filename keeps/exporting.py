"""Exports of a circle: request, build in a task, download, expire."""

from __future__ import annotations

import time
from typing import IO
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from keeps import archive, queries
from keeps.conf import keep_settings
from keeps.models import Export, ExportState
from keeps.moves import about_export, move_export
from keeps.storage import atomic_writer, sha256_of
from mysite import audit
from users.dispatch import after_commit
from users.errors import Conflict, Gone
from users.models import User
from users.queries import lock_circle, membership_of, require_role

RUNNING = (ExportState.REQUESTED, ExportState.BUILDING)


def request(actor: User, circle_id: UUID) -> Export:
    """Have an archive of the circle built, one at a time. For who runs it.

    Raises `NotFound`, `Forbidden`, `Conflict`, and `AuditUnavailable` when it could not be recorded.
    """
    require_role(membership_of(actor, circle_id), *queries.RUNNING_ROLES, permission="circle.export")
    export = Export(circle_id=circle_id, requested_by=actor)
    with (
        audit.export_requested(
            export.id,
            scope="circle",
            format_="zip",
            legal_basis="data_portability",
            circle_id=circle_id,
        ),
        transaction.atomic(),
    ):
        lock_circle(circle_id)  # two requests at once follow one another
        if Export.objects.filter(circle_id=circle_id, state__in=RUNNING).exists():
            raise Conflict("An export of this circle is being built.", code="already_running")
        export.save(force_insert=True)
        after_commit("keeps.export_circle", export.id)
    about_export(export).info("circle_export.requested")
    return export


def build(export_id: UUID) -> bool:
    """Build the archive of an export that waits for it; False when there is none. Whatever goes wrong is raised."""
    if not _started(export_id):
        return False
    started = time.perf_counter()
    export = Export.objects.select_related("circle").get(id=export_id)
    try:
        with atomic_writer(export.path) as file:
            contents = archive.write(export, file, now=timezone.now())
            export.bytes, export.sha256 = file.seek(0, 2), sha256_of(file)
    except BaseException:
        fail(export_id, "internal")
        raise
    return _finish(export, contents, started)


def fail(export_id: UUID, reason: str) -> bool:
    """Give up on an export that is being built; it can be asked for again."""
    with transaction.atomic():
        export = _locked(export_id, ExportState.BUILDING)
        if export is None:
            return False
        line = move_export(export, ExportState.FAILED)
    line.bind(reason=reason).error("circle_export.failed")
    return True


def download(actor: User, export_id: UUID) -> tuple[Export, IO[bytes]]:
    """The open archive, for who asked for it. Raises `NotFound`, `Conflict`, `Gone`, `AuditUnavailable`."""
    export = queries.export(actor, export_id)
    if export.state in (ExportState.EXPIRED, ExportState.FAILED):
        raise Gone("There is no archive (any more): ask for a new export.")
    if export.state != ExportState.READY or export.bytes is None:
        raise Conflict("The archive is being built.", code="not_ready")
    with audit.export_downloaded(export.id, size=export.bytes, circle_id=export.circle_id):
        try:
            file = export.path.open("rb")
        except FileNotFoundError:
            raise Gone("There is no archive (any more): ask for a new export.") from None
    about_export(export).bind(bytes=export.bytes).info("circle_export.downloaded")
    return export, file


def expire(export_id: UUID) -> bool:
    """Remove the archive of an export whose time is over."""
    with transaction.atomic():
        export = _locked(export_id, ExportState.READY)
        if export is None or export.expires_at is None or export.expires_at > timezone.now():
            return False
        line = move_export(export, ExportState.EXPIRED)
    export.path.unlink(missing_ok=True)
    line.info("circle_export.expired")
    return True


def _started(export_id: UUID) -> bool:
    with transaction.atomic():
        export = _locked(export_id, ExportState.REQUESTED)
        if export is None:
            return False
        line = move_export(export, ExportState.BUILDING)
    line.info("circle_export.started")
    return True


def _finish(built: Export, contents: archive.Contents, started: float) -> bool:
    expires = timezone.now() + keep_settings().export_kept
    with transaction.atomic():
        export = _locked(built.id, ExportState.BUILDING)
        if export is None:  # given up on in the meantime
            built.path.unlink(missing_ok=True)
            return False
        line = move_export(
            export,
            ExportState.READY,
            messages=contents.messages,
            keeps=contents.keeps,
            bytes=built.bytes,
            sha256=built.sha256,
            expires_at=expires,
        )
        audit.export_completed(
            export.id,
            rows=contents.messages + contents.keeps,
            size=built.bytes or 0,
            sha256=built.sha256,
            expires=expires,
            circle_id=export.circle_id,
        )
    line.bind(
        messages=contents.messages,
        keeps=contents.keeps,
        missing=contents.missing,
        bytes=built.bytes,
        duration_ms=round((time.perf_counter() - started) * 1000, 1),
    ).info("circle_export.ready")
    return True


def _locked(export_id: UUID, state: ExportState) -> Export | None:
    return Export.objects.select_for_update().filter(id=export_id, state=state).first()
