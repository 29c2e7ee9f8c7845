"""The user of a request, when somebody has already asked who it is. Reading it here costs nothing. (R11, R12)

No session is touched and nothing is queried: a user that nobody has evaluated is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty


def evaluated_user_id(request: HttpRequest) -> str | None:
    """The primary key of the user as text; None when nobody asked yet, and for somebody unknown. (R13)"""
    for user in _evaluated(request.__dict__):
        if getattr(user, "pk", None) is not None and getattr(user, "is_authenticated", False) is True:
            return str(user.pk)
    return None


def _evaluated(known: dict[str, Any]) -> Iterator[Any]:
    user = known.get("user")
    if isinstance(user, LazyObject):
        user = user.__dict__["_wrapped"]
    if user is not None and user is not empty:
        yield user
    if "_acached_user" in known:  # request.auser()
        yield known["_acached_user"]
    if isinstance(auth := known.get("auth"), AbstractBaseUser):  # a credential in some API frameworks
        yield auth
