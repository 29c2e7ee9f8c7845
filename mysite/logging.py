"""What settings.LOGGING is made of: a few lines over logkit, so that the project's choices are in one place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from logkit.django import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent


def get_logging_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """The dictConfig of this service. Pure: reads `environ`, opens nothing; raises `ConfigError`.

    With VAR_DIR set, the trail, its spool and its keys default to that directory like everything else we write.
    """
    var = BASE_DIR / environ.get("VAR_DIR", "var")
    directories = {f"AUDIT_{name}": str(var / folder) for name, folder in _AUDIT_FOLDERS.items()}
    given = {name: value for name, value in environ.items() if value}
    return logging_config({**directories, **given}, base_dir=BASE_DIR)


_AUDIT_FOLDERS = {"DIR": "audit", "SPOOL_DIR": "audit-spool", "KEY_DIR": "audit-keys"}
