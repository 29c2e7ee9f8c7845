"""What Django itself shows of security: captured without a call from the apps. (A14)

Logins and passwords (`auth`), rights (`rights`), work in the admin (`admin`), refusals (`refusals`), management
commands (`commands`). What signals and managers bypass (`QuerySet.update`, raw SQL) is not seen.
"""

from __future__ import annotations

from django.apps import apps
from django.core.signals import request_finished

from logkit import audit
from logkit.audit.emit.deferred import set_transactions
from logkit.context import answered_context
from logkit.django.capture import commands
from logkit.django.listening import listen
from logkit.django.transactions import DjangoTransactions


def connect() -> None:
    """Called once, when Django's apps are ready. (C09)"""
    set_transactions(DjangoTransactions())
    request_finished.connect(_settle, dispatch_uid="logkit.audit.settle")
    listen()
    commands.connect()
    if apps.is_installed("django.contrib.auth"):
        from logkit.django.capture import auth, rights

        auth.connect()
        rights.connect()
    if apps.is_installed("django.contrib.admin"):
        from logkit.django.capture import admin

        admin.connect()


def _settle(**_: object) -> None:
    """The response is sent and closed, in a thread that may wait for the disk."""
    audit.settle(answered_context())
