"""An account's life after sign-up: profile, password, deactivation."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from loguru import logger

from mysite import audit
from users import letters
from users.dispatch import after_commit
from users.errors import Invalid, TooManyAttempts, Unauthenticated
from users.models import TokenKind, User, normal_email
from users.services import credentials, lockout


def update_profile(user: User, *, display_name: str) -> User:
    """Change what others see of the person."""
    if user.display_name != display_name:
        with transaction.atomic():
            user.display_name = display_name
            user.save(update_fields=["display_name"])
            audit.user_updated(user.id, fields=["display_name"])
        logger.bind(subject_id=user.id, changed_fields=["display_name"]).info("account.updated")
    return user


def change_password(request: HttpRequest, user: User, *, current: str, new: str) -> None:
    """This session stays; every other one of the person ends. Raises `Unauthenticated`, `Invalid`."""
    require_password(user, current)
    acceptable(new, user)
    user.set_password(new)
    user.save(update_fields=["password"])  # logkit sees it and tells the trail
    update_session_auth_hash(request, user)
    logger.bind(subject_id=user.id).info("password.changed")


def ask_for_password_reset(email: str) -> None:
    """Write to the address if it is somebody's; the caller learns nothing either way."""
    user = User.objects.filter(email=normal_email(email), is_active=True).first()
    audit.password_reset_requested(None if user is None else user.id, email=email)
    # Published in any case: how long the answer takes says nothing, and the task finds nobody.
    after_commit("users.mail_password_reset", uuid4() if user is None else user.id)
    logger.bind(known=user is not None).info("password.reset_requested")


def reset_password(token: str, new: str) -> User:
    """Every session of the person ends, and the address is proved. Raises `Gone`, `Invalid`."""
    with transaction.atomic():
        user = credentials.redeem(TokenKind.RESET, token)
        acceptable(new, user)
        user.password = make_password(new)  # not set_password(): a reset is no change by somebody logged in
        user.email_confirmed_at = user.email_confirmed_at or timezone.now()
        user.save(update_fields=["password", "email_confirmed_at"])
        audit.password_reset_completed(user.id)
        lockout.cleared(user.email)
    logger.bind(subject_id=user.id).info("password.reset")
    return user


def require_password(user: User, password: str) -> None:
    """For what a stolen session must not do; counts like a login. Raises `Unauthenticated`, `TooManyAttempts`."""
    attempt = lockout.admit(user.email)
    if attempt.wait_s:
        raise TooManyAttempts("Too many wrong passwords; try again later.", retry_after=attempt.wait_s)
    if not user.check_password(password):
        lockout.failed(attempt)
        logger.bind(subject_id=user.id).warning("password.wrong")
        raise Unauthenticated("Your password is wrong.", code="wrong_password")
    lockout.cleared(user.email)


def acceptable(password: str, user: User) -> None:
    """Raises `Invalid` for a password that is easy to guess."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), code="weak_password") from None


def deactivate(user: User, *, reason: str) -> None:
    """Close the account until staff open it again; its sessions are worth nothing from now on."""
    with transaction.atomic():
        user.is_active = False
        user.save(update_fields=["is_active"])
        audit.user_disabled(user.id, reason=reason)
    logger.bind(subject_id=user.id, reason=reason).info("account.disabled")


def reactivate(user: User, *, reason: str) -> None:
    """Open a closed account again."""
    with transaction.atomic():
        user.is_active = True
        user.save(update_fields=["is_active"])
        audit.user_enabled(user.id, reason=reason)
    logger.bind(subject_id=user.id, reason=reason).info("account.enabled")


def send_password_reset(user_id: UUID) -> None:
    """Write the letter that `reset_password` waits for."""
    user = User.objects.filter(id=user_id, is_active=True).first()
    if user is not None and letters.may_write_to(user.email):
        letter = letters.password_reset(user.email, credentials.issue(user, TokenKind.RESET))
        letters.send(letter).bind(subject_id=user.id).info("password_reset.mailed")
