"""What goes in and out of the users API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from ninja import Schema
from pydantic import AfterValidator, Field

from mysite.http import Given, Line, without_controls
from users.models import EMAIL_LENGTH, NAME_LENGTH, Membership, Purpose, Reason, Role, normal_email


def _address(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError:
        raise ValueError("not an e-mail address") from None
    return normal_email(value)


Address = Annotated[Line, Field(max_length=EMAIL_LENGTH), AfterValidator(_address)]
Name = Annotated[Line, Field(max_length=NAME_LENGTH)]
# As typed: whether it is an address is not told.
Identifier = Annotated[str, Field(max_length=EMAIL_LENGTH), AfterValidator(without_controls)]
Password = Annotated[str, Field(max_length=200)]  # hashing costs by length
Token = Annotated[str, Field(max_length=200)]


class SignUp(Given):
    email: Address
    password: Password
    display_name: Name


class LogIn(Given):
    email: Identifier
    password: Password


class Profile(Given):
    display_name: Name


class PasswordChange(Given):
    current: Password
    new: Password


class PasswordOnly(Given):
    password: Password


class TokenAndPassword(Given):
    token: Token
    password: Password


class AddressOnly(Given):
    email: Address


class TokenOnly(Given):
    token: Token


class Csrf(Schema):
    csrf_token: str


class Me(Schema):
    id: UUID
    email: str
    display_name: str
    created_at: datetime
    email_confirmed_at: datetime | None
    deletion_due_at: datetime | None


class CircleIn(Given):
    name: Name


class CircleOut(Schema):
    id: UUID
    name: str
    created_at: datetime
    role: Role
    member_count: int


class MemberOut(Schema):
    """What members of a circle see of each other: no address."""

    user_id: UUID
    display_name: str
    role: Role
    joined_at: datetime

    @staticmethod
    def resolve_display_name(membership: Membership) -> str:
        return membership.user.display_name


class RoleChange(Given):
    role: Literal[Role.ADMIN, Role.MEMBER]


class Heir(Given):
    user_id: UUID


class Delivery(Given):
    delivery: Literal["link", "letter"] = "link"


class InvitationIn(Delivery):
    email: Address
    role: Literal[Role.ADMIN, Role.MEMBER] = Role.MEMBER


class InvitationOut(Schema):
    id: UUID
    circle_id: UUID
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime


class InvitationMade(InvitationOut):
    """`token` is told once, here, and only when no letter carries it."""

    token: str | None


class Joined(Schema):
    circle_id: UUID
    role: Role


class ConsentIn(Given):
    version: Annotated[Line, Field(max_length=20)]
    granted: bool


class ConsentOut(Schema):
    purpose: Purpose
    version: str
    granted: bool
    decided_at: datetime


class PersonalExportOut(Schema):
    id: UUID
    state: str
    created_at: datetime
    expires_at: datetime | None
    size: int | None
    sha256: str


class ImpersonationIn(Given):
    user_id: UUID
    reason: Reason
    ticket: Annotated[Line, Field(max_length=40)]


class ImpersonationOut(Schema):
    id: UUID
    started_at: datetime
