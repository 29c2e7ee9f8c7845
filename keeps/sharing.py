"""Links that show one keep to whoever has them: create, revoke, open.

The token is handed out once and kept as a digest; what is wrong with a link is told to the log, never to the caller.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from loguru import logger

from keeps import queries
from keeps.conf import keep_settings
from keeps.models import Keep, ShareLink
from keeps.moves import about_keep
from keeps.services import managed
from mysite import audit
from users import tokens
from users.errors import Conflict, Invalid, NotFound
from users.models import User

MAX_OPEN = 20  # links to one keep


def create(actor: User, keep_id: UUID, *, days: int) -> tuple[ShareLink, str]:
    """A new link and its token, for the owner of a keep or who runs its circle.

    Raises `NotFound`, `Forbidden`, `Conflict` for a keep that was not processed, `Invalid` for a life too long.
    """
    longest = keep_settings().share_days
    if not 1 <= days <= longest:
        raise Invalid(f"A link lives from 1 to {longest} days.", code="bad_expiry")
    token, digest = tokens.mint("share")
    now = timezone.now()
    with transaction.atomic():
        keep = managed(actor, keep_id, permission="keep.share")
        if keep.processed_at is None:
            raise Conflict("Only a keep that was processed can be shared.", code="wrong_state")
        if keep.share_links.filter(revoked_at=None, expires_at__gt=now).count() >= MAX_OPEN:
            raise Conflict(f"{MAX_OPEN} links to this keep are open, which is the most.", code="too_many")
        link = ShareLink.objects.create(
            keep=keep, created_by=actor, digest=digest, created_at=now, expires_at=now + timedelta(days=days)
        )
        audit.share_created(
            share_id=link.id,
            kind="keep",
            object_id=keep.id,
            circle_id=keep.circle_id,
            audience="link",
            expires=link.expires_at,
        )
    about_keep(keep).bind(share_id=link.id, days=days).info("share.created")
    return link, token


def revoke(actor: User, keep_id: UUID, share_id: UUID) -> None:
    """Make a link open nothing; once is enough. Raises `NotFound`, `Forbidden`."""
    with transaction.atomic():
        keep = managed(actor, keep_id, permission="keep.share")
        link = ShareLink.objects.select_for_update().filter(id=share_id, keep=keep).first()
        if link is None:
            raise NotFound("There is no such link.")
        if link.revoked_at:
            return
        link.revoked_at = timezone.now()
        link.save(update_fields=["revoked_at"])
        audit.share_revoked(share_id=link.id, kind="keep", object_id=keep.id, circle_id=keep.circle_id)
    about_keep(keep).bind(share_id=link.id).info("share.revoked")


def open_link(token: str) -> Keep:
    """The keep that a token shows; counted. Raises `NotFound`, whatever the reason."""
    digest = tokens.digest(token)
    try:
        link = queries.shared(digest)
    except NotFound:
        # logkit: ignore[LK302] nobody else tells of a 404
        logger.bind(**_refusal(digest)).warning("share.refused")
        raise
    ShareLink.objects.filter(id=link.id).update(opened=F("opened") + 1)  # logkit: ignore[LK401] a counter
    about_keep(link.keep).bind(share_id=link.id).info("share.opened")
    return link.keep


def _refusal(digest: str) -> dict[str, object]:
    """Why a token opens nothing, for the person on call."""
    link = ShareLink.objects.filter(digest=digest).first()
    if link is None:
        return {"reason": "unknown"}
    if link.revoked_at:
        reason = "revoked"
    else:
        reason = "expired" if link.expires_at <= timezone.now() else "keep_hidden"
    return {"reason": reason, "share_id": link.id, "keep_id": link.keep_id}
