"""Logins, logouts, refused logins and changed passwords, from the signals of `django.contrib.auth`. (A01)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.utils.module_loading import import_string

from logkit import audit
from logkit.audit import Actor, Target
from logkit.context import get_context
from logkit.django.capture.hooks import observer
from logkit.pipeline import current_settings
from logkit.redact import Pseudonyms

_LONGEST_IDENTIFIER = 254


def connect() -> None:
    user_logged_in.connect(_logged_in, dispatch_uid="logkit.audit.logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="logkit.audit.logged_out")
    user_login_failed.connect(_login_failed, dispatch_uid="logkit.audit.login_failed")
    post_save.connect(_saved, sender=get_user_model(), dispatch_uid="logkit.audit.user_saved")


@observer
def _logged_in(request: HttpRequest | None = None, user: Any = None, **_: object) -> None:
    actor = Actor.user(
        user.pk,
        auth_method=_method(getattr(user, "backend", None)),
        mfa=get_context().get("mfa") is True,
        session_ref=_session_ref(request),
    )
    audit.emit("auth.login.succeeded", actor=actor, target=Target("user", user.pk))


@observer
def _logged_out(request: HttpRequest | None = None, user: Any = None, **_: object) -> None:
    if user is not None and user.pk is not None:
        actor = Actor.user(user.pk, session_ref=_session_ref(request))
        audit.emit("auth.logout", actor=actor, target=Target("user", user.pk))


@observer
def _login_failed(credentials: Mapping[str, Any], **_: object) -> None:
    names = (getattr(get_user_model(), "USERNAME_FIELD", "username"), "username", "email")
    typed = next((credentials[name] for name in names if credentials.get(name)), "")
    audit.emit(
        "auth.login.failed",
        outcome="failure",
        reason="wrong_credentials",
        actor=Actor.anonymous(auth_method="password" if "password" in credentials else "other"),
        detail={"identifier_ref": _pseudonym("identifier", str(typed)[:_LONGEST_IDENTIFIER])},
    )


@observer
def _saved(instance: Any, created: bool = False, raw: bool = False, **_: object) -> None:
    """A password was set and is now saved. A hash that is only renewed at login leaves no trace of the kind."""
    if created or raw or getattr(instance, "_password", None) is None:
        return
    actor_id = get_context().completed().get("user_id")
    by_another = actor_id is not None and str(actor_id) != str(instance.pk)
    audit.emit(
        "auth.password.changed",
        target=Target("user", instance.pk),
        detail={"by_admin": True} if by_another else {},
    )


def _method(backend: str | None) -> str:
    """Django's own backends, and those built on them, ask for a password; others go by their name."""
    if backend is None or issubclass(kind := import_string(backend), ModelBackend):
        return "password"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__.removesuffix("Backend")).lower()


def _session_ref(request: HttpRequest | None) -> str | None:
    session = getattr(request, "session", None)
    if session is None:
        return None
    if not session.session_key:
        session.save()  # a session that is new gets its key when it is saved, which is about to happen anyway
    return _pseudonym("session", session.session_key) if session.session_key else None


def _pseudonym(kind: str, value: str) -> str:
    settings = current_settings()
    secret = settings.pseudonym_key if settings else None
    if secret is None:
        raise LookupError("there is no pseudonym key, so nobody can be named")
    return _pseudonyms(secret.reveal()).of(kind, value)


@lru_cache(maxsize=2)
def _pseudonyms(key: str) -> Pseudonyms:
    return Pseudonyms(key)
