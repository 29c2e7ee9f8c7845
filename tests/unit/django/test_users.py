"""Who the user of a request is, read without asking."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from logkit.django.users import evaluated_user_id
from users.models import User

ID = UUID("0198c0de-0000-7000-8000-000000000001")


def asked() -> Any:
    raise AssertionError("somebody asked who the user is")


def request_with(**attributes: Any) -> Any:
    request = RequestFactory().get("/")
    for name, value in attributes.items():
        setattr(request, name, value)
    return request


def test_r11_a_user_that_nobody_evaluated_is_not_looked_at() -> None:
    """The lazy user stays lazy."""
    assert evaluated_user_id(request_with(user=SimpleLazyObject(asked))) is None
    assert evaluated_user_id(request_with()) is None


def test_r11_an_evaluated_user_is_read_through_its_wrapper() -> None:
    """As soon as anybody has asked."""
    lazy = SimpleLazyObject(lambda: User(pk=ID))
    bool(lazy)
    assert evaluated_user_id(request_with(user=lazy)) == str(ID)


@pytest.mark.parametrize("name", ["user", "_acached_user", "auth"])
def test_r12_the_places_where_frameworks_keep_the_user(name: str) -> None:
    """`request.user`, what `request.auser()` remembers, and a user that an API framework calls `auth`."""
    assert evaluated_user_id(request_with(**{name: User(pk=ID)})) == str(ID)


class Token:
    """A credential with a primary key that is the secret itself."""

    pk = "secret"
    is_authenticated = True


def test_r11_a_credential_is_not_a_user() -> None:
    """`request.auth` of REST framework is a token whose key nobody may see."""
    assert evaluated_user_id(request_with(auth=Token())) is None
    assert evaluated_user_id(request_with(auth="secret")) is None


@pytest.mark.parametrize("user", [None, User(pk=None), AnonymousUser(), object(), "ann"])
def test_r13_somebody_without_a_key_is_nobody(user: Any) -> None:
    """None, unsaved, anonymous, or no user at all."""
    assert evaluated_user_id(request_with(user=user)) is None
