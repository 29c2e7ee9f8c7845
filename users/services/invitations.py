"""Inviting people into a circle: invite, send again, withdraw, accept.

Only the digest of a token is kept. A link is handed to the inviter once; a letter's token is made by the task that
sends the letter, so that no token lies in the broker.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from loguru import logger

from mysite import audit
from mysite.limits import is_within
from users import letters, tokens
from users.denials import denied
from users.dispatch import after_commit
from users.errors import Conflict, Gone, NotFound, TooManyAttempts
from users.models import Invitation, Membership, Role, User, normal_email
from users.queries import lock_circle, membership_of, require_role
from users.services import circles

VALID_FOR = timedelta(days=7)
MAX_OPEN = 50  # of one circle
MAX_LETTERS = 50  # that one person has written in a day
DAY = 86_400  # seconds
KEPT = timedelta(days=90)  # an invitation that is over; it holds an address

Delivery = Literal["link", "letter"]


def invite(
    inviter: User, circle_id: UUID, email: str, *, role: Role = Role.MEMBER, delivery: Delivery = "link"
) -> tuple[Invitation, str | None]:
    """Invite an address, replacing an earlier invitation of it; the token comes back for a link only.

    Owner and admins invite, only the owner invites admins, and nobody makes us write to many strangers.
    Raises `NotFound`, `Forbidden`, `Conflict`, `TooManyAttempts`.
    """
    membership = membership_of(inviter, circle_id)
    _may_invite(inviter, membership, role=role, delivery=delivery)
    email = normal_email(email)
    if membership.circle.memberships.filter(user__email=email).exists():
        raise Conflict("That person is a member already.", code="already_member")
    token, digest = tokens.mint("invite")
    with transaction.atomic():
        lock_circle(circle_id)  # two who invite at once: the later one replaces
        _open(circle_id).filter(email=email).update(revoked_at=timezone.now())
        if _open(circle_id).count() >= MAX_OPEN:
            raise Conflict(f"{MAX_OPEN} invitations are open, which is the most.", code="too_many")
        invitation = Invitation.objects.create(
            circle_id=circle_id,
            email=email,
            role=role,
            token_digest=digest,
            invited_by=inviter,
            expires_at=timezone.now() + VALID_FOR,
        )
        _sent(invitation, delivery)
    logger.bind(circle_id=circle_id, invitation_id=invitation.id, role=role, delivery=delivery).info(
        "invitation.created"
    )
    return invitation, token if delivery == "link" else None


def resend(
    inviter: User, circle_id: UUID, invitation_id: UUID, *, delivery: Delivery
) -> tuple[Invitation, str | None]:
    """A new token and a new term; the old token stops working. Raises `NotFound`, `Forbidden`, `Gone`."""
    membership = membership_of(inviter, circle_id)
    invitation = _one(circle_id, invitation_id)
    _may_invite(inviter, membership, role=Role(invitation.role), delivery=delivery)
    token, digest = tokens.mint("invite")
    expires_at = timezone.now() + VALID_FOR
    with transaction.atomic():
        if not _open(circle_id).filter(id=invitation_id).update(token_digest=digest, expires_at=expires_at):
            raise Gone("This invitation was used or withdrawn.", code="invitation_closed")
        invitation.token_digest, invitation.expires_at = digest, expires_at
        _sent(invitation, delivery)
    logger.bind(circle_id=circle_id, invitation_id=invitation.id, delivery=delivery).info("invitation.resent")
    return invitation, token if delivery == "link" else None


def revoke(actor: User, circle_id: UUID, invitation_id: UUID) -> None:
    """Withdraw it. For owner and admins. Raises `NotFound`, `Forbidden`, `Gone`."""
    require_role(membership_of(actor, circle_id), Role.OWNER, Role.ADMIN, permission="circle.invite")
    invitation = _one(circle_id, invitation_id)
    if not _open(circle_id).filter(id=invitation.id).update(revoked_at=timezone.now()):
        raise Gone("This invitation was used or withdrawn.", code="invitation_closed")
    logger.bind(circle_id=circle_id, invitation_id=invitation.id).info("invitation.revoked")


def accept(user: User, token: str) -> Invitation:
    """Join the circle. Raises `NotFound` (no such token), `Gone` (too late), `Forbidden` (another's), `Conflict`."""
    with transaction.atomic():
        found = Invitation.objects.select_related("circle").filter(token_digest=tokens.digest(token))
        invitation = found.first()
        if invitation is None:
            raise NotFound("There is no such invitation.")
        lock_circle(invitation.circle_id)
        invitation = found.select_for_update(of=("self",)).first()
        if invitation is None or _is_closed(invitation):
            raise Gone("This invitation was used, withdrawn or has expired.", code="invitation_closed")
        if invitation.email != user.email:
            raise denied(
                "This invitation is for another address.",
                permission="invitation.accept",
                policy="address",
                kind="invitation",
                object_id=invitation.id,
                circle_id=invitation.circle_id,
                code="other_address",
            )
        circles.join(user, invitation.circle, role=invitation.role)
        invitation.accepted_at, invitation.accepted_by = timezone.now(), user
        invitation.save(update_fields=["accepted_at", "accepted_by"])
    logger.bind(circle_id=invitation.circle_id, invitation_id=invitation.id, role=invitation.role).info(
        "invitation.accepted"
    )
    return invitation


def send_letter(invitation_id: UUID) -> None:
    """Write to an invited address, with a token made here; one that was used or withdrawn meanwhile gets none."""
    token, digest = tokens.mint("invite")
    invitation = Invitation.objects.filter(
        id=invitation_id, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    ).first()
    if invitation is None or not letters.may_write_to(invitation.email):
        return
    invitation.token_digest = digest
    invitation.save(update_fields=["token_digest"])
    line = letters.send(letters.invitation(invitation.email, token))
    line.bind(circle_id=invitation.circle_id, invitation_id=invitation.id).info("invitation.mailed")


def forget_old() -> int:
    """Remove the invitations that ended long ago, with the addresses in them; returns how many."""
    removed, _ = Invitation.objects.filter(expires_at__lt=timezone.now() - KEPT).delete()
    return removed


def _may_invite(inviter: User, membership: Membership, *, role: Role, delivery: Delivery) -> None:
    allowed = (Role.OWNER,) if role == Role.ADMIN else (Role.OWNER, Role.ADMIN)
    require_role(membership, *allowed, permission="circle.invite")
    if delivery == "letter" and not is_within("invitations", str(inviter.id), most=MAX_LETTERS, window_s=DAY):
        raise TooManyAttempts("You had enough letters written for today.", retry_after=DAY)


def _open(circle_id: UUID) -> QuerySet[Invitation]:
    return Invitation.objects.filter(circle_id=circle_id, accepted_at=None, revoked_at=None)


def _is_closed(invitation: Invitation) -> bool:
    return bool(invitation.accepted_at or invitation.revoked_at or invitation.expires_at <= timezone.now())


def _one(circle_id: UUID, invitation_id: UUID) -> Invitation:
    invitation = Invitation.objects.filter(circle_id=circle_id, id=invitation_id).first()
    if invitation is None:
        raise NotFound("There is no such invitation.")
    return invitation


def _sent(invitation: Invitation, delivery: Delivery) -> None:
    audit.member_invited(
        invitation.id,
        circle_id=invitation.circle_id,
        email=invitation.email,
        role=invitation.role,
        expires=invitation.expires_at,
    )
    if delivery == "letter":
        after_commit("users.mail_invitation", invitation.id)
