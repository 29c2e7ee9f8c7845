"""The handler through which Django's own loggers reach the audit trail.

`dictConfig` takes the handlers of every logger below a configured one away, and Django calls it at each
`django.setup()`. So the handler is part of the LOGGING dict, which means that it is made before the apps are ready:
what it does with a record is imported then.
"""

from __future__ import annotations

import logging

from django.apps import apps

SOURCES = ("django.request", "django.security")


class RefusalHandler(logging.Handler):
    """States what a record of Django says was refused. Takes no lock: the trail has its own."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def createLock(self) -> None:  # noqa: N802 - stdlib's name
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        if apps.ready and apps.is_installed("logkit.django"):
            from logkit.django.capture.refusals import state_in_context

            state_in_context(record)
        return True


def listen() -> None:
    """Hear Django's refusals also in a project whose LOGGING is its own."""
    for name in SOURCES:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, RefusalHandler) for handler in logger.handlers):
            logger.addHandler(RefusalHandler())
        if not logger.isEnabledFor(logging.WARNING):  # no LOG_LEVEL may silence the trail (A05)
            logger.setLevel(logging.WARNING)
