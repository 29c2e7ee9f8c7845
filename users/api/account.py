"""Sign-up and what people do with their own account."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Status

from mysite.http import MemberRequest, csrf_protected
from mysite.limits import AddressLimit
from mysite.openapi import refuses
from users.api.shapes import (
    AddressOnly,
    Me,
    PasswordChange,
    PasswordOnly,
    Profile,
    SignUp,
    TokenAndPassword,
)
from users.models import User
from users.services import accounts, sessions, signup

router = Router(tags=["account"])
slow = AddressLimit("account")


@router.post("/users", auth=csrf_protected, throttle=slow, response={202: None})
def sign_up(request: HttpRequest, given: SignUp) -> Status[None]:
    """A letter to the address says what to do next; the answer is the same whether or not anybody has it."""
    signup.sign_up(given.email, given.password, display_name=given.display_name)
    return Status(202, None)


@router.post(
    "/confirmations",
    auth=csrf_protected,
    throttle=slow,
    response={204: None},
    openapi_extra=refuses(401, 410),
)
def confirm_address(request: HttpRequest, given: TokenAndPassword) -> Status[None]:
    """With the token of the letter and the password that was signed up with. Then one can log in."""
    signup.confirm_address(given.token, given.password)
    return Status(204, None)


@router.post("/password-resets", auth=csrf_protected, throttle=slow, response={202: None})
def ask_for_password_reset(request: HttpRequest, given: AddressOnly) -> Status[None]:
    """The answer is the same whether or not anybody has the address."""
    accounts.ask_for_password_reset(given.email)
    return Status(202, None)


@router.put(
    "/password-resets", auth=csrf_protected, throttle=slow, response={204: None}, openapi_extra=refuses(410)
)
def reset_password(request: HttpRequest, given: TokenAndPassword) -> Status[None]:
    accounts.reset_password(given.token, given.password)
    return Status(204, None)


@router.get("/me", response=Me)
def me(request: MemberRequest) -> User:
    return request.user


@router.patch("/me", response=Me)
def update_profile(request: MemberRequest, given: Profile) -> User:
    return accounts.update_profile(request.user, display_name=given.display_name)


@router.put("/me/password", response={204: None})
def change_password(request: MemberRequest, given: PasswordChange) -> Status[None]:
    accounts.change_password(request, request.user, current=given.current, new=given.new)
    return Status(204, None)


@router.post("/me/deactivation", response={204: None})
def deactivate(request: MemberRequest, given: PasswordOnly) -> Status[None]:
    """Staff can open the account again."""
    accounts.require_password(request.user, given.password)
    accounts.deactivate(request.user, reason="own_wish")
    sessions.log_out(request)
    return Status(204, None)
