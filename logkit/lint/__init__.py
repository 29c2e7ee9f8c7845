"""`logkit lint`: log calls that cannot be searched, that leak, or that miss the audit trail. Needs no Django."""

from __future__ import annotations

import argparse

DESCRIPTION = """\
Check Python files for log calls that will disappoint whoever needs the lines: messages that are no literal
event name, fields that leak, logging that floods or doubles, writes that the audit trail misses. Reads the code,
runs none of it.

PATHS are files or directories; without, the current directory. Together with ruff's G, LOG, T20, BLE and TRY
rules and logger-objects = ["loguru.logger", "logkit.logger"] nothing falls between: docs/reference/lint.md."""

EPILOG = """\
suppression, with its reason, on a line of the call or above it:
  logger.info(name)  # logkit: ignore[LK101] the name comes from the table in events.py

configuration, in pyproject.toml:
  [tool.logkit.lint]
  exclude = ["*/migrations/*", "tests/*"]    paths to leave alone
  ignore = ["LK301"]                         rules that do not apply here
  logger-objects = ["mysite.logs.log"]       Loguru's loggers that come from other modules
  events = ["*/events.py"]                   the catalogue: EVENTS = {"message.sent": ...}, a table in Markdown, or JSON
  audit-events = ["docs/audit-events.md"]    the catalogue of audit events
  audited-models = ["Membership", "Keep"]    bulk writes on these need an audit call
  sensitive = ["nickname"]                   further field names that must not be logged
  allow = ["display_name"]                   field names that may

examples:
  logkit lint
  logkit lint keeps messaging --format github
  logkit lint --rules
  logkit lint --format json | jq -r '.[] | .code' | sort | uniq -c

exit status:
  0 nothing found; 1 something found; 2 wrong options, or a path or configuration that cannot be read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "logkit lint [OPTIONS] [PATH ...]"
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and directories to check")
    parser.add_argument(
        "--format",
        choices=("text", "json", "github"),
        default="text",
        help="github makes annotations on a pull request",
    )
    parser.add_argument("--ignore", metavar="CODES", default="", help="rules to leave out: LK301,LK302")
    parser.add_argument("--config", metavar="FILE", help="instead of the nearest pyproject.toml")
    parser.add_argument("--rules", action="store_true", help="list the rules and end")


def run(args: argparse.Namespace) -> int:
    from logkit.lint.command import run as run_lint  # `--help` needs none of it

    return run_lint(args)
