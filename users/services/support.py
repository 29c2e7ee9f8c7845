"""Staff see the service as a member does: with a reason, for a while, reading only, and everybody can see it later."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from loguru import logger

from mysite import audit
from users.denials import denied
from users.errors import Conflict, Forbidden, NotFound
from users.models import Impersonation, Reason, User

LASTS = timedelta(minutes=30)
SESSION_KEY = "impersonation"
PERMISSION = "users.impersonate"


def start(
    request: HttpRequest, staff: User, member_id: UUID, *, reason: Reason, ticket: str
) -> Impersonation:
    """Raises `Forbidden` (staff without the permission, or other staff as aim), `NotFound`, `Conflict`."""
    if not (staff.is_staff and staff.has_perm(PERMISSION)):
        raise _refused(member_id, "permission")
    member = User.objects.filter(id=member_id, is_active=True).first()
    if member is None:
        raise NotFound("There is no such person.")
    if member.is_staff or member.is_superuser:
        raise _refused(member_id, "never_staff")
    if request.session.get(SESSION_KEY):
        raise Conflict("You act as somebody already; end that first.", code="impersonating_already")
    with audit.impersonating(member.id, reason=reason, ticket=ticket):
        record = Impersonation.objects.create(staff=staff, member=member, reason=reason, ticket=ticket)
        request.session[SESSION_KEY] = str(record.id)
    logger.bind(impersonation_id=record.id, subject_id=member.id, reason=reason).warning(
        "impersonation.started"
    )
    return record


def current(request: HttpRequest, staff: User) -> Impersonation | None:
    """The one that this session is in; one that has lasted too long ends here."""
    record_id = request.session.get(SESSION_KEY)
    if record_id is None:
        return None
    found = Impersonation.objects.select_related("member").filter(id=record_id, staff=staff, ended_at=None)
    record = found.first()
    if record is None or record.member is None:
        del request.session[SESSION_KEY]
        return None
    if record.started_at < timezone.now() - LASTS:
        end(request, record)
        return None
    return record


def end_current(request: HttpRequest) -> None:
    """Raises `Conflict` for somebody who acts as nobody else."""
    record = getattr(request, "impersonation", None)
    if record is None:
        raise Conflict("You act as nobody else.", code="not_impersonating")
    end(request, record)


def end(request: HttpRequest, record: Impersonation) -> None:
    """Staff are themselves again."""
    request.session.pop(SESSION_KEY, None)
    _ended(record)


def end_old() -> int:
    """End those that nobody ended and that have lasted too long; returns how many."""
    old = Impersonation.objects.filter(ended_at=None, started_at__lt=timezone.now() - LASTS)
    for record in old:
        _ended(record)
    return len(old)


def refuse_change(member_id: UUID) -> Forbidden:
    """Somebody tried to change something while acting as a member."""
    why = "While you act as somebody else you can only look."
    return denied(
        why,
        permission="impersonation.change",
        policy="read_only",
        kind="user",
        object_id=member_id,
        code="read_only",
    )


def _ended(record: Impersonation) -> None:
    record.ended_at = timezone.now()
    record.save(update_fields=["ended_at"])
    seconds = round((record.ended_at - record.started_at).total_seconds())
    audit.impersonation_ended(record.member_id, seconds=seconds)
    logger.bind(impersonation_id=record.id, subject_id=record.member_id, duration_s=seconds).info(
        "impersonation.ended"
    )


def _refused(member_id: UUID, policy: str) -> Forbidden:
    why = "You may not act as this person."
    return denied(why, permission=PERMISSION, policy=policy, kind="user", object_id=member_id)
