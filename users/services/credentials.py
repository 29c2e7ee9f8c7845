"""Tokens that letters carry: each works once, for a while, and only the newest of its kind."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from users import tokens
from users.errors import Gone
from users.models import AccountToken, TokenKind, User

VALID_FOR = {TokenKind.CONFIRM: timedelta(days=3), TokenKind.RESET: timedelta(hours=1)}


def issue(user: User, kind: TokenKind) -> str:
    """A new token of the kind; the earlier ones stop working."""
    token, digest = tokens.mint(kind)
    with transaction.atomic():
        user.tokens.filter(kind=kind, used_at=None).delete()
        AccountToken.objects.create(
            user=user, kind=kind, digest=digest, expires_at=timezone.now() + VALID_FOR[kind]
        )
    return token


def owner_of(kind: TokenKind, token: str) -> User:
    """The person whose token it is, who may still use it. Raises `Gone`."""
    found = _usable(kind, token).select_related("user").first()
    if found is None:
        raise closed()
    return found.user


def redeem(kind: TokenKind, token: str) -> User:
    """The person of an unused token, which is used from now on; of two at once one succeeds. Raises `Gone`."""
    user = owner_of(kind, token)
    # Nothing but the token's own row in the condition: one that reaches into another table is looked at before the
    # row is locked, and of two at once both would see it unused.
    unused = AccountToken.objects.filter(kind=kind, digest=tokens.digest(token), used_at=None)
    if not unused.update(used_at=timezone.now()):
        raise closed()
    return user


def forget_old() -> int:
    """Remove the tokens whose time is over; returns how many."""
    removed, _ = AccountToken.objects.filter(expires_at__lt=timezone.now()).delete()
    return removed


def _usable(kind: TokenKind, token: str) -> QuerySet[AccountToken]:
    return AccountToken.objects.filter(
        kind=kind,
        digest=tokens.digest(token),
        used_at=None,
        expires_at__gt=timezone.now(),
        user__is_active=True,
    )


def closed() -> Gone:
    """The refusal of a token, whatever is wrong with it."""
    return Gone("This link was used or has expired; ask for a new one.", code="token_closed")
