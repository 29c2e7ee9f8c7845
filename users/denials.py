"""How a denial is told: to the audit trail, to the log, and to the person, always in the same words."""

from __future__ import annotations

from loguru import logger

from logkit.audit.events import Id
from mysite import audit
from users.errors import Forbidden


def denied(
    why: str,
    *,
    permission: str,
    policy: str,
    kind: str,
    object_id: Id,
    circle_id: Id | None = None,
    code: str | None = None,
) -> Forbidden:
    """The refusal to raise, once it is on record that somebody asked for more than `policy` allows them."""
    audit.authz_denied(
        permission=permission, policy=policy, kind=kind, object_id=object_id, circle_id=circle_id
    )
    where = {} if circle_id is None else {"circle_id": circle_id}
    logger.bind(permission=permission, policy=policy, **where).warning("access.denied")
    return Forbidden(why, code=code)
