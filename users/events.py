"""Every event that this app logs; docs/reference/events-users.md is made of it, a test provokes each one.

Who did it is `user_id` of the request.
"""

from __future__ import annotations

from mysite.events import Event

_PERSON = ("subject_id",)
_CIRCLE = ("circle_id",)
_MEMBER = (*_CIRCLE, *_PERSON)
_INVITATION = (*_CIRCLE, "invitation_id")
_EXPORT = ("export_id", *_PERSON)
_EXPORT_MOVE = (*_EXPORT, "state_from", "state_to")
_IMPERSONATION = ("impersonation_id", *_PERSON)
_CALL = ("target", "duration_ms", "attempt")

EVENTS = {
    "access.denied": Event(
        "WARNING",
        ("permission", "policy"),
        "Somebody asked for more than their role, their address or an impersonation allows.",
        optional=_CIRCLE,
    ),
    "account.confirmed": Event("INFO", _PERSON, "A person proved that they read their address."),
    "account.created": Event("INFO", _PERSON, "Somebody signed up; a letter asks to confirm the address."),
    "account.deleted": Event(
        "INFO",
        (*_PERSON, "reason"),
        "An account is gone with what was its person's alone: `requested`, or `never_confirmed`.",
    ),
    "account.deletion_cancelled": Event("INFO", _PERSON, "A person keeps the account after all."),
    "account.deletion_planned": Event("INFO", (*_PERSON, "days"), "It will be deleted in `days` days."),
    "account.disabled": Event(
        "INFO", (*_PERSON, "reason"), "An account was closed, by its person (`own_wish`) or by `staff`."
    ),
    "account.enabled": Event("INFO", (*_PERSON, "reason"), "Staff opened a closed account again."),
    "account.requested_again": Event(
        "INFO", _PERSON, "Somebody signed up with an address that has an account; a letter tells its person."
    ),
    "account.updated": Event("INFO", (*_PERSON, "changed_fields"), "A profile changed."),
    "account_notice.mailed": Event(
        "INFO", (*_PERSON, *_CALL), "The letter that says that there is an account already went out."
    ),
    "circle.created": Event("INFO", _CIRCLE, "A new circle."),
    "circle.deleted": Event(
        "INFO", (*_CIRCLE, "members", "objects"), "A circle is gone with everything that was in it."
    ),
    "circle.owner_transferred": Event(
        "INFO", (*_CIRCLE, "owner_from", "owner_to"), "Another member owns the circle from now on."
    ),
    "circle.renamed": Event("INFO", _CIRCLE, "A circle has another name."),
    "confirmation.mailed": Event(
        "INFO", (*_PERSON, *_CALL), "The letter that asks to confirm the address went out."
    ),
    "consent.changed": Event("INFO", (*_PERSON, "purpose", "granted"), "A consent was given or withdrawn."),
    "deletion_notice.mailed": Event(
        "INFO", (*_PERSON, *_CALL), "The letter that announces the deletion went out."
    ),
    "export.downloaded": Event("INFO", (*_EXPORT, "bytes"), "A personal export was handed to its person."),
    "export.expired": Event("INFO", _EXPORT_MOVE, "The file of a personal export was removed in time."),
    "export.failed": Event(
        "ERROR", (*_EXPORT_MOVE, "reason"), "A personal export could not be made; why is with task.failed."
    ),
    "export.ready": Event(
        "INFO",
        (*_EXPORT_MOVE, "rows", "bytes", "duration_ms"),
        "A personal export can be downloaded.",
    ),
    "export.recovered": Event(
        "WARNING", ("exports",), "Exports that were lost with their worker or broker were published again."
    ),
    "export.requested": Event("INFO", _EXPORT, "A person asked for a copy of their data."),
    "export_notice.mailed": Event(
        "INFO", (*_EXPORT, *_CALL), "The letter that a personal export is ready went out."
    ),
    "impersonation.ended": Event(
        "INFO", (*_IMPERSONATION, "duration_s"), "Staff stopped acting as a member."
    ),
    "impersonation.started": Event(
        "WARNING", (*_IMPERSONATION, "reason"), "Staff began to see the service as a member does."
    ),
    "invitation.accepted": Event("INFO", (*_INVITATION, "role"), "An invited person is a member now."),
    "invitation.created": Event("INFO", (*_INVITATION, "role", "delivery"), "An address was invited."),
    "invitation.mailed": Event("INFO", (*_INVITATION, *_CALL), "The letter with the invitation went out."),
    "invitation.resent": Event(
        "INFO", (*_INVITATION, "delivery"), "A new token; the old one stopped working."
    ),
    "invitation.revoked": Event("INFO", _INVITATION, "An invitation was withdrawn."),
    "letter.withheld": Event(
        "WARNING", ("limit",), "An address had as many letters in this hour as we write to anybody."
    ),
    "login.locked": Event(
        "WARNING", ("failures", "known"), "Too many wrong passwords closed an address for a while."
    ),
    "login.throttled": Event("WARNING", ("limit",), "Somebody tried an address that is closed."),
    "login.unlocked": Event("INFO", _PERSON, "Staff opened a closed address again."),
    "mail.failed": Event(
        "WARNING", (*_CALL, "reason"), "The mail server did not take a letter; the task tries again."
    ),
    "member.removed": Event("INFO", (*_MEMBER, "reason"), "A member `left`, or was `removed`."),
    "member.role_changed": Event(
        "INFO", (*_MEMBER, "role_from", "role_to"), "The owner gave a member another role."
    ),
    "password.changed": Event("INFO", _PERSON, "A person who was logged in chose another password."),
    "password.reset": Event("INFO", _PERSON, "A person chose a new password with a token from a letter."),
    "password.reset_requested": Event("INFO", ("known",), "Somebody asked for a letter to reset a password."),
    "password.wrong": Event(
        "WARNING", _PERSON, "A wrong password where one was asked for beside the session."
    ),
    "password_reset.mailed": Event(
        "INFO", (*_PERSON, *_CALL), "The letter with the token for a new password went out."
    ),
    "session.closed": Event("INFO", ("user_id",), "A person logged out."),
    "session.opened": Event("INFO", ("user_id",), "A person logged in."),
}
