"""Django's model backend with the lock-out in front, so that it holds in the API and in the admin alike."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from users.models import User
from users.services import lockout


class LockoutBackend(ModelBackend):
    """Refuses an address that is locked, before its password is looked at."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **more: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        if lockout.seconds_left(username):
            lockout.refused(username)
            raise PermissionDenied  # no other backend is asked; Django reports the failed login
        user = super().authenticate(request, username, password, **more)
        if not isinstance(user, User):
            lockout.failed(username)
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
