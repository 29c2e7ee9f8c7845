"""Reads of people and circles, and the one place that says who may see what.

`membership_of`, `require_role`, `member_ids`, `lock_circle` and `still_there` serve every app; the rest serves the
users API.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from users.denials import denied
from users.errors import NotFound
from users.models import Circle, Consent, Invitation, Membership, PersonalExport, Role, User


def membership_of(user: User, circle_id: UUID) -> Membership:
    """What `user` is in the circle. Raises `NotFound` for a stranger and for no circle: the same answer."""
    membership = Membership.objects.select_related("circle").filter(circle_id=circle_id, user=user).first()
    if membership is None:
        raise NotFound("There is no such circle.")
    return membership


def lock_circle(circle_id: UUID) -> Circle:
    """The circle, which nobody deletes, joins or counts until this transaction ends; locked before anything in it.

    Raises `NotFound` when it was deleted meanwhile.
    """
    circle = Circle.objects.select_for_update().filter(id=circle_id).first()
    if circle is None:
        raise NotFound("There is no such circle.")
    return circle


@contextmanager
def still_there() -> Iterator[None]:
    """Around an insert into a circle that somebody may be deleting at this moment. Raises `NotFound`."""
    try:
        yield
    except IntegrityError:
        raise NotFound("There is no such circle.") from None


def require_role(membership: Membership, *roles: Role, permission: str = "circle.manage") -> None:
    """Raises `Forbidden` unless the member has one of `roles`; the denial is in the audit trail."""
    if membership.role not in roles:
        raise denied(
            "Your role in this circle does not allow this.",
            permission=permission,
            policy="role:" + ",".join(roles),
            kind="circle",
            object_id=membership.circle_id,
            circle_id=membership.circle_id,
        )


def member_of(circle_id: UUID, user_id: UUID) -> Membership:
    """A member of a circle, for somebody who may see its members. Raises `NotFound`."""
    found = Membership.objects.select_related("user", "circle").filter(circle_id=circle_id, user_id=user_id)
    membership = found.first()
    if membership is None:
        raise NotFound("There is no such member.")
    return membership


def member_ids(circle_id: UUID) -> list[UUID]:
    """The members of a circle, longest-standing first."""
    return list(Membership.objects.filter(circle_id=circle_id).values_list("user_id", flat=True))


def members(user: User, circle_id: UUID) -> QuerySet[Membership]:
    """Everybody in a circle that `user` is in, each with `user`. Raises `NotFound`."""
    membership_of(user, circle_id)
    return Membership.objects.filter(circle_id=circle_id).select_related("user")


def circles_of(user: User) -> QuerySet[Circle]:
    """The circles of `user`, each with `role` and `member_count`."""
    mine = Membership.objects.filter(circle=OuterRef("pk"), user=user).values("role")
    every = (
        Membership.objects.filter(circle=OuterRef("pk"))
        .order_by()
        .values("circle")
        .annotate(count=Count("pk"))
        .values("count")
    )
    return Circle.objects.filter(memberships__user=user).annotate(
        role=Subquery(mine), member_count=Coalesce(Subquery(every), 0)
    )


def circle_of(user: User, circle_id: UUID) -> Circle:
    """One of the circles of `user`. Raises `NotFound`."""
    circle = circles_of(user).filter(id=circle_id).first()
    if circle is None:
        raise NotFound("There is no such circle.")
    return circle


def open_invitations(user: User, circle_id: UUID) -> QuerySet[Invitation]:
    """The invitations that may still be accepted, for those who may invite. Raises `NotFound`, `Forbidden`."""
    membership = membership_of(user, circle_id)
    require_role(membership, Role.OWNER, Role.ADMIN, permission="circle.see_invitations")
    return Invitation.objects.filter(
        circle_id=circle_id, accepted_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )


def consents(user: User) -> list[Consent]:
    """The decision that holds now, one for each purpose that was ever decided."""
    newest: dict[str, Consent] = {}
    for consent in user.consents.order_by("decided_at", "id"):
        newest[consent.purpose] = consent
    return list(newest.values())


def export_of(user: User, export_id: UUID) -> PersonalExport:
    """One of the exports of `user`. Raises `NotFound`."""
    export = user.exports.filter(id=export_id).first()
    if export is None:
        raise NotFound("There is no such export.")
    return export
