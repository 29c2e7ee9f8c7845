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
    PasswordReset,
    Profile,
    SignUp,
    TokenOnly,
)
from users.models import User
from users.services import accounts, sessions

router = Router(tags=["account"])
slow = AddressLimit("account")


@router.post("/users", auth=csrf_protected, throttle=slow, response={201: Me})
def sign_up(request: HttpRequest, given: SignUp) -> Status[User]:
    return Status(201, accounts.sign_up(given.email, given.password, display_name=given.display_name))


@router.post(
    "/confirmations", auth=csrf_protected, throttle=slow, response={204: None}, openapi_extra=refuses(410)
)
def confirm_address(request: HttpRequest, given: TokenOnly) -> Status[None]:
    accounts.confirm_address(given.token)
    return Status(204, None)


@router.post("/password-resets", auth=csrf_protected, throttle=slow, response={202: None})
def ask_for_password_reset(request: HttpRequest, given: AddressOnly) -> Status[None]:
    """The answer is the same whether or not anybody has the address."""
    accounts.ask_for_password_reset(given.email)
    return Status(202, None)


@router.put(
    "/password-resets", auth=csrf_protected, throttle=slow, response={204: None}, openapi_extra=refuses(410)
)
def reset_password(request: HttpRequest, given: PasswordReset) -> Status[None]:
    accounts.reset_password(given.token, given.password)
    return Status(204, None)


@router.get("/me", response=Me)
def me(request: MemberRequest) -> User:
    return request.user


@router.patch("/me", response=Me)
def update_profile(request: MemberRequest, given: Profile) -> User:
    return accounts.update_profile(request.user, display_name=given.display_name)


@router.post("/me/confirmation", response={202: None}, openapi_extra=refuses(409))
def ask_for_confirmation(request: MemberRequest) -> Status[None]:
    accounts.ask_for_confirmation(request.user)
    return Status(202, None)


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
