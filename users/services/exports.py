"""A person's own data as one archive: asked for, made by a task, downloaded, removed when it expires."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from loguru import logger

from mysite import audit
from users import letters, queries
from users.dispatch import after_commit
from users.errors import Conflict, Gone
from users.models import EXPORT_MOVES, ExportState, PersonalExport, User
from users.signals import Section, personal_data

if TYPE_CHECKING:
    from loguru import Logger

KEPT_FOR = timedelta(days=7)
STALE_AFTER = timedelta(hours=1)
LEGAL_BASIS = "gdpr_art_15"


def request(user: User) -> PersonalExport:
    """Ask for a copy of everything. Raises `Conflict` while one is being made."""
    export = PersonalExport(user=user)
    with audit.export_requested(export.id, scope="personal", format_="zip", legal_basis=LEGAL_BASIS):
        try:
            with transaction.atomic():
                export.save(force_insert=True)
                after_commit("users.build_export", export.id)
        except IntegrityError:
            raise Conflict("A copy is being made already.", code="export_pending") from None
    logger.bind(export_id=export.id, subject_id=user.id).info("export.requested")
    return export


def build(export_id: UUID) -> None:
    """Make the archive of a pending export; done once, however often and by however many it is called."""
    started = time.perf_counter()
    pending = PersonalExport.objects.select_related("user").filter(id=export_id, state=ExportState.PENDING)
    export = pending.first()
    if export is None:
        return
    with _archive(export.path.parent, [*_own(export.user), *_of_other_apps(export.user)]) as (file, rows):
        size, sha256 = file.stat().st_size, _sha256(file)
        with transaction.atomic():
            export = pending.select_for_update(of=("self",)).first()
            if export is None:  # somebody else was faster
                return
            export.rows, export.size, export.sha256 = rows, size, sha256
            export.finished_at = timezone.now()
            export.expires_at = export.finished_at + KEPT_FOR
            line = _move(export, ExportState.READY)
            file.replace(export.path)
            audit.export_completed(export.id, rows=rows, size=size, sha256=sha256, expires=export.expires_at)
            after_commit("users.mail_export_ready", export.id)
    duration_ms = round((time.perf_counter() - started) * 1000, 1)
    line.bind(rows=rows, bytes=size, duration_ms=duration_ms).info("export.ready")


def failed(export_id: UUID) -> None:
    """The task has given up; the person may ask again."""
    export = PersonalExport.objects.filter(id=export_id, state=ExportState.PENDING).first()
    if export is not None:
        export.finished_at = timezone.now()
        _move(export, ExportState.FAILED).bind(reason="internal").error("export.failed")


def open_for_download(user: User, export_id: UUID) -> BinaryIO:
    """The file, once the trail knows that it is handed over. Raises `NotFound`, `Conflict`, `Gone`."""
    export = queries.export_of(user, export_id)
    if export.state in (ExportState.PENDING, ExportState.FAILED):
        raise Conflict(f"This copy is {export.state}.", code=f"export_{export.state}")
    gone = Gone("This copy has expired; ask for a new one.", code="export_expired")
    if export.state == ExportState.EXPIRED:
        raise gone
    try:
        with audit.export_downloaded(export.id, size=export.size or 0):
            file = export.path.open("rb")
    except FileNotFoundError:
        raise gone from None
    logger.bind(export_id=export.id, subject_id=user.id, bytes=export.size).info("export.downloaded")
    return file


def recover() -> int:
    """Publish again the exports whose task was lost with its worker or broker; returns how many."""
    lost = PersonalExport.objects.filter(
        state=ExportState.PENDING, created_at__lt=timezone.now() - STALE_AFTER
    )
    for export in lost:
        after_commit("users.build_export", export.id)
    if lost:
        logger.bind(exports=len(lost)).warning("export.recovered")
    return len(lost)


def expire_old() -> int:
    """Remove the files whose time is over."""
    old = PersonalExport.objects.filter(state=ExportState.READY, expires_at__lte=timezone.now())
    return sum(_expire(export) for export in old)


def send_ready_letter(export_id: UUID) -> None:
    export = (
        PersonalExport.objects.select_related("user").filter(id=export_id, state=ExportState.READY).first()
    )
    if export is not None:
        line = letters.send(letters.export_ready(export.user.email))
        line.bind(export_id=export.id, subject_id=export.user_id).info("export_notice.mailed")


def _move(export: PersonalExport, state: ExportState) -> Logger:
    """Bring an export into its next state; returns a logger that says from where to where, for the event."""
    before = ExportState(export.state)
    if state not in EXPORT_MOVES.get(before, ()):
        raise ValueError(f"an export cannot go from {before.value} to {state.value}")
    export.state = state
    export.save()
    about = logger.bind(export_id=export.id, subject_id=export.user_id)
    return about.bind(state_from=before.value, state_to=state.value)


def _expire(export: PersonalExport) -> bool:
    export.path.unlink(missing_ok=True)
    _move(export, ExportState.EXPIRED).info("export.expired")
    return True


def _own(user: User) -> Iterator[Section]:
    yield Section(
        "profile",
        [
            {
                "id": str(user.id),
                "email": user.email,
                "display_name": user.display_name,
                "created_at": user.created_at.isoformat(),
                "email_confirmed_at": user.email_confirmed_at and user.email_confirmed_at.isoformat(),
                "last_login": user.last_login and user.last_login.isoformat(),
            }
        ],
    )
    yield Section(
        "memberships",
        (
            {
                "circle_id": str(membership.circle_id),
                "circle": membership.circle.name,
                "role": membership.role,
                "joined_at": membership.joined_at.isoformat(),
            }
            for membership in user.memberships.select_related("circle")
        ),
    )
    yield Section(
        "consents",
        (
            {
                "purpose": consent.purpose,
                "version": consent.version,
                "granted": consent.granted,
                "decided_at": consent.decided_at.isoformat(),
            }
            for consent in user.consents.all()
        ),
    )
    yield Section(
        "invitations_sent",
        (
            {"circle_id": str(sent.circle_id), "email": sent.email, "created_at": sent.created_at.isoformat()}
            for sent in user.invitations_sent.all()
        ),
    )


def _of_other_apps(user: User) -> Iterator[Section]:
    """An app that fails makes the export fail: a copy that silently lacks a part is worse than none."""
    answers: list[tuple[Any, Any]] = personal_data.send(sender=User, user=user)
    for _, section in answers:
        yield section


@contextmanager
def _archive(directory: Path, sections: list[Section]) -> Iterator[tuple[Path, int]]:
    """A file of `directory` with the sections, and how many rows are in it; gone at the end unless it was renamed."""
    rows = 0
    directory.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=directory, prefix=".", suffix=".zip", delete=False) as file:
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for section in sections:
                    values = list(section.rows)
                    rows += len(values)
                    text = json.dumps(values, ensure_ascii=False, indent=1)
                    archive.writestr(f"{section.name}.json", text)
            file.flush()
            os.fsync(file.fileno())
            yield Path(file.name), rows
        finally:
            Path(file.name).unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
