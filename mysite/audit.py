"""The product's audit helpers: one line at the call site, over `logkit.audit`.

Helpers named for what happened (`member_added`) state it: inside a transaction a success waits for the commit.
Helpers named for what is going on (`changing_role`, `export_requested`, ...) return a block: no durable record first,
no action. Logins, admin pages and commands are captured by `logkit.django` and need no call.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from logkit import audit
from logkit.audit import Action, Actor, Target
from logkit.audit.events import Id, Outcome
from logkit.errors import ConfigError
from logkit.pipeline import current_settings
from logkit.redact import Pseudonyms


def _about(kind: str, id_: Id | None, *, circle_id: Id | None = None, owner_id: Id | None = None) -> Target:
    return Target(kind, id_, owner=owner_id, circle_id=circle_id)


def _stated(
    event: str, target: Target, *, outcome: Outcome = "success", reason: str | None = None, **detail: object
) -> None:
    audit.emit(event, outcome=outcome, reason=reason, target=target, detail=detail)


def email_ref(email: str) -> str:
    """What the trail says instead of an address: the same for the same person, and not reversible."""
    return _ref("identifier", email)


def _ref(kind: str, value: str) -> str:
    settings = current_settings()
    if settings is None or settings.pseudonym_key is None:
        raise ConfigError(["LOG_PSEUDONYM_KEY is not set, so nobody can be named in the audit trail"])
    return Pseudonyms(settings.pseudonym_key.reveal()).of(kind, value)


# -- Access control -----------------------------------------------------------------------------------------


def authz_denied(
    *, permission: str, policy: str, kind: str, object_id: Id | None, circle_id: Id | None = None
) -> None:
    """Somebody asked for more than `policy` allows them."""
    target = _about(kind, object_id, circle_id=circle_id)
    _stated("authz.denied", target, outcome="denied", reason="role", permission=permission, policy=policy)


def changing_role(user_id: Id, *, circle_id: Id, before: str, after: str) -> Action:
    target = _about("user", user_id, circle_id=circle_id)
    return audit.action("authz.role.changed", target=target, detail={"role_from": before, "role_to": after})


def granting_permission(
    user_id: Id, *, privileges: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> Action:
    return _privileges("authz.permission.granted", user_id, privileges, before, after)


def revoking_permission(
    user_id: Id, *, privileges: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> Action:
    return _privileges("authz.permission.revoked", user_id, privileges, before, after)


def _privileges(
    event: str, user_id: Id, privileges: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> Action:
    detail = {"privileges": list(privileges), "before": list(before), "after": list(after)}
    return audit.action(event, target=_about("user", user_id), detail=detail)


def impersonating(user_id: Id, *, reason: str, ticket: str) -> Action:
    """Staff begin to see the service as somebody else does; `reason` is a code."""
    detail = {"effective_user": str(user_id), "ticket": ticket}
    return audit.action(
        "auth.impersonation.started", target=_about("user", user_id), reason=reason, detail=detail
    )


def impersonation_ended(user_id: Id | None, *, seconds: int) -> None:
    """`user_id` None: the account was deleted meanwhile."""
    target = _about("user", user_id)
    _stated("auth.impersonation.ended", target, effective_user=str(user_id), duration_s=seconds)


def login_succeeded(user_id: Id, *, method: str, mfa: bool, session: str) -> None:
    """For a way in that passes Django's `login()` by: that one is captured. `session` is the session's key."""
    actor = Actor.user(user_id, auth_method=method, mfa=mfa, session_ref=_ref("session", session))
    audit.emit("auth.login.succeeded", actor=actor, target=_about("user", user_id))


def login_failed(*, email: str, method: str, reason: str) -> None:
    """For a way in that passes Django's `authenticate()` by."""
    actor, detail = Actor.anonymous(auth_method=method), {"identifier_ref": email_ref(email)}
    audit.emit("auth.login.failed", outcome="failure", reason=reason, actor=actor, detail=detail)


def login_throttled(*, email: str, limit: int, window: timedelta) -> None:
    ref = email_ref(email)
    _stated(
        "auth.login.throttled",
        _about("user", None),
        outcome="denied",
        limit=limit,
        window_s=round(window.total_seconds()),
        identifier_ref=ref,
    )


def account_locked(user_id: Id, *, reason: str, until: datetime) -> None:
    _stated("auth.account.locked", _about("user", user_id), reason=reason, until=until.isoformat())


def account_unlocked(user_id: Id, *, reason: str) -> None:
    _stated("auth.account.unlocked", _about("user", user_id), reason=reason)


# -- People -------------------------------------------------------------------------------------------------


def user_created(user_id: Id, *, source: str) -> None:
    _stated("user.created", _about("user", user_id), source=source)


def user_updated(user_id: Id, *, fields: Sequence[str]) -> None:
    """`fields` are names, never values."""
    _stated("user.updated", _about("user", user_id), changed_fields=list(fields))


def user_disabled(user_id: Id, *, reason: str) -> None:
    _stated("user.disabled", _about("user", user_id), reason=reason)


def user_enabled(user_id: Id, *, reason: str) -> None:
    _stated("user.enabled", _about("user", user_id), reason=reason)


def password_reset_requested(user_id: Id | None, *, email: str) -> None:
    target = _about("user", user_id)
    ref = email_ref(email)
    _stated("auth.password.reset", target, step="requested", channel="email", identifier_ref=ref)


def password_reset_completed(user_id: Id) -> None:
    _stated("auth.password.reset", _about("user", user_id), step="completed", channel="email")


