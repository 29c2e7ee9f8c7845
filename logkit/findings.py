"""What can be wrong with an installation, found by looking: for Django's system checks and for `logkit doctor`."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from logkit import fastlane
from logkit.pipeline import current_settings, own_handlers
from logkit.settings import RELAXED_ENVIRONMENTS, LogSettings

State = Literal["ok", "note", "warning", "problem"]
STATES: tuple[State, ...] = ("ok", "note", "warning", "problem")  # the worst last
PAGE = "docs/reference/checks.md"
_WORLD = stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `about` names it in a word or two, `hint` is what to do.

    `number` is that of a system check, whose page explains it: `logkit.E003` for a problem, `logkit.W004` for a
    warning.
    """

    state: State
    about: str
    text: str
    hint: str = ""
    number: int | None = None

    @property
    def code(self) -> str:
        """The id of the system check; empty where there is none."""
        kind = "E" if self.state == "problem" else "W"
        return "" if self.number is None else f"logkit.{kind}{self.number:03}"


def ok(about: str, text: str) -> Finding:
    return Finding("ok", about, text)


def note(about: str, text: str, hint: str = "") -> Finding:
    return Finding("note", about, text, hint)


def warning(about: str, text: str, hint: str, *, number: int | None = None) -> Finding:
    return Finding("warning", about, text, hint, number)


def problem(about: str, text: str, hint: str, *, number: int | None = None) -> Finding:
    return Finding("problem", about, text, hint, number)


def logging_findings() -> Iterator[Finding]:
    """E003: logging is not ours. W004: no JSON where nobody watches. W005: variables nobody knows."""
    settings = current_settings()
    if settings is None:
        yield problem(
            "logging",
            "Logging is not configured by logkit.",
            "Set LOGGING = logkit.django.logging_config(os.environ, base_dir=BASE_DIR), without LOGGING_CONFIG.",
            number=3,
        )
        return
    if settings.format == "console" and settings.environment not in RELAXED_ENVIRONMENTS:
        yield warning(
            "lines",
            f"Lines are not JSON in the environment {settings.environment!r}: no machine will read them.",
            "Unset LOG_FORMAT; auto is console on a terminal and JSON everywhere else.",
            number=4,
        )
    if settings.unknown:
        yield warning(
            "variables",
            f"Variables look like settings of logkit and are none: {', '.join(settings.unknown)}.",
            "Correct their names, or take them out of the environment.",
            number=5,
        )


def handler_findings() -> Iterator[Finding]:
    """W006: a Loguru handler that nothing redacts for. E007: one that shows the values of variables. (P08)"""
    settings = current_settings()
    has_lane = settings is not None and settings.fast_lane != "off"
    cost = ", and while it is there calls take Loguru's own path, at about twice the cost" if has_lane else ""
    for handler in fastlane.foreign_handlers(own_handlers()):
        if handler.shows_variables:
            yield problem(
                "handlers",
                f"Loguru's handler {handler.id} ({handler.sink}) writes the values of local variables into tracebacks.",
                "Remove it, or add it with diagnose=False.",
                number=7,
            )
        yield warning(
            "handlers",
            f"Loguru's handler {handler.id} ({handler.sink}) is not ours: it gets records before redaction{cost}.",
            "Use logkit.add_sink(), which hands over redacted events.",
            number=6,
        )


def lane_findings() -> Iterator[Finding]:
    """W012: lines cost what Loguru's own path costs. Foreign handlers, which close the lane as well, are W006."""
    settings = current_settings()
    lane = fastlane.status()
    if (
        settings is None
        or settings.fast_lane == "off"
        or lane.is_open
        or fastlane.foreign_handlers(own_handlers())
    ):
        return
    yield warning(
        "lane",
        f"Calls take Loguru's own path, at about twice the cost of a line: {lane.reason}.",
        "Undo what the reason names, or say that it is meant: LOG_FAST_LANE=off.",
        number=12,
    )


def audit_findings(settings: LogSettings) -> Iterator[Finding]:
    """W008: no audit trail. E009: everybody may read it. E010: it shares a place with other files."""
    audit = settings.audit
    if not audit.enabled:
        if settings.environment != "test":
            yield warning(
                "audit",
                "The audit trail is off.",
                "Unset AUDIT; only dev and test may run without it.",
                number=8,
            )
        return
    for path in _open_to_everybody((audit.directory, audit.spool_directory, audit.key_directory)):
        yield problem(
            "permissions",
            f"Everybody on this machine has permissions on {path}, which belongs to the audit trail.",
            f"chmod o-rwx {path}",
            number=9,
        )
    places = {"AUDIT_SPOOL_DIR": audit.spool_directory, "AUDIT_KEY_DIR": audit.key_directory}
    if settings.file is not None:
        places["LOG_FILE"] = settings.file
    for name, path in places.items():
        if path.resolve().is_relative_to(audit.directory.resolve()):
            yield problem(
                "audit",
                f"{name} is {path}, inside the audit trail's directory {audit.directory}.",
                f"Give {name} a place of its own: retention, permissions and backups of the two differ.",
                number=10,
            )


def _open_to_everybody(directories: Sequence[Path]) -> Iterator[Path]:
    """What others may use: the streams, spool files and keys inside each directory that is not closed itself."""
    for directory in directories:
        if _is_open(directory):
            yield from filter(_is_open, sorted(directory.iterdir()))


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _WORLD)
    except OSError:  # not made yet, or not ours to look at
        return False
