"""logkit in a Django project: the `LOGGING` dict, the request middleware, audit capture, commands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from logkit.parsers import LEVELS
from logkit.settings import LogSettings

_FRAMEWORK_LOGGERS = ("django", "django.server", "gunicorn.error", "gunicorn.access")


def logging_config(environ: Mapping[str, str], *, base_dir: Path | None = None) -> dict[str, Any]:
    """A `LOGGING` dict for Django and `logging.config.dictConfig()`, from the environment; changes nothing itself.

    The dict holds one frozen settings object, whose `repr` shows no secret. Logging is installed when `dictConfig`
    calls the handler factory. Raises `ConfigError` naming every variable that cannot be used.
    """
    settings = LogSettings.from_env(environ, base_dir=base_dir)
    passed_on: dict[str, Any] = {"handlers": [], "propagate": True}
    least = min(settings.level, "WARNING", key=LEVELS.__getitem__)  # no LOG_LEVEL may silence the trail (A05)
    heard: dict[str, Any] = {"handlers": ["refusals"], "level": least, "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {
            "logkit": {"()": "logkit.pipeline.install_handler", "settings": settings},
            "refusals": {"()": "logkit.django.listening.RefusalHandler"},
        },
        "root": {"handlers": ["logkit"], "level": settings.level},
        "loggers": {name: dict(passed_on) for name in _FRAMEWORK_LOGGERS}
        | {name: dict(heard) for name in ("django.request", "django.security")},
    }