def consent_changed(user_id: Id, *, purpose: str, version: str, granted: bool) -> None:
    target = _about("user", user_id)
    _stated("user.consent.changed", target, purpose=purpose, version=version, granted=granted)


def deleting_account(user_id: Id, *, reason: str, legal_basis: str, retained: Sequence[str]) -> Action:
    """`retained` names what is kept after the deletion."""
    detail = {"legal_basis": legal_basis, "retained": list(retained)}
    return audit.action("user.deleted", target=_about("user", user_id), reason=reason, detail=detail)


# -- Circles ------------------------------------------------------------------------------------------------


def circle_created(circle_id: Id) -> None:
    _stated("circle.created", _about("circle", circle_id, circle_id=circle_id))


def circle_changed(circle_id: Id, *, fields: Sequence[str]) -> None:
    target = _about("circle", circle_id, circle_id=circle_id)
    _stated("circle.settings.changed", target, changed_fields=list(fields))


def deleting_circle(circle_id: Id, *, members: int, objects: int) -> Action:
    target = _about("circle", circle_id, circle_id=circle_id)
    detail = {"member_count": members, "object_count": objects}
    return audit.action("circle.deleted", target=target, detail=detail)


def member_invited(invitation_id: Id, *, circle_id: Id, email: str, role: str, expires: datetime) -> None:
    target = _about("invitation", invitation_id, circle_id=circle_id)
    ref = email_ref(email)
    _stated("circle.member.invited", target, invitee_ref=ref, role=role, expires=expires.isoformat())


def member_added(user_id: Id, *, circle_id: Id, role: str, via: str) -> None:
    _stated("circle.member.added", _about("user", user_id, circle_id=circle_id), role=role, via=via)


def member_removed(user_id: Id, *, circle_id: Id, role: str, reason: str) -> None:
    _stated("circle.member.removed", _about("user", user_id, circle_id=circle_id), reason=reason, role=role)


def transferring_ownership(circle_id: Id, *, before: Id, after: Id) -> Action:
    target = _about("circle", circle_id, circle_id=circle_id)
    detail = {"owner_from": str(before), "owner_to": str(after)}
    return audit.action("circle.owner.transferred", target=target, detail=detail)


# -- What people stored -------------------------------------------------------------------------------------


def data_read(
    *, kind: str, object_id: Id, circle_id: Id, owner_id: Id | None = None, count: int = 1, purpose: str
) -> None:
    """Somebody saw what somebody else stored."""
    target = _about(kind, object_id, circle_id=circle_id, owner_id=owner_id)
    _stated("data.read", target, object_count=count, purpose=purpose)


def staff_access(
    *, kind: str, object_id: Id, circle_id: Id | None = None, count: int = 1, purpose: str
) -> Action:
    """Staff see what members stored: recorded before they do, or they do not."""
    target = _about(kind, object_id, circle_id=circle_id)
    return audit.action("data.read", target=target, detail={"object_count": count, "purpose": purpose})


def data_deleted(
    *, kind: str, object_id: Id, circle_id: Id, owner_id: Id | None = None, count: int = 1, mode: str
) -> None:
    """`mode`: "erase" for good, "archive" for where it can be restored from."""
    target = _about(kind, object_id, circle_id=circle_id, owner_id=owner_id)
    _stated("data.deleted", target, object_count=count, mode=mode)


def data_restored(
    *, kind: str, object_id: Id, circle_id: Id, owner_id: Id | None = None, count: int = 1
) -> None:
    target = _about(kind, object_id, circle_id=circle_id, owner_id=owner_id)
    _stated("data.restored", target, object_count=count)


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
    target = _about(kind, object_id, circle_id=circle_id, owner_id=owner_id)
    _stated("file.uploaded", target, bytes=size, mime=mime, sha256=sha256, scan=scan)


def file_downloaded(
    *, kind: str, object_id: Id, circle_id: Id, owner_id: Id | None = None, size: int
) -> None:
    target = _about(kind, object_id, circle_id=circle_id, owner_id=owner_id)
    _stated("file.downloaded", target, bytes=size)


def share_created(
    *, share_id: Id, kind: str, object_id: Id, circle_id: Id, audience: str, expires: datetime
) -> None:
    target = _about(kind, object_id, circle_id=circle_id)
    _stated("share.created", target, share_id=str(share_id), audience=audience, expires=expires.isoformat())


def share_revoked(*, share_id: Id, kind: str, object_id: Id, circle_id: Id) -> None:
    _stated("share.revoked", _about(kind, object_id, circle_id=circle_id), share_id=str(share_id))


# -- Exports ------------------------------------------------------------------------------------------------


def export_requested(
    export_id: Id, *, scope: str, format_: str, legal_basis: str, circle_id: Id | None = None
) -> Action:
    target = _about("export", export_id, circle_id=circle_id)
    detail = {"scope": scope, "format": format_, "legal_basis": legal_basis}
    return audit.action("data.export.requested", target=target, detail=detail)


def export_completed(
    export_id: Id, *, rows: int, size: int, sha256: str, expires: datetime, circle_id: Id | None = None
) -> None:
    target = _about("export", export_id, circle_id=circle_id)
    _stated(
        "data.export.completed", target, rows=rows, bytes=size, sha256=sha256, expires=expires.isoformat()
    )


def export_downloaded(export_id: Id, *, size: int, circle_id: Id | None = None) -> Action:
    """Wraps the handing over of the file."""
    target = _about("export", export_id, circle_id=circle_id)
    return audit.action(
        "data.export.downloaded", target=target, detail={"export_id": str(export_id), "bytes": size}
    )
