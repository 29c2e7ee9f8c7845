"""Django's model backend with the lock-out in front, so that it holds in the API and in the admin alike."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from users.models import User
from users.services import lockout


class LockoutBackend(ModelBackend):
    """Refuses an address that is locked, before its password is looked at; and one that nobody has confirmed."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **more: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        attempt = lockout.admit(username)
        if attempt.wait_s:
            raise PermissionDenied  # no other backend is asked; Django reports the failed login
        user = super().authenticate(request, username, password, **more)
        if not isinstance(user, User):
            lockout.failed(attempt)
            return None
        lockout.cleared(username)
        return user

    async def aauthenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **more: Any,
    ) -> User | None:
        return await sync_to_async(self.authenticate)(request, username, password, **more)

    def user_can_authenticate(self, user: User | AnonymousUser | None) -> bool:
        """Asked at every request, too: a session ends with the account."""
        return super().user_can_authenticate(user) and getattr(user, "email_confirmed_at", None) is not None
