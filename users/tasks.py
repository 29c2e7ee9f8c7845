"""The Celery tasks of this app; they take ids and leave every decision to the services.

Letters are retried with growing pauses: the mail server may be away for a while. A task may run twice.
"""

from __future__ import annotations

from smtplib import SMTPException
from typing import Any
from uuid import UUID

from celery import Task, shared_task

from users.dispatch import after_commit
from users.services import accounts, credentials, exports, invitations, lockout, privacy, signup, support

LETTER: dict[str, Any] = {
    "autoretry_for": (SMTPException, OSError),
    "retry_backoff": 5,
    "retry_backoff_max": 600,
    "max_retries": 8,
}


@shared_task(name="users.mail_confirmation", **LETTER)
def mail_confirmation(user_id: str) -> None:
    signup.send_confirmation(UUID(user_id))


@shared_task(name="users.mail_known", **LETTER)
def mail_known(user_id: str) -> None:
    signup.send_known(UUID(user_id))


@shared_task(name="users.mail_password_reset", **LETTER)
def mail_password_reset(user_id: str) -> None:
    accounts.send_password_reset(UUID(user_id))


@shared_task(name="users.mail_invitation", **LETTER)
def mail_invitation(invitation_id: str) -> None:
    invitations.send_letter(UUID(invitation_id))


@shared_task(name="users.mail_deletion_planned", **LETTER)
def mail_deletion_planned(user_id: str) -> None:
    privacy.send_deletion_planned(UUID(user_id))


@shared_task(name="users.mail_export_ready", **LETTER)
def mail_export_ready(export_id: str) -> None:
    exports.send_ready_letter(UUID(export_id))


class ExportTask(Task[Any, Any]):
    """Tells the export when its task has failed for good."""

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        exports.failed(UUID(args[0]))


@shared_task(
    name="users.build_export", base=ExportTask, autoretry_for=(OSError,), retry_backoff=5, max_retries=3
)
def build_export(export_id: str) -> None:
    exports.build(UUID(export_id))


@shared_task(name="users.delete_account")
def delete_account(user_id: str) -> bool:
    return privacy.delete_account(UUID(user_id))


@shared_task(name="users.delete_due_accounts")
def delete_due_accounts() -> int:
    """Each account is a task of its own, so that one that fails stops no other."""
    due = privacy.due_for_deletion()
    for user_id in due:
        after_commit("users.delete_account", user_id)
    return len(due)


@shared_task(name="users.sweep")
def sweep() -> dict[str, int]:
    """Remove what has had its time (export files, tokens, invitations, accounts that nobody confirmed, counts of
    wrong passwords); repair what was lost.
    """
    return {
        "recovered": exports.recover(),
        "impersonations": support.end_old(),
        "exports": exports.expire_old(),
        "tokens": credentials.forget_old(),
        "invitations": invitations.forget_old(),
        "unconfirmed": signup.forget_unconfirmed(),
        "login_failures": lockout.forget_old(),
    }
