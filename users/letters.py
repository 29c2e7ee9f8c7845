"""The letters that people get by e-mail, and how they are sent: `may_write_to`, then `send`.

A link carries its token behind `#`, which browsers send to no server.
"""

from __future__ import annotations

import time
from smtplib import SMTPException
from typing import TYPE_CHECKING

from celery import current_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.crypto import salted_hmac
from loguru import logger

from mysite.limits import is_within

if TYPE_CHECKING:
    from loguru import Logger

MOST_AN_HOUR = 10  # letters to one address


def confirmation(address: str, token: str) -> EmailMessage:
    return _letter(
        address,
        "Please confirm your address",
        "Somebody, probably you, signed up for family circles with this address.",
        _link("confirm", token),
        "If it was not you, do nothing.",
    )


def password_reset(address: str, token: str) -> EmailMessage:
    return _letter(
        address,
        "Choose a new password",
        "Somebody, probably you, asked for a new password. The link works once, for one hour.",
        _link("reset-password", token),
        "If it was not you, do nothing: your password stays as it is.",
    )


def invitation(address: str, token: str) -> EmailMessage:
    return _letter(
        address,
        "You are invited to a family circle",
        "Somebody you know would like to share messages and pictures with you.",
        _link("invitation", token),
        "If you do not expect this, do nothing.",
    )


def export_ready(address: str) -> EmailMessage:
    return _letter(
        address,
        "Your data is ready",
        "The copy of your data that you asked for can be downloaded for seven days:",
        f"{settings.PUBLIC_URL}/me/exports",
        "It is handed to nobody but you, logged in.",
    )


def deletion_planned(address: str, day: str) -> EmailMessage:
    return _letter(
        address,
        "Your account will be deleted",
        f"As you asked, your account and what is yours alone will be deleted on {day}.",
        f"{settings.PUBLIC_URL}/me",
        "Until then you can log in and keep it.",
    )


def known(address: str) -> EmailMessage:
    return _letter(
        address,
        "You have an account",
        "Somebody, probably you, tried to sign up for family circles with this address, which has an account.",
        f"{settings.PUBLIC_URL}/reset-password",
        "If it was you and you forgot the password, choose a new one there. If not, do nothing.",
    )


def may_write_to(address: str) -> bool:
    """Whoever asks for it, and however often, nobody gets more letters from us than `MOST_AN_HOUR`."""
    who = salted_hmac("users.letters", address, algorithm="sha256").hexdigest()
    if is_within("letters", who, most=MOST_AN_HOUR, window_s=3600):
        return True
    logger.bind(limit=MOST_AN_HOUR).warning("letter.withheld")
    return False


def send(letter: EmailMessage) -> Logger:
    """Hand a letter to the mail server. Raises what that raises, for the task to be repeated.

    Returns a logger that says where it went and how fast, for the event.
    """
    started = time.perf_counter()
    attempt = current_task.request.retries + 1 if current_task else 1
    failure: Exception | None = None
    try:
        letter.send()
    except (SMTPException, OSError) as error:
        failure = error
    duration_ms = round((time.perf_counter() - started) * 1000, 1)
    call = logger.bind(target=settings.MAIL_TARGET, duration_ms=duration_ms, attempt=attempt)
    if failure is None:
        return call
    call.bind(reason=type(failure).__name__).warning("mail.failed")
    raise failure


def _link(page: str, token: str) -> str:
    return f"{settings.PUBLIC_URL}/{page}#{token}"


def _letter(address: str, subject: str, *paragraphs: str) -> EmailMessage:
    return EmailMessage(subject=subject, body="\n\n".join(paragraphs) + "\n", to=[address])
