"""Too many wrong passwords for one address close it for a while, whether or not anybody has that address.

A try is counted before its password is looked at, so that many at once are no more than one after another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from loguru import logger

from mysite import audit
from users.models import LoginFailures, User, normal_email

MAX_FAILURES = 5
WINDOW = timedelta(minutes=15)
LOCKED_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at the password of an address."""

    email: str
    number: int  # from 1, since the last right password or the last window
    wait_s: int  # 0: the password may be looked at


def admit(email: str) -> Attempt:
    """Count a try, and refuse it where the address is closed; `failed` or `cleared` says how it ended."""
    now = timezone.now()
    with transaction.atomic():
        tries, _ = LoginFailures.objects.select_for_update().get_or_create(
            identifier=_identifier(email), defaults={"since": now}
        )
        wait_s = _left(tries, now)
        if not wait_s:
            if tries.locked_until or tries.since < now - WINDOW:
                tries.count, tries.since, tries.locked_until = 0, now, None
            tries.count += 1
            if tries.count == MAX_FAILURES:
                tries.locked_until = now + LOCKED_FOR
            tries.save()
    if wait_s:
        audit.login_throttled(email=email, limit=MAX_FAILURES, window=WINDOW)
        logger.bind(limit=MAX_FAILURES).warning("login.throttled")
    return Attempt(email, tries.count, wait_s)


def failed(attempt: Attempt) -> None:
    """The password was wrong; the last one that is allowed has closed the address."""
    if attempt.number < MAX_FAILURES:
        return
    user_id = User.objects.filter(email=normal_email(attempt.email)).values_list("id", flat=True).first()
    if user_id:
        audit.account_locked(user_id, reason="wrong_passwords", until=timezone.now() + LOCKED_FOR)
    logger.bind(failures=attempt.number, known=user_id is not None).warning("login.locked")


def cleared(email: str) -> None:
    """A right password: earlier wrong ones are forgotten."""
    LoginFailures.objects.filter(identifier=_identifier(email)).delete()


def seconds_left(email: str) -> int:
    """For how long the address is still closed; 0 when it is open."""
    tries = LoginFailures.objects.filter(identifier=_identifier(email)).first()
    return _left(tries, timezone.now()) if tries else 0


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


def _left(tries: LoginFailures, now: datetime) -> int:
    """Seconds until the lock is over."""
    return max(0, math.ceil((tries.locked_until - now).total_seconds())) if tries.locked_until else 0


def _identifier(email: str) -> str:
    """Keyed, so that the table does not tell which addresses were tried."""
    return salted_hmac("users.lockout", normal_email(email), algorithm="sha256").hexdigest()
