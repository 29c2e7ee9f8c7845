"""Reads of people and circles, and the one place that says who may see what.

`membership_of`, `require_role`, `member_ids` serve every app; the rest serves the users API.
"""

from __future__ import annotations

from uuid import UUID

from users.errors import Forbidden, NotFound
from users.models import Membership, Role, User


def membership_of(user: User, circle_id: UUID) -> Membership:
    """What `user` is in the circle. Raises `NotFound` for a stranger and for no circle: the same answer."""
    membership = Membership.objects.select_related("circle").filter(circle_id=circle_id, user=user).first()
    if membership is None:
        raise NotFound("There is no such circle.")
    return membership


def require_role(membership: Membership, *roles: Role) -> None:
    """Raises `Forbidden` unless the member has one of `roles`; the denial is in the audit trail."""
    if membership.role in roles:
        return
    raise Forbidden("Your role in this circle does not allow this.")


def member_ids(circle_id: UUID) -> list[UUID]:
    """The members of a circle, longest-standing first."""
    return list(Membership.objects.filter(circle_id=circle_id).values_list("user_id", flat=True))
