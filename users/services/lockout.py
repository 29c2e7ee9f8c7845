"""Too many wrong passwords for one address close it for a while, whether or not anybody has that address."""

from __future__ import annotations

import math
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from loguru import logger

from mysite import audit
from users.models import LoginFailures, User, normal_email

MAX_FAILURES = 5
WINDOW = timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=15)


def seconds_left(email: str) -> int:
    """For how long the address is still closed; 0 when it is open."""
    now = timezone.now()
    closed = LoginFailures.objects.filter(identifier=_identifier(email), locked_until__gt=now)
    until = closed.values_list("locked_until", flat=True).first()
    return math.ceil((until - now).total_seconds()) if until else 0


def refused(email: str) -> None:
    """Somebody tried an address that is closed."""
    audit.login_throttled(email=email, limit=MAX_FAILURES, window=WINDOW)
    logger.bind(limit=MAX_FAILURES).warning("login.throttled")


def failed(email: str) -> None:
    """Count a wrong password; the last one that is allowed closes the address."""
    now = timezone.now()
    with transaction.atomic():
        failures, _ = LoginFailures.objects.select_for_update().get_or_create(
            identifier=_identifier(email), defaults={"since": now}
        )
        if failures.since < now - WINDOW:
            failures.count, failures.since, failures.locked_until = 0, now, None
        failures.count += 1
        if failures.count == MAX_FAILURES:
            failures.locked_until = now + LOCKED_FOR
        failures.save()
        locked = failures.count == MAX_FAILURES
        user_id = User.objects.filter(email=normal_email(email)).values_list("id", flat=True).first()
        if locked and user_id:
            audit.account_locked(user_id, reason="wrong_passwords", until=now + LOCKED_FOR)
    if locked:
        logger.bind(failures=failures.count, subject_id=user_id).warning("login.locked")


def cleared(email: str) -> None:
    """A right password: earlier wrong ones are forgotten."""
    LoginFailures.objects.filter(identifier=_identifier(email)).delete()


def unlock(user: User) -> bool:
    """Staff open an address again; returns whether it was closed."""
    if not seconds_left(user.email):
        return False
    with transaction.atomic():
        cleared(user.email)
        audit.account_unlocked(user.id, reason="staff")
    logger.bind(subject_id=user.id).info("login.unlocked")
    return True


def forget_old() -> int:
    """Remove counts whose window and lock are over."""
    before = timezone.now() - max(WINDOW, LOCKED_FOR)
    removed, _ = (
        LoginFailures.objects.filter(since__lt=before).exclude(locked_until__gt=timezone.now()).delete()
    )
    return removed


def _identifier(email: str) -> str:
    """Keyed, so that the table does not tell which addresses were tried."""
    return salted_hmac("users.lockout", normal_email(email), algorithm="sha256").hexdigest()
