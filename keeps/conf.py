"""The settings of this app, with their defaults; read when used, so that a test can override them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings

CAPTION_LENGTH = 500  # characters
# Work this long overdue was lost with its worker or broker.
STALE_AFTER = timedelta(minutes=15)
EXPORT_STALE_AFTER = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepSettings:
    """Limits and periods."""

    max_bytes: int
    max_pixels: int  # of all frames together
    purge_after: timedelta  # how long a deleted keep can be restored
    share_days: int  # the longest that a share link lives
    export_root: Path
    export_kept: timedelta  # how long a finished export can be downloaded


def keep_settings() -> KeepSettings:
    """KEEPS_MAX_BYTES, KEEPS_MAX_PIXELS, KEEPS_PURGE_AFTER, SHARES_MAX_DAYS, EXPORT_ROOT, EXPORTS_KEPT."""
    return KeepSettings(
        max_bytes=getattr(settings, "KEEPS_MAX_BYTES", 15_000_000),
        max_pixels=getattr(settings, "KEEPS_MAX_PIXELS", 50_000_000),
        purge_after=getattr(settings, "KEEPS_PURGE_AFTER", timedelta(days=30)),
        share_days=getattr(settings, "SHARES_MAX_DAYS", 90),
        export_root=Path(settings.EXPORT_ROOT),
        export_kept=getattr(settings, "EXPORTS_KEPT", timedelta(days=7)),
    )
