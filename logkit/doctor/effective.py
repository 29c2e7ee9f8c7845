"""What is on, and why: every setting with where its value came from, and the ones that matter in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from logkit import fastlane
from logkit.otlp import endpoint
from logkit.parsers import STREAMS, Rotation
from logkit.redact.pseudonym import Pseudonyms
from logkit.settings import DEVELOPMENT_KEY, LogSettings, Variable, variables

_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its value as text, and where that came from."""

    variable: str
    value: str
    origin: str  # "default", "environment", "file", "development key", "project"
    meaning: str

    @property
    def why(self) -> str:
        match self.origin:
            case "environment":
                return f"{self.variable} is set"
            case "file":
                return f"{self.variable}_FILE is set"
            case "development key":
                return "LOG_ENVIRONMENT is dev or test"
            case "project":
                return "the project's settings"
        return "default"


def every_setting(settings: LogSettings, environ: Mapping[str, str]) -> dict[str, Setting]:
    """Every variable in the order of the reference page; secrets have no value."""
    return {variable.name: _setting(settings, name, variable, environ) for name, variable in variables()}


def _setting(settings: LogSettings, name: str, variable: Variable, environ: Mapping[str, str]) -> Setting:
    value = getattr(settings.audit if variable.name.startswith("AUDIT") else settings, name)
    shown = (_HIDDEN if value is not None else "none") if variable.secret else _text(value)
    return Setting(variable.name, shown, _origin(value, variable, environ), variable.meaning)


def _origin(value: Any, variable: Variable, environ: Mapping[str, str]) -> str:
    if given := environ.get(variable.name):
        try:
            return "environment" if _is_same(value, variable.parse(given)) else "project"
        except ValueError:
            return "project"
    if variable.secret and environ.get(f"{variable.name}_FILE"):
        return "file"
    if variable.secret and value == DEVELOPMENT_KEY:
        return "development key"
    default = None if variable.default is None else variable.parse(variable.default)
    return "default" if _is_same(value, default) else "project"


def _is_same(value: Any, other: Any) -> bool:
    """A path of the settings is absolute; the one that was written may have been relative."""
    if isinstance(value, Path) and isinstance(other, Path) and not other.is_absolute():
        return value.parts[-len(other.parts) :] == other.parts
    return bool(value == other)


def _text(value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "on" if value else "off"
        case timedelta():
            return _period(value)
        case Rotation():
            return rotation_text(value)
        case tuple():
            return ",".join(f"{item[0]}={_text(item[1])}" if _is_pair(item) else str(item) for item in value)
        case int() if value and value < 0o1000 and value & 0o600 == 0o600:
            return f"{value:04o}"
    return str(value)


def _is_pair(item: object) -> bool:
    return isinstance(item, tuple) and len(item) == 2


def _period(period: timedelta) -> str:
    seconds = int(period.total_seconds())
    for length, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return f"{seconds} s"


def rotation_text(rotation: Rotation) -> str:
    parts = [f"{rotation.size / 1e6:g} MB"] if rotation.size else []
    parts += [_period(timedelta(seconds=rotation.seconds))] if rotation.seconds else []
    return " or ".join(parts)


def lane() -> tuple[str, str]:
    """Which way plain calls take, and why."""
    status = fastlane.status()
    return ("fast" if status.is_open else "ordinary"), status.reason


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what is on."""

    about: str
    text: str
    why: str


def facts(settings: LogSettings, shown: Mapping[str, Setting], *, on_terminal: bool) -> Iterator[Fact]:
    """What a person wants to know of the configuration, in the order of a line's way."""
    audit = settings.audit

    def why(*names: str) -> str:
        """The variables that are not at their defaults, or that all are."""
        told = [shown[name].why for name in names if shown[name].origin != "default"]
        return ", ".join(dict.fromkeys(told)) or "default"

    release = f" {settings.release}" if settings.release else ""
    text = f"{settings.service}{release} in {settings.environment}"
    yield Fact("service", text, why("LOG_SERVICE", "LOG_ENVIRONMENT", "LOG_RELEASE"))
    named = f"; {_text(settings.levels).replace(',', ', ')}" if settings.levels else ""
    yield Fact("level", settings.level + named, why("LOG_LEVEL", "LOG_LEVELS"))
    yield Fact("lane", *lane())
    if settings.stdout:
        form = {"auto": "console on this terminal, else JSON" if on_terminal else "JSON", "json": "JSON"}
        schema = " (ECS)" if settings.schema == "ecs" else ""
        text = f"{form.get(settings.format, settings.format)}{schema}, {settings.stdout_mode}"
    else:
        text = "off"
    yield Fact("stdout", text, why("LOG_STDOUT", "LOG_FORMAT", "LOG_SCHEMA", "LOG_STDOUT_MODE"))
    text = "off"
    if settings.file:
        rotated, kept = rotation_text(settings.file_rotation), _period(settings.file_retention)
        text = f"{settings.file}, rotated at {rotated}, kept {kept}"
    yield Fact("file", text, why("LOG_FILE", "LOG_FILE_ROTATION", "LOG_FILE_RETENTION"))
    if settings.otlp:
        yield Fact("collector", endpoint(os.environ), why("LOG_OTLP"))
    thinned = [f"{name} {share:g}" for name, share in settings.sample]
    if rate := settings.rate_limit:
        thinned.append(f"at most {rate.count} in {rate.seconds:g} s of one event")
    yield Fact(
        "thinning", ", ".join(thinned) or "none: every line goes out", why("LOG_SAMPLE", "LOG_RATE_LIMIT")
    )
    words = [f"also {', '.join(settings.redact_keys)}"] if settings.redact_keys else []
    words += [f"but not {', '.join(settings.redact_allow)}"] if settings.redact_allow else []
    yield Fact("redaction", "; ".join(["on", *words]), why("LOG_REDACT_KEYS", "LOG_REDACT_ALLOW"))
    if settings.pseudonym_key:
        key_id = Pseudonyms(settings.pseudonym_key.reveal()).key_id
        yield Fact("pseudonyms", f"key {key_id}", why("LOG_PSEUDONYM_KEY"))
    proxies = _text(settings.trusted_proxies).replace(",", ", ")
    text = f"{settings.client_ip}; {f'X-Forwarded-For of {proxies} is believed' if proxies else 'no proxy is believed'}"
    yield Fact("client ip", text, why("LOG_CLIENT_IP", "LOG_TRUSTED_PROXIES"))
    if not audit.enabled:
        yield Fact("audit", "off", why("AUDIT"))
        return
    text = f"{audit.directory}, made durable: {audit.fsync}, severity {audit.level} and above"
    yield Fact("audit", text, why("AUDIT", "AUDIT_DIR", "AUDIT_FSYNC", "AUDIT_LEVEL"))
    kept = ", ".join(f"{stream} {_period(audit.retention_of(stream))}" for stream in STREAMS)
    text = f"{kept}; rotated at {rotation_text(audit.rotation)}"
    yield Fact("kept for", text, why("AUDIT_RETENTION", "AUDIT_ROTATION"))
    if audit.fail_open_until:
        yield Fact(
            "break-glass",
            f"open until {audit.fail_open_until:%Y-%m-%d %H:%M} UTC",
            why("AUDIT_FAIL_OPEN_UNTIL"),
        )
