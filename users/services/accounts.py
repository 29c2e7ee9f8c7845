"""An account's life: sign-up, proof of its address, profile, password, deactivation."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone
from loguru import logger

from mysite import audit
from users import letters, tokens
from users.dispatch import after_commit
from users.errors import Conflict, Gone, Invalid, TooManyAttempts, Unauthenticated
from users.models import AccountToken, TokenKind, User, normal_email
from users.services import lockout

VALID_FOR = {TokenKind.CONFIRM: timedelta(days=3), TokenKind.RESET: timedelta(hours=1)}


def sign_up(email: str, password: str, *, display_name: str) -> User:
    """A new account; a letter asks to confirm the address. Raises `Invalid` (weak password), `Conflict` (taken)."""
    user = User(email=normal_email(email), display_name=display_name)
    _acceptable(password, user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            audit.user_created(user.id, source="sign_up")
            after_commit("users.mail_confirmation", user.id)
    except IntegrityError:
        raise Conflict("There is an account with this address.", code="address_taken") from None
    logger.bind(subject_id=user.id).info("account.created")
    return user


def ask_for_confirmation(user: User) -> None:
    """Send the letter again. Raises `Conflict` when the address is confirmed."""
    if user.email_confirmed_at:
        raise Conflict("Your address is confirmed already.", code="confirmed_already")
    after_commit("users.mail_confirmation", user.id)


def confirm_address(token: str) -> User:
    """Whoever holds the token reads the address. Raises `Gone`."""
    with transaction.atomic():
        user = _redeem(TokenKind.CONFIRM, token)
        user.email_confirmed_at = timezone.now()
        user.save(update_fields=["email_confirmed_at"])
        audit.user_updated(user.id, fields=["email_confirmed_at"])
    logger.bind(subject_id=user.id).info("account.confirmed")
    return user


def update_profile(user: User, *, display_name: str) -> User:
    if user.display_name != display_name:
        with transaction.atomic():
            user.display_name = display_name
            user.save(update_fields=["display_name"])
            audit.user_updated(user.id, fields=["display_name"])
        logger.bind(subject_id=user.id, fields=["display_name"]).info("account.updated")
    return user


def change_password(request: HttpRequest, user: User, *, current: str, new: str) -> None:
    """This session stays; every other one of the person ends. Raises `Unauthenticated`, `Invalid`."""
    require_password(user, current)
    _acceptable(new, user)
    user.set_password(new)
    user.save(update_fields=["password"])  # logkit sees it and tells the trail
    update_session_auth_hash(request, user)
    logger.bind(subject_id=user.id).info("password.changed")


def ask_for_password_reset(email: str) -> None:
    """Write to the address if it is somebody's; the caller learns nothing either way."""
    user = User.objects.filter(email=normal_email(email), is_active=True).first()
    audit.password_reset_requested(None if user is None else user.id, email=email)
    if user is not None:
        after_commit("users.mail_password_reset", user.id)
    logger.bind(known=user is not None).info("password.reset_requested")


def reset_password(token: str, new: str) -> User:
    """Every session of the person ends. Raises `Gone`, `Invalid`."""
    with transaction.atomic():
        user = _redeem(TokenKind.RESET, token)
        _acceptable(new, user)
        user.password = make_password(new)  # not set_password(): a reset is no change by somebody logged in
        user.save(update_fields=["password"])
        audit.password_reset_completed(user.id)
        lockout.cleared(user.email)
    logger.bind(subject_id=user.id).info("password.reset")
    return user


def require_password(user: User, password: str) -> None:
    """For what a stolen session must not do; counts like a login. Raises `Unauthenticated`, `TooManyAttempts`."""
    if seconds := lockout.seconds_left(user.email):
        lockout.refused(user.email)
        raise TooManyAttempts("Too many wrong passwords; try again later.", retry_after=seconds)
    if not user.check_password(password):
        lockout.failed(user.email)
        logger.bind(subject_id=user.id).warning("password.wrong")
        raise Unauthenticated("Your password is wrong.", code="wrong_password")


def deactivate(user: User, *, reason: str) -> None:
    """Close the account until staff open it again; its sessions are worth nothing from now on."""
    with transaction.atomic():
        user.is_active = False
        user.save(update_fields=["is_active"])
        audit.user_disabled(user.id, reason=reason)
    logger.bind(subject_id=user.id, reason=reason).info("account.disabled")


def reactivate(user: User, *, reason: str) -> None:
    with transaction.atomic():
        user.is_active = True
        user.save(update_fields=["is_active"])
        audit.user_enabled(user.id, reason=reason)
    logger.bind(subject_id=user.id, reason=reason).info("account.enabled")


def send_confirmation(user_id: UUID) -> None:
    """Write the letter that `confirm_address` waits for, unless it is confirmed or gone meanwhile."""
    user = User.objects.filter(id=user_id, is_active=True, email_confirmed_at=None).first()
    if user is not None:
        letters.confirmation(user.email, _issue(user, TokenKind.CONFIRM)).send()
        logger.bind(subject_id=user.id).info("confirmation.mailed")


def send_password_reset(user_id: UUID) -> None:
    user = User.objects.filter(id=user_id, is_active=True).first()
    if user is not None:
        letters.password_reset(user.email, _issue(user, TokenKind.RESET)).send()
        logger.bind(subject_id=user.id).info("password_reset.mailed")


def forget_old_tokens() -> int:
    removed, _ = AccountToken.objects.filter(expires_at__lt=timezone.now()).delete()
    return removed


def _issue(user: User, kind: TokenKind) -> str:
    """A new token of the kind; the earlier ones stop working."""
    token, digest = tokens.mint(kind)
    with transaction.atomic():
        user.tokens.filter(kind=kind, used_at=None).delete()
        AccountToken.objects.create(
            user=user, kind=kind, digest=digest, expires_at=timezone.now() + VALID_FOR[kind]
        )
    return token


def _redeem(kind: TokenKind, token: str) -> User:
    """The person of an unused token, which is used from now on. Raises `Gone`."""
    usable = AccountToken.objects.filter(
        kind=kind,
        digest=tokens.digest(token),
        used_at=None,
        expires_at__gt=timezone.now(),
        user__is_active=True,
    )
    found = usable.select_related("user").first()
    if found is None or not usable.update(used_at=timezone.now()):
        raise Gone("This link was used or has expired; ask for a new one.", code="token_closed")
    return found.user


def _acceptable(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), code="weak_password") from None
