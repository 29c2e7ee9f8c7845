"""Sign-up: an account is there when its person has proved that they read the address.

Nobody learns here who has an account: the answer is always the same, and the letter goes to the address. Until it is
confirmed an account opens no session and holds nothing, so whoever signs up again replaces it.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from loguru import logger

from mysite import audit
from users import letters
from users.dispatch import after_commit
from users.models import TokenKind, User, normal_email
from users.services import credentials
from users.services.accounts import acceptable, require_password

UNCONFIRMED_KEPT = timedelta(days=7)


def sign_up(email: str, password: str, *, display_name: str) -> None:
    """Open an account, or write to who has one already. Raises `Invalid` for a weak password."""
    newcomer = User(email=normal_email(email), display_name=display_name)
    acceptable(password, newcomer)
    newcomer.set_password(password)  # as slow where the address is known as where it is not
    with transaction.atomic():
        user, is_new = User.objects.select_for_update().get_or_create(
            email=newcomer.email,
            defaults={"display_name": display_name, "password": newcomer.password},
        )
        if not is_new and user.email_confirmed_at is None:
            user.display_name, user.password = display_name, newcomer.password
            user.created_at = timezone.now()
            user.save(update_fields=["display_name", "password", "created_at"])
        if is_new:
            audit.user_created(user.id, source="sign_up")
        after_commit(
            "users.mail_confirmation" if not user.email_confirmed_at else "users.mail_known", user.id
        )
    if is_new:
        logger.bind(subject_id=user.id).info("account.created")
    else:
        logger.bind(subject_id=user.id).info("account.requested_again")


def confirm_address(token: str, password: str) -> None:
    """Whoever holds the token reads the address; who knows the password signed up with it, and not somebody else.

    Raises `Gone`, `Unauthenticated`, `TooManyAttempts`.
    """
    user = credentials.owner_of(TokenKind.CONFIRM, token)
    require_password(user, password)
    with transaction.atomic():
        credentials.redeem(TokenKind.CONFIRM, token)
        # Only with the password that was looked at: somebody may sign up with the address at this moment.
        as_seen = User.objects.filter(id=user.id, password=user.password)
        if not as_seen.update(email_confirmed_at=timezone.now()):
            raise credentials.closed()
        audit.user_updated(user.id, fields=["email_confirmed_at"])
    logger.bind(subject_id=user.id).info("account.confirmed")


def send_confirmation(user_id: UUID) -> None:
    """Write the letter that `confirm_address` waits for, unless it is confirmed or gone meanwhile."""
    user = User.objects.filter(id=user_id, is_active=True, email_confirmed_at=None).first()
    if user is not None and letters.may_write_to(user.email):
        letter = letters.confirmation(user.email, credentials.issue(user, TokenKind.CONFIRM))
        letters.send(letter).bind(subject_id=user.id).info("confirmation.mailed")


def send_known(user_id: UUID) -> None:
    """Tell somebody that they have an account, since somebody tried to open another."""
    user = User.objects.filter(id=user_id, is_active=True).first()
    if user is not None and letters.may_write_to(user.email):
        letters.send(letters.known(user.email)).bind(subject_id=user.id).info("account_notice.mailed")


def forget_unconfirmed() -> int:
    """Remove the accounts that nobody confirmed; returns how many."""
    before = timezone.now() - UNCONFIRMED_KEPT
    forgotten = User.objects.filter(email_confirmed_at=None, created_at__lt=before)
    return sum(_forget(user_id) for user_id in list(forgotten.values_list("id", flat=True)))


def _forget(user_id: UUID) -> bool:
    with (
        audit.deleting_account(
            user_id, reason="never_confirmed", legal_basis="gdpr_art_5", retained=["audit_trail"]
        ),
        transaction.atomic(),
    ):
        deleted, _ = User.objects.filter(id=user_id, email_confirmed_at=None).delete()
    logger.bind(subject_id=user_id, reason="never_confirmed").info("account.deleted")
    return bool(deleted)
