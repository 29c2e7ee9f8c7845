"""The product's audit helpers: one line at the call site, over `logkit.audit`.

Functions that end a sentence (`member_added`) report what happened: the event is kept when the transaction commits.
Those that return a context manager (`changing_role`) are closed: no durable record first, no action.
Logins, admin pages, commands and permission classes of Django itself are captured by `logkit.django` alone.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from logkit import audit
from logkit.audit import Action, Target

Id = UUID | str | int


def _target(kind: str, object_id: Id, *, circle_id: Id | None = None, owner_id: Id | None = None) -> Target:
    return Target(
        kind,
        str(object_id),
        owner=None if owner_id is None else str(owner_id),
        circle_id=None if circle_id is None else str(circle_id),
    )


# -- Access control -----------------------------------------------------------------------------------------


def authz_denied(
    *, permission: str, policy: str, kind: str, object_id: Id, circle_id: Id | None = None
) -> None:
    """Somebody who may see the thing asked for more than their role allows."""
    audit.emit(
        "authz.denied",
        outcome="denied",
        reason="role",
        target=_target(kind, object_id, circle_id=circle_id),
        detail={"permission": permission, "policy": policy},
    )


def changing_role(user_id: Id, *, circle_id: Id, before: str, after: str) -> Action:
    return audit.action(
        "authz.role.changed",
        target=_target("user", user_id, circle_id=circle_id),
        detail={"role_from": before, "role_to": after},
    )


def granting_permission(user_id: Id, *, privileges: list[str], before: list[str], after: list[str]) -> Action:
    return _privileges("authz.permission.granted", user_id, privileges, before, after)


def revoking_permission(user_id: Id, *, privileges: list[str], before: list[str], after: list[str]) -> Action:
    return _privileges("authz.permission.revoked", user_id, privileges, before, after)


def _privileges(
    event: str, user_id: Id, privileges: list[str], before: list[str], after: list[str]
) -> Action:
    detail = {"privileges": privileges, "before": before, "after": after}
    return audit.action(event, target=_target("user", user_id), detail=detail)


# -- People -------------------------------------------------------------------------------------------------


def user_created(user_id: Id, *, source: str) -> None:
    audit.emit("user.created", outcome="success", target=_target("user", user_id), detail={"source": source})


def consent_changed(user_id: Id, *, purpose: str, version: str, granted: bool) -> None:
    audit.emit(
        "user.consent.changed",
        outcome="success",
        target=_target("user", user_id),
        detail={"purpose": purpose, "version": version, "granted": granted},
    )


def deleting_account(user_id: Id, *, reason: str, legal_basis: str, retained: list[str]) -> Action:
    """`retained` names what is kept after the deletion, and nothing else is."""
    detail = {"reason": reason, "legal_basis": legal_basis, "retained": retained}
    return audit.action("user.deleted", target=_target("user", user_id), detail=detail)


def impersonating(user_id: Id, *, reason: str, ticket: str) -> Action:
    """Staff begin to see the service as `user` does."""
    detail = {"effective_user": str(user_id), "reason": reason, "ticket": ticket}
    return audit.action("auth.impersonation.started", target=_target("user", user_id), detail=detail)


# -- Circles ------------------------------------------------------------------------------------------------


def circle_created(circle_id: Id) -> None:
    audit.emit("circle.created", outcome="success", target=_target("circle", circle_id, circle_id=circle_id))


def member_invited(
    invitation_id: Id, *, circle_id: Id, invitee_ref: str, role: str, expires: datetime
) -> None:
    audit.emit(
        "circle.member.invited",
        outcome="success",
        target=_target("invitation", invitation_id, circle_id=circle_id),
        detail={"invitee_ref": invitee_ref, "role": role, "expires": expires.isoformat()},
    )


def member_added(user_id: Id, *, circle_id: Id, role: str, via: str) -> None:
    audit.emit(
        "circle.member.added",
        outcome="success",
        target=_target("user", user_id, circle_id=circle_id),
        detail={"role": role, "via": via},
    )


def member_removed(user_id: Id, *, circle_id: Id, role: str, reason: str) -> None:
    audit.emit(
        "circle.member.removed",
        outcome="success",
        reason=reason,
        target=_target("user", user_id, circle_id=circle_id),
        detail={"role": role, "reason": reason},
    )


def transferring_ownership(circle_id: Id, *, before: Id, after: Id) -> Action:
    detail = {"owner_from": str(before), "owner_to": str(after)}
    return audit.action(
        "circle.owner.transferred", target=_target("circle", circle_id, circle_id=circle_id), detail=detail
    )


# -- What people stored -------------------------------------------------------------------------------------


def data_read(
    *, kind: str, object_id: Id, circle_id: Id, owner_id: Id | None = None, count: int = 1, purpose: str
) -> None:
    """A member saw what somebody else stored."""
    audit.emit(
        "data.read",
        outcome="success",
        target=_target(kind, object_id, circle_id=circle_id, owner_id=owner_id),
        detail={"object_count": count, "purpose": purpose},
    )


def staff_access(
    *, kind: str, object_id: Id, circle_id: Id | None = None, count: int = 1, purpose: str
) -> Action:
    """Staff see what members stored: recorded before they do, or they do not."""
    return audit.action(
        "data.read",
        target=_target(kind, object_id, circle_id=circle_id),
        detail={"object_count": count, "purpose": purpose},
    )


def data_deleted(
    *,
    kind: str,
    object_id: Id,
    circle_id: Id,
    owner_id: Id | None = None,
    count: int = 1,
    mode: str,
) -> None:
    """`mode` is how: "erase" for good, "archive" to where it can be restored from."""
    audit.emit(
        "data.deleted",
        outcome="success",
        target=_target(kind, object_id, circle_id=circle_id, owner_id=owner_id),
        detail={"object_count": count, "mode": mode},
    )


def data_restored(
    *, kind: str, object_id: Id, circle_id: Id, owner_id: Id | None = None, count: int = 1
) -> None:
    audit.emit(
        "data.restored",
        outcome="success",
        target=_target(kind, object_id, circle_id=circle_id, owner_id=owner_id),
        detail={"object_count": count},
    )


def file_uploaded(
    *,
    kind: str,
    object_id: Id,
    circle_id: Id,
    owner_id: Id | None = None,
    size: int,
    mime: str,
    sha256: str,
    scan: str = "none",
) -> None:
    audit.emit(
        "file.uploaded",
        outcome="success",
        target=_target(kind, object_id, circle_id=circle_id, owner_id=owner_id),
        detail={"bytes": size, "mime": mime, "sha256": sha256, "scan": scan},
    )


def file_downloaded(
    *, kind: str, object_id: Id, circle_id: Id, owner_id: Id | None = None, size: int
) -> None:
    audit.emit(
        "file.downloaded",
        outcome="success",
        target=_target(kind, object_id, circle_id=circle_id, owner_id=owner_id),
        detail={"bytes": size},
    )


def share_created(
    *, share_id: Id, kind: str, object_id: Id, circle_id: Id, audience: str, expires: datetime
) -> None:
    audit.emit(
        "share.created",
        outcome="success",
        target=_target(kind, object_id, circle_id=circle_id),
        detail={"share_id": str(share_id), "audience": audience, "expires": expires.isoformat()},
    )


def share_revoked(*, share_id: Id, kind: str, object_id: Id, circle_id: Id) -> None:
    audit.emit(
        "share.revoked",
        outcome="success",
        target=_target(kind, object_id, circle_id=circle_id),
        detail={"share_id": str(share_id)},
    )


# -- Exports ------------------------------------------------------------------------------------------------


def export_requested(
    export_id: Id, *, scope: str, format_: str, legal_basis: str, circle_id: Id | None = None
) -> Action:
    detail = {"scope": scope, "format": format_, "legal_basis": legal_basis}
    return audit.action(
        "data.export.requested", target=_target("export", export_id, circle_id=circle_id), detail=detail
    )


def export_completed(
    export_id: Id, *, rows: int, size: int, sha256: str, expires: datetime, circle_id: Id | None = None
) -> None:
    audit.emit(
        "data.export.completed",
        outcome="success",
        target=_target("export", export_id, circle_id=circle_id),
        detail={"rows": rows, "bytes": size, "sha256": sha256, "expires": expires.isoformat()},
    )


def export_downloaded(export_id: Id, *, size: int, circle_id: Id | None = None) -> Action:
    """Wraps the handing over of the file's bytes."""
    return audit.action(
        "data.export.downloaded",
        target=_target("export", export_id, circle_id=circle_id),
        detail={"export_id": str(export_id), "bytes": size},
    )
