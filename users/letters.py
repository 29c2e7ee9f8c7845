"""The letters that people get by e-mail. A link carries its token behind `#`, which browsers send to no server."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage


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


def _link(page: str, token: str) -> str:
    return f"{settings.PUBLIC_URL}/{page}#{token}"


def _letter(address: str, subject: str, *paragraphs: str) -> EmailMessage:
    return EmailMessage(subject=subject, body="\n\n".join(paragraphs) + "\n", to=[address])
