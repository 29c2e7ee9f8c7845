"""What `logkit lint` does once its options are read: finds files, checks them, reports."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from logkit.lint.check import Finding, check
from logkit.lint.config import Config, LintError, load
from logkit.lint.rules import RULES
from logkit.terminal import safe

_SKIPPED = frozenset({"__pycache__", "node_modules", "build", "dist", "site-packages"})


def run(args: argparse.Namespace) -> int:
    """Check what `args` name; the exit code."""
    if args.rules:
        for rule in RULES.values():
            _say(f"{rule.code}  {rule.name:<27} {rule.summary}\n{'':35}instead: {rule.instead}")
        return 0
    config = load(Path(args.config) if args.config else None, args.ignore)
    files = sorted(set(_files([Path(path) for path in args.paths or ["."]], config)))
    findings = [finding for file in files for finding in _findings(file, config)]
    if args.format == "json":
        _say(json.dumps([_as_data(finding) for finding in findings], indent=2))
    else:
        line = _annotation if args.format == "github" else _plain
        for finding in findings:
            _say(line(finding))
        if args.format == "text":
            counted = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
            _say(f"{counted} in {len(files)} {'file' if len(files) == 1 else 'files'}")
    return 1 if findings else 0


def _files(paths: list[Path], config: Config) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from _below(path, config)
        elif not path.exists():
            raise LintError(f"{path}: no such file or directory")
        elif not _is_excluded(path.resolve(), config):
            yield path


def _below(directory: Path, config: Config) -> Iterator[Path]:
    whole = directory.resolve()
    for parent, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if name not in _SKIPPED and not name.startswith(".")]
        here = Path(parent)
        for name in names:
            if name.endswith(".py") and not name.startswith("."):
                file = here / name
                if file.is_file() and not _is_excluded(whole / file.relative_to(directory), config):
                    yield file  # no pipe, and no link to nowhere


def _is_excluded(whole: Path, config: Config) -> bool:
    name = str(whole.relative_to(config.root)) if whole.is_relative_to(config.root) else str(whole)
    return any(fnmatch(name, pattern) for pattern in config.exclude)


def _findings(file: Path, config: Config) -> list[Finding]:
    try:
        return check(file.read_bytes(), str(file), config)
    except OSError as error:
        raise LintError(f"{file}: {error.strerror}") from None


def _plain(finding: Finding) -> str:
    return safe(f"{finding.path}:{finding.line}:{finding.column}: {finding.code} {finding.text}")


def _annotation(finding: Finding) -> str:
    """https://docs.github.com/actions/reference/workflow-commands-for-github-actions"""
    where = (
        f"file={_property(finding.path)},line={finding.line},endLine={finding.end_line},col={finding.column}"
    )
    return f"::error {where},title={finding.code} {RULES[finding.code].name}::{_escaped(finding.text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _as_data(finding: Finding) -> dict[str, object]:
    return {
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "code": finding.code,
        "rule": RULES[finding.code].name,
        "message": finding.text,
    }


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
