"""What we hear from Django: that a request failed, and that a response is closed. Connected once. (C09, R20)"""

from __future__ import annotations

import sys

from django.core.signals import got_request_exception, request_finished

from logkit.context import get_context, set_answered


def connect() -> None:
    got_request_exception.connect(_remember_error, dispatch_uid="logkit.remember_error")
    request_finished.connect(_forget_answered, dispatch_uid="logkit.forget_answered")


def _remember_error(**_: object) -> None:
    scope = get_context().scope
    if scope is not None:
        scope.error = sys.exc_info()[1]


def _forget_answered(**_: object) -> None:
    set_answered(None)
