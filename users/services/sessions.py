"""Logging in and out. Who did it, and how it ended, is audited by logkit from Django's own signals."""

from __future__ import annotations

from django.contrib import auth
from django.http import HttpRequest
from loguru import logger

from users.errors import TooManyAttempts, Unauthenticated
from users.models import User
from users.services import lockout


def log_in(request: HttpRequest, email: str, password: str) -> User:
    """Open a session. Raises `Unauthenticated` (one answer for every reason) and `TooManyAttempts`."""
    user = auth.authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        seconds = lockout.seconds_left(email)
        if seconds:
            raise TooManyAttempts("Too many wrong passwords; try again later.", retry_after=seconds)
        raise Unauthenticated(
            "The address or the password is wrong, or the address is not confirmed.", code="wrong_credentials"
        )
    auth.login(request, user)
    logger.bind(user_id=user.id).info("session.opened")
    return user


def log_out(request: HttpRequest) -> None:
    """Close the session, with everything it held."""
    user_id = request.user.pk
    auth.logout(request)
    logger.bind(user_id=user_id).info("session.closed")
