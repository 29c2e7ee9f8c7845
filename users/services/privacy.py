"""What a person may decide about their data: consent, a copy of everything, deletion after a time to think."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from loguru import logger

from mysite import audit
from users import letters
from users.dispatch import after_commit
from users.errors import Conflict
from users.models import Circle, Consent, Invitation, Membership, Purpose, Role, User
from users.services import circles
from users.services.accounts import require_password

GRACE = timedelta(days=14)
LEGAL_BASIS = "gdpr_art_17"
RETAINED = ["audit_trail"]


def decide(user: User, purpose: Purpose, *, version: str, granted: bool) -> Consent:
    """Give or withdraw a consent; deciding the same again changes nothing."""
    current = user.consents.filter(purpose=purpose).first()
    if current is not None and (current.version, current.granted) == (version, granted):
        return current
    with transaction.atomic():
        consent = Consent.objects.create(user=user, purpose=purpose, version=version, granted=granted)
        audit.consent_changed(user.id, purpose=purpose, version=version, granted=granted)
    logger.bind(subject_id=user.id, purpose=purpose, granted=granted).info("consent.changed")
    return consent


def plan_deletion(user: User, *, password: str) -> User:
    """The account goes when the time to think is over; until then it works as ever. Raises `Unauthenticated`."""
    require_password(user, password)
    if user.deletion_due_at:
        return user
    with transaction.atomic():
        user.deletion_due_at = timezone.now() + GRACE
        user.save(update_fields=["deletion_due_at"])
        audit.user_updated(user.id, fields=["deletion_due_at"])
        after_commit("users.mail_deletion_planned", user.id)
    logger.bind(subject_id=user.id, days=GRACE.days).info("account.deletion_planned")
    return user


def cancel_deletion(user: User) -> User:
    """Keep the account. Raises `Conflict` when nothing was planned."""
    with transaction.atomic():
        planned = User.objects.filter(id=user.id, is_active=True, deletion_due_at__isnull=False)
        if not planned.update(deletion_due_at=None):
            raise Conflict("No deletion is planned.", code="not_planned")
        user.deletion_due_at = None
        audit.user_updated(user.id, fields=["deletion_due_at"])
    logger.bind(subject_id=user.id).info("account.deletion_cancelled")
    return user


def due_for_deletion() -> list[UUID]:
    return list(User.objects.filter(deletion_due_at__lte=timezone.now()).values_list("id", flat=True))


def delete_account(user_id: UUID) -> bool:
    """Delete a person whose time to think is over, and what is theirs alone; False when there is nothing to do.

    A circle that others are in too goes to its longest-standing admin, or else member. The account is closed first:
    from then on it is too late to cancel, and a deletion that was cut short is taken up again by the next one.
    """
    due = User.objects.filter(id=user_id, deletion_due_at__lte=timezone.now())
    if not due.update(is_active=False):
        return False
    user = due.get()
    for circle_id, heir in _heirs(user):
        if heir is not None:
            circles.transfer_ownership(user, circle_id, heir)
    for circle in Circle.objects.filter(memberships__role=Role.OWNER, memberships__user=user):
        circles.erase(circle)
    archives = [export.path for export in user.exports.all()]
    with (
        audit.deleting_account(user_id, reason="requested", legal_basis=LEGAL_BASIS, retained=RETAINED),
        transaction.atomic(),
    ):
        Invitation.objects.filter(email=user.email).delete()
        user.delete()
    for archive in archives:
        archive.unlink(missing_ok=True)
    logger.bind(subject_id=user_id, reason="requested").info("account.deleted")
    return True


def send_deletion_planned(user_id: UUID) -> None:
    user = User.objects.filter(id=user_id, deletion_due_at__isnull=False).first()
    if user is not None and user.deletion_due_at is not None:
        line = letters.send(letters.deletion_planned(user.email, f"{user.deletion_due_at:%d %B %Y}"))
        line.bind(subject_id=user.id).info("deletion_notice.mailed")


def _heirs(user: User) -> list[tuple[UUID, UUID | None]]:
    """Each circle that the person owns, with who should have it; None where nobody else is in it."""
    heirs: dict[UUID, UUID | None] = {}
    owned = list(user.memberships.filter(role=Role.OWNER).values_list("circle_id", flat=True))
    others = Membership.objects.filter(circle_id__in=owned).exclude(user=user)
    for membership in sorted(others, key=lambda other: (other.role != Role.ADMIN, other.joined_at)):
        heirs.setdefault(membership.circle_id, membership.user_id)
    return [(circle_id, heirs.get(circle_id)) for circle_id in owned]
