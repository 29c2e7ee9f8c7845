"""What settings.LOGGING is made of: a few lines over logkit, so that the project's choices are in one place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from logkit.django import logging_config
from logkit.parsers import LEVELS

BASE_DIR = Path(__file__).resolve().parent.parent

_AUDIT_FOLDERS = {"DIR": "audit", "SPOOL_DIR": "audit-spool", "KEY_DIR": "audit-keys"}
_QUIET = {
    "PIL": "INFO",  # at DEBUG it says what the tags of a picture hold
    "httpcore": "INFO",
    "httpx": "WARNING",  # the client that calls somebody logs the call, with its attempt and outcome
    "celery": "INFO",  # at DEBUG it counts its timers and every task by the address of a function
    "celery.apps.worker": "WARNING",  # worker.stopping says it, with the signal
    "kombu": "INFO",
    "gunicorn.access": "WARNING",  # request.finished says all of it
    "django.request": "ERROR",  # below, request.finished says it, at the level that it deserves
}


def get_logging_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """The dictConfig of this service. Pure: reads `environ`, opens nothing; raises `ConfigError`.

    With VAR_DIR set, the trail, its spool and its keys default to that directory like everything else we write.
    Chatty libraries are kept down unless LOG_LEVELS names them.
    """
    given = {name: value for name, value in environ.items() if value}
    var = BASE_DIR / given.get("VAR_DIR", "var")
    directories = {f"AUDIT_{name}": str(var / folder) for name, folder in _AUDIT_FOLDERS.items()}
    levels = ",".join([*_quiet_levels(given.get("LOG_LEVEL", "INFO")), given.get("LOG_LEVELS", "")])
    return logging_config({**directories, **given, "LOG_LEVELS": levels}, base_dir=BASE_DIR)


def _quiet_levels(level: str) -> list[str]:
    """The entries that are stricter than `level`; the others would let more out, not less."""
    threshold = LEVELS.get(level.strip().upper(), LEVELS["INFO"])
    return [f"{name}={least}" for name, least in _QUIET.items() if LEVELS[least] > threshold]
