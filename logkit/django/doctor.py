"""What `logkit doctor` looks at in a Django project: the middleware, the settings around logging, the web server."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from logkit.django.checks import middleware_findings, task_findings
from logkit.findings import Finding, note, ok, problem, warning
from logkit.settings import RELAXED_ENVIRONMENTS, LogSettings

_CONFIG = "gunicorn.conf.py"


def web_findings(current: LogSettings, *, gunicorn: str | None) -> Iterator[Finding]:
    """`gunicorn` names its configuration: a file or `python:MODULE`; None looks where it usually is."""
    found = [*middleware_findings()]
    yield from found or [ok("middleware", "first, so that every line of a request knows the request")]
    if "logkit.django" not in settings.INSTALLED_APPS:
        yield warning(
            "apps",
            "'logkit.django' is not in INSTALLED_APPS: no audit capture, no canonical lines of commands, no checks.",
            "Add it.",
        )
    if settings.LOGGING_CONFIG != "logging.config.dictConfig":
        yield warning(
            "LOGGING", f"LOGGING_CONFIG is {settings.LOGGING_CONFIG!r}.", "Leave it at its default."
        )
    if settings.DEBUG and current.environment not in RELAXED_ENVIRONMENTS:
        yield problem(
            "DEBUG",
            f"DEBUG is on in the environment {current.environment!r}.",
            "Its pages show what lines hide.",
        )
    if any(name.startswith(("debug_toolbar", "silk")) for name in settings.INSTALLED_APPS):
        yield note("apps", "a profiler is installed: what it stores passes no redaction")
    yield from task_findings()
    yield from _server(gunicorn)


def _server(given: str | None) -> Iterator[Finding]:
    config = given or _usual_config()
    if config is None:
        yield note("server", "no configuration of gunicorn was found; --gunicorn names one")
        return
    try:
        values = _loaded(config)
    except Exception as error:  # noqa: BLE001 - whatever a configuration raises is the finding
        yield problem(
            "gunicorn",
            f"{config} cannot be loaded: {type(error).__name__}: {error}",
            "gunicorn will say more.",
        )
        return
    if not _is_ours(values.get("logconfig_dict")):
        yield warning(
            "gunicorn",
            f"{config} leaves gunicorn's first and last lines to gunicorn: they are no JSON.",
            "logconfig_dict = get_logging_config(os.environ)",
        )
    elif values.get("accesslog"):
        yield note("gunicorn", f"{config} has an access log, and request.finished says all of it")
    else:
        kind = values.get("worker_class", "sync")
        yield ok("gunicorn", f"{config}: its lines are ours, {values.get('workers', 1)} {kind} workers")


def _usual_config() -> str | None:
    if Path(_CONFIG).exists():
        return _CONFIG
    package = str(settings.SETTINGS_MODULE or "").partition(".")[0]
    module = sys.modules.get(package)
    beside = Path(str(getattr(module, "__file__", ""))).parent / "gunicorn.py"
    return f"python:{package}.gunicorn" if package and beside.exists() else None


def _loaded(config: str) -> Mapping[str, Any]:
    kind, colon, name = config.partition(":")
    if colon and kind == "python":
        return vars(importlib.import_module(name))
    return runpy.run_path(name if colon and kind == "file" else config)


def _is_ours(logconfig: object) -> bool:
    handlers = logconfig.get("handlers") if isinstance(logconfig, dict) else None
    made = [str(handler.get("()")) for handler in (handlers or {}).values() if isinstance(handler, dict)]
    return "logkit.pipeline.install_handler" in made
