"""Keepsakes, the links that share them and the exports of a circle: data and what the database keeps true.

`Keep` and `Export` with their state machines, `ShareLink`. Every write goes through the service rooms.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from keeps.conf import CAPTION_LENGTH, keep_settings
from keeps.media import KINDS
from keeps.storage import AtomicStorage
from users.models import DIGEST_LENGTH, Circle

REASON_LENGTH = 40
PATH_LENGTH = 200
EXPORT_FOLDER = "circles"  # under EXPORT_ROOT


class KeepState(models.TextChoices):
    DRAFT = "draft"  # uploaded, nobody else sees it
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    ARCHIVED = "archived"  # out of the way, still there


KEEP_MOVES: dict[KeepState, tuple[KeepState, ...]] = {
    KeepState.DRAFT: (KeepState.PROCESSING,),
    KeepState.PROCESSING: (KeepState.READY, KeepState.FAILED),
    KeepState.READY: (KeepState.ARCHIVED,),
    KeepState.FAILED: (KeepState.DRAFT, KeepState.ARCHIVED),
    KeepState.ARCHIVED: (KeepState.READY, KeepState.DRAFT),  # draft: it was never processed
}


def media_path(keep: Keep, filename: str) -> str:
    """Where a file of a keep lives; only the extension of `filename` counts, the uploader's name never does."""
    return f"keeps/{keep.circle_id}/{keep.id}/{filename}"


class Keep(models.Model):
    """Something worth keeping: a picture, or a message kept as text."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    circle = models.ForeignKey(Circle, on_delete=models.CASCADE, related_name="keeps")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="keeps")
    message = models.ForeignKey(
        "messaging.Message", null=True, blank=True, on_delete=models.SET_NULL, related_name="keeps"
    )
    caption = models.CharField(max_length=CAPTION_LENGTH, blank=True)
    state = models.CharField(max_length=10, choices=KeepState.choices, default=KeepState.DRAFT)
    reason = models.CharField(max_length=REASON_LENGTH, blank=True, help_text="Why processing failed")
    media = models.FileField(storage=AtomicStorage(), upload_to=media_path, max_length=PATH_LENGTH)
    thumbnail = models.FileField(
        storage=AtomicStorage(), upload_to=media_path, max_length=PATH_LENGTH, blank=True
    )
    mime = models.CharField(max_length=20, choices=[(mime, mime) for mime in KINDS])
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False, help_text="Of the state")
    processed_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("circle", "-created_at", "-id"), name="keep_timeline"),
            models.Index(
                fields=("changed_at",),
                condition=Q(state__in=[KeepState.DRAFT.value, KeepState.PROCESSING.value]),
                name="keep_to_process",
            ),
            models.Index(fields=("deleted_at",), condition=Q(deleted_at__isnull=False), name="keep_to_purge"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=KeepState.values), name="keep_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=KeepState.READY.value) | Q(processed_at__isnull=False),
                name="keep_is_ready_only_when_processed",
            ),
        )

    def __str__(self) -> str:
        return str(self.id)  # never the caption: a repr ends in logs


class ShareLink(models.Model):
    """That whoever has the token may see a keep; only the token's digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    keep = models.ForeignKey(Keep, on_delete=models.CASCADE, related_name="share_links")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="share_links"
    )
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened = models.PositiveIntegerField(default=0, help_text="How often it was used")

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="share_link_expires_after_creation"
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class ExportState(models.TextChoices):
    REQUESTED = "requested"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


EXPORT_MOVES: dict[ExportState, tuple[ExportState, ...]] = {
    ExportState.REQUESTED: (ExportState.BUILDING,),
    ExportState.BUILDING: (ExportState.READY, ExportState.FAILED, ExportState.REQUESTED),
    ExportState.READY: (ExportState.EXPIRED,),
}


class Export(models.Model):
    """An archive of everything a circle holds, for the person who asked for it."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    circle = models.ForeignKey(Circle, on_delete=models.CASCADE, related_name="exports")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="circle_exports"
    )
    state = models.CharField(max_length=9, choices=ExportState.choices, default=ExportState.REQUESTED)
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False, help_text="Of the state")
    expires_at = models.DateTimeField(null=True, blank=True)
    messages = models.PositiveIntegerField(null=True, blank=True)
    keeps = models.PositiveIntegerField(null=True, blank=True)
    bytes = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-requested_at", "-id")
        constraints = (
            models.CheckConstraint(condition=Q(state__in=ExportState.values), name="export_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=ExportState.READY.value)
                | Q(bytes__isnull=False, expires_at__isnull=False),
                name="export_is_ready_with_an_archive",
            ),
        )

    def __str__(self) -> str:
        return f"{self.id}: {self.state}"

    @property
    def path(self) -> Path:
        """Where the archive is while the export is ready."""
        return keep_settings().export_root / EXPORT_FOLDER / f"{self.id}.zip"
