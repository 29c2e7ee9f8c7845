"""What `manage.py check --deploy` says about this service beside Django's own checks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register(deploy=True)
def check_neighbours(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """What a single machine does without, and a service that people sign up to does not."""
    found: list[checks.CheckMessage] = []
    if settings.MAIL_TARGET == "files":
        found.append(
            checks.Warning(
                "Letters are left as files, so nobody can confirm an address.",
                hint="Set EMAIL_HOST to a mail server.",
                id="mysite.W001",
            )
        )
    if not settings.CACHE_URL:
        found.append(
            checks.Warning(
                "Each process counts calls for itself, so every limit is as many times higher.",
                hint="Set CACHE_URL to a Redis.",
                id="mysite.W002",
            )
        )
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        found.append(
            checks.Warning(
                "The database is a file of this machine: a second one cannot share it.",
                hint="Set DATABASE_URL to a PostgreSQL.",
                id="mysite.W003",
            )
        )
    return found
