"""People and circles: data and the invariants that the database keeps.

`User`, `Circle`, `Membership`, `Invitation`; of an account's life `AccountToken`, `LoginFailures`, `Consent`,
`PersonalExport`, `Impersonation`. Every write goes through `users.services`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

NAME_LENGTH = 80
EMAIL_LENGTH = 254  # RFC 5321: the longest path an envelope can carry
DIGEST_LENGTH = 64  # SHA-256, hex


def normal_email(email: str) -> str:
    """The one spelling under which an address is stored and looked up."""
    return email.strip().lower()


class UserManager(BaseUserManager["User"]):
    """Creates people; an address means the same person however it is capitalised."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Whoever makes an account in code or at the console vouches for its address."""
        fields.setdefault("email_confirmed_at", timezone.now())
        user = self.model(email=normal_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=normal_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A person; logs in by e-mail address."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    email = models.EmailField(max_length=EMAIL_LENGTH, unique=True)
    display_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    email_confirmed_at = models.DateTimeField(null=True, blank=True)
    deletion_due_at = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("created_at", "id")
        constraints = (
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_is_lower_case"),
        )

    def __str__(self) -> str:
        return str(self.id)  # never the address: a repr ends in logs

    def clean(self) -> None:
        self.email = normal_email(self.email)


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


INVITABLE_ROLES = (Role.ADMIN, Role.MEMBER)


class Circle(models.Model):
    """A family circle; who owns it is told by its memberships."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    name = models.CharField(max_length=NAME_LENGTH)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    members = models.ManyToManyField(User, through="Membership", related_name="circles")

    class Meta:
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        return str(self.id)


class Membership(models.Model):
    """That a person belongs to a circle, and as what."""

    circle = models.ForeignKey(Circle, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.MEMBER)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("joined_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("circle", "user"), name="membership_once_per_circle"),
            models.UniqueConstraint(
                fields=("circle",), condition=Q(role=Role.OWNER), name="membership_one_owner_per_circle"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_known"),
        )

    def __str__(self) -> str:
        return f"{self.user_id} in {self.circle_id}: {self.role}"


class Invitation(models.Model):
    """An offer to join a circle, sent to an address; only the digest of its token is kept."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    circle = models.ForeignKey(Circle, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=EMAIL_LENGTH)
    role = models.CharField(max_length=6, choices=Role.choices, default=Role.MEMBER)
    token_digest = models.CharField(max_length=DIGEST_LENGTH, unique=True, editable=False)
    invited_by = models.ForeignKey(
        User, null=True, on_delete=models.SET_NULL, related_name="invitations_sent"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="invitations_accepted"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("circle", "email"),
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_one_open_per_address",
            ),
            models.CheckConstraint(
                condition=Q(role__in=[str(role) for role in INVITABLE_ROLES]),
                name="invitation_never_makes_an_owner",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="invitation_ends_in_one_way"
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class TokenKind(models.TextChoices):
    CONFIRM = "confirm"  # proves that a person reads the address
    RESET = "reset"  # lets a person choose a new password


class AccountToken(models.Model):
    """A single-use token mailed to a person; only its digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=7, choices=TokenKind.choices)
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class LoginFailures(models.Model):
    """How often an address, known or not, was given with a wrong password; keyed by a digest of it."""

    identifier = models.CharField(primary_key=True, max_length=DIGEST_LENGTH, editable=False)
    count = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    locked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-since",)
        verbose_name_plural = "login failures"

    def __str__(self) -> str:
        return f"{self.count} since {self.since:%Y-%m-%d %H:%M}"


class Purpose(models.TextChoices):
    """What a person may agree to have done with their data."""

    NEWS = "news"
    STATISTICS = "statistics"


class Consent(models.Model):
    """One decision about one purpose. Never changed: the newest of a purpose is the one that holds."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    version = models.CharField(max_length=20, help_text="Of the text that was shown")
    granted = models.BooleanField()
    decided_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("-decided_at", "-id")
        indexes = (models.Index(fields=("user", "purpose", "-decided_at"), name="consent_current"),)

    def __str__(self) -> str:
        return f"{self.purpose} of {self.user_id}: {self.granted}"


class ExportState(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


EXPORT_MOVES = {
    ExportState.PENDING: (ExportState.READY, ExportState.FAILED),
    ExportState.READY: (ExportState.EXPIRED,),
}


class PersonalExport(models.Model):
    """A person's own data as one file, made by a task and removed when it expires."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="exports")
    state = models.CharField(max_length=7, choices=ExportState.choices, default=ExportState.PENDING)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes")
    rows = models.PositiveIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=DIGEST_LENGTH, blank=True)

    class Meta:
        ordering = ("-created_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("user",), condition=Q(state=ExportState.PENDING), name="export_one_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.id}: {self.state}"

    @property
    def path(self) -> Path:
        return Path(settings.EXPORT_ROOT) / "personal" / f"{self.id}.zip"


class Reason(models.TextChoices):
    """Why staff act as a member: a code, because a free text would end up holding what members said."""

    SUPPORT = "support_request"
    INCIDENT = "incident"
    ABUSE = "abuse_report"
    LEGAL = "legal_request"


class Impersonation(models.Model):
    """That a member of staff saw the service as a member does: why, and from when to when."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    staff = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="impersonations")
    member = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="impersonated_by")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    ticket = models.CharField(max_length=40)
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-started_at", "id")
        permissions = (("impersonate", "Can see the service as a member does"),)
        constraints = (
            models.CheckConstraint(condition=~Q(reason="") & ~Q(ticket=""), name="impersonation_says_why"),
        )

    def __str__(self) -> str:
        return str(self.id)
