"""Circles and who is in them as what: create, rename, change roles, hand over, leave, delete."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from loguru import logger

from mysite import audit
from users.errors import Conflict, Forbidden
from users.models import Circle, Invitation, Membership, Role, User
from users.queries import lock_circle, member_of, membership_of, require_role

MAX_CIRCLES = 50  # that one person may own
MAX_MEMBERSHIPS = 200  # of one person
MAX_MEMBERS = 200  # of one circle: a family, not a platform; lists need no pages


def create(owner: User, name: str) -> Circle:
    """A new circle, owned by `owner`. Raises `Conflict` for somebody who owns too many."""
    with transaction.atomic():
        User.objects.select_for_update().get(id=owner.id)  # two made at once are counted one after the other
        if owner.memberships.filter(role=Role.OWNER).count() >= MAX_CIRCLES:
            raise Conflict(
                f"You own {MAX_CIRCLES} circles, which is the most one person may.", code="too_many"
            )
        circle = Circle.objects.create(name=name)
        Membership.objects.create(circle=circle, user=owner, role=Role.OWNER)
        audit.circle_created(circle.id)
        audit.member_added(owner.id, circle_id=circle.id, role=Role.OWNER, via="creation")
    logger.bind(circle_id=circle.id).info("circle.created")
    return circle


def rename(actor: User, circle_id: UUID, name: str) -> Circle:
    """For owner and admins. Raises `NotFound`, `Forbidden`."""
    membership = membership_of(actor, circle_id)
    require_role(membership, Role.OWNER, Role.ADMIN, permission="circle.rename")
    circle = membership.circle
    if circle.name != name:
        with transaction.atomic():
            circle.name = name
            circle.save(update_fields=["name"])
            audit.circle_changed(circle.id, fields=["name"])
        logger.bind(circle_id=circle.id).info("circle.renamed")
    return circle


def delete(actor: User, circle_id: UUID) -> None:
    """The owner deletes the circle and everything in it. Raises `NotFound`, `Forbidden`."""
    membership = membership_of(actor, circle_id)
    require_role(membership, Role.OWNER, permission="circle.delete")
    erase(membership.circle)


def erase(circle: Circle) -> None:
    """Delete a circle and everything in it; who may has been asked before."""
    circle_id, members, objects = circle.id, circle.memberships.count(), _objects_in(circle)
    with audit.deleting_circle(circle_id, members=members, objects=objects), transaction.atomic():
        lock_circle(circle_id).delete()
    logger.bind(circle_id=circle_id, members=members, objects=objects).info("circle.deleted")


def join(user: User, circle: Circle, *, role: str) -> Membership:
    """Make somebody a member; runs inside the caller's transaction. Raises `Conflict`."""
    lock_circle(circle.id)  # two who join at once are counted one after the other
    if circle.memberships.filter(user=user).exists():
        raise Conflict("You are a member of this circle already.", code="already_member")
    if user.memberships.count() >= MAX_MEMBERSHIPS:
        raise Conflict(f"You are in {MAX_MEMBERSHIPS} circles, which is the most.", code="too_many")
    if circle.memberships.count() >= MAX_MEMBERS:
        raise Conflict(f"The circle has {MAX_MEMBERS} members, which is the most.", code="circle_full")
    membership = Membership.objects.create(circle=circle, user=user, role=role)
    audit.member_added(user.id, circle_id=circle.id, role=role, via="invitation")
    return membership


def change_role(actor: User, circle_id: UUID, user_id: UUID, role: Role) -> Membership:
    """The owner makes a member an admin, or back. Raises `NotFound`, `Forbidden`, `Conflict`.

    Ownership is handed over by `transfer_ownership`, which leaves no circle without an owner or with two.
    """
    require_role(membership_of(actor, circle_id), Role.OWNER, permission="circle.change_role")
    membership = member_of(circle_id, user_id)
    before = membership.role
    if Role.OWNER in (before, role):
        raise Conflict("The owner's role changes by handing the circle over.", code="use_transfer")
    if before == role:
        return membership
    with audit.changing_role(user_id, circle_id=circle_id, before=before, after=role), transaction.atomic():
        _moved(membership, before, role)
    logger.bind(circle_id=circle_id, subject_id=user_id, role_from=before, role_to=role).info(
        "member.role_changed"
    )
    membership.role = role
    return membership


def transfer_ownership(actor: User, circle_id: UUID, user_id: UUID) -> Membership:
    """The owner makes another member the owner and becomes an admin. Raises `NotFound`, `Forbidden`."""
    own = membership_of(actor, circle_id)
    require_role(own, Role.OWNER, permission="circle.transfer")
    heir = member_of(circle_id, user_id)
    if heir.user_id == actor.id:
        return own
    with (
        audit.transferring_ownership(circle_id, before=actor.id, after=user_id),
        transaction.atomic(),
    ):
        _moved(own, Role.OWNER, Role.ADMIN)  # first, because there is never more than one owner
        _moved(heir, heir.role, Role.OWNER)
    logger.bind(circle_id=circle_id, owner_from=actor.id, owner_to=user_id).info("circle.owner_transferred")
    heir.role = Role.OWNER
    return heir


def remove_member(actor: User, circle_id: UUID, user_id: UUID) -> None:
    """Leave, or be removed: by the owner, or by an admin who outranks. Raises `NotFound`, `Forbidden`."""
    own = membership_of(actor, circle_id)
    leaving = user_id == actor.id
    membership = own if leaving else member_of(circle_id, user_id)
    if membership.role == Role.OWNER:
        raise Forbidden("The owner hands the circle over before leaving it.", code="owner_stays")
    if not leaving:
        above = (Role.OWNER,) if membership.role == Role.ADMIN else (Role.OWNER, Role.ADMIN)
        require_role(own, *above, permission="circle.remove_member")
    reason = "left" if leaving else "removed"
    with transaction.atomic():
        membership.delete()
        audit.member_removed(user_id, circle_id=circle_id, role=membership.role, reason=reason)
    logger.bind(circle_id=circle_id, subject_id=user_id, reason=reason).info("member.removed")


def _objects_in(circle: Circle) -> int:
    """How much the other apps keep in a circle, asked of the schema because this app does not know them."""
    own = (Membership, Invitation)
    others = [relation for relation in Circle._meta.related_objects if relation.related_model not in own]
    return sum(
        relation.related_model._default_manager.filter(**{relation.field.name: circle}).count()
        for relation in others
    )


def _moved(membership: Membership, before: str, after: str) -> None:
    """Only from the role that was seen, so that two who decide at once cannot undo each other unnoticed."""
    # logkit: ignore[LK401] the callers audit it, once they know it held
    if not Membership.objects.filter(id=membership.id, role=before).update(role=after):
        raise Conflict("The role was changed meanwhile; look again.", code="stale")
