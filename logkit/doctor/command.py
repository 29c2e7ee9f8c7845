"""What `logkit doctor` does once its options are read."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import orjson

from logkit.doctor import machine
from logkit.doctor.canary import EVENT, judged, send
from logkit.doctor.effective import every_setting, facts
from logkit.doctor.report import Report, Sections, as_data
from logkit.doctor.stdout import diverted_stdout
from logkit.errors import ConfigError
from logkit.findings import (
    Finding,
    audit_findings,
    handler_findings,
    lane_findings,
    logging_findings,
    note,
    ok,
    problem,
)
from logkit.manual import is_coloured
from logkit.pipeline import configure, current_settings
from logkit.settings import LogSettings

FAULT = 1


def run(args: argparse.Namespace) -> int:
    """Look, say what was found; the exit code."""
    sections: Sections = {"Sinks": [note("sinks", "no canary was sent: --no-canary")]}
    sent, on_terminal = None, sys.stdout.isatty()
    try:
        with diverted_stdout() as diverted:
            settings = current_settings() or LogSettings.from_env(os.environ)
            configure(replace(settings, release=EVENT))  # every line of this is the doctor's
            shown = every_setting(settings, os.environ)
            told = [*facts(settings, shown, on_terminal=on_terminal)]
            if not args.no_canary:
                sent = send(settings)
            sections |= {title: [*found] for title, found in _looked(settings, args)}
    except ConfigError as error:
        return _unusable(error, args)
    if sent is not None:
        sections["Sinks"] = [*judged(settings, sent, diverted.data)]
    findings = [finding for found in sections.values() for finding in found]
    if args.json:
        _print_json(as_data(shown.values(), sections, told))
    else:
        report = _report(args)
        lines = [_versions(), *report.settings(told)] if not args.quiet else []
        lines += report.every_setting(shown.values()) if args.all else ()
        for title, found in sections.items():
            lines += report.section(title, found, quiet=args.quiet)
        _print([*lines, *report.verdict(findings)])
    bad = {"problem", "warning"} if args.strict else {"problem"}
    return FAULT if any(finding.state in bad for finding in findings) else 0


def _looked(settings: LogSettings, args: argparse.Namespace) -> Iterator[tuple[str, Iterable[Finding]]]:
    told = [*logging_findings(), *handler_findings(), *lane_findings()]
    yield "Handlers", told or [ok("handlers", "Loguru has none but ours")]
    yield "Files", [*machine.permissions(settings), *audit_findings(settings)]
    yield "Machine", [*machine.disk(settings), *machine.clock(settings), *machine.rotation(settings)]
    if _django_is_configured():
        from logkit.django.doctor import web_findings

        yield "Web", web_findings(settings, gunicorn=args.gunicorn)
        if "celery" in sys.modules:
            from logkit.celery.doctor import worker_findings

            yield "Worker", worker_findings()
    elif Path("manage.py").exists():
        yield (
            "Project",
            [note("Django", "only the environment was looked at", "python manage.py logkit doctor")],
        )


def _django_is_configured() -> bool:
    conf = sys.modules.get("django.conf")
    return conf is not None and bool(conf.settings.configured)


def _report(args: argparse.Namespace) -> Report:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return Report(colour=is_coloured(args.colour), width=width)


def _print(lines: list[str]) -> None:
    print("\n".join(lines).lstrip("\n"))  # noqa: T201 - this is a command


def _print_json(data: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for name, package in (
        ("logkit", "logkit"),
        ("Loguru", "loguru"),
        ("Django", "django"),
        ("Celery", "celery"),
    ):
        try:
            found.append(f"{name} {version(package)}")
        except PackageNotFoundError:
            continue
    return "  ".join(found)


def _unusable(error: ConfigError, args: argparse.Namespace) -> int:
    """The settings cannot be used: that is the diagnosis."""
    findings = [problem("settings", fault, "") for fault in error.faults]
    if args.json:
        _print_json(as_data((), {"Settings": findings}, ()))
    else:
        report = _report(args)
        _print([*report.section("Settings", findings, quiet=False), *report.verdict(findings)])
    return FAULT
