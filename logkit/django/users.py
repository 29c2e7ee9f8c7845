"""The user of a request, when somebody has already asked who it is. Reading it here costs nothing. (R11, R12)

No session is touched and nothing is queried: a user that nobody has evaluated is not looked at.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.functional import LazyObject, empty


def evaluated_user_id(request: HttpRequest) -> str | None:
    """The primary key of the user as text; None when nobody asked yet, and for somebody unknown. (R13)"""
    known = request.__dict__
    user = known.get("user")
    if isinstance(user, LazyObject):
        user = object.__getattribute__(user, "_wrapped")  # LazyObject's own way takes ten times as long
    if user is not None and user is not empty and (user_id := _id(user)) is not None:
        return user_id
    if "_acached_user" in known and (user_id := _id(known["_acached_user"])) is not None:  # request.auser()
        return user_id
    # A credential in some API frameworks, the user in others.
    return _id(known["auth"]) if isinstance(known.get("auth"), AbstractBaseUser) else None


def _id(user: Any) -> str | None:
    if getattr(user, "pk", None) is None or getattr(user, "is_authenticated", False) is not True:
        return None
    return str(user.pk)
