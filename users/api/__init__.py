"""People and circles over HTTP."""

from __future__ import annotations

from ninja import Router

from users.api import account, circles, invitations, privacy, sessions, support

router = Router()
router.add_router("", sessions.router)
router.add_router("", account.router)
router.add_router("", circles.router)
router.add_router("", invitations.router)
router.add_router("", privacy.router)
router.add_router("", support.router)
