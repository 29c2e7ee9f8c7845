"""`logkit audit`: the verbs, and what they share. Nothing here needs Django.

Exit codes: 0 fine, 1 tampering was found, 2 something is missing, 3 the command could not do its work.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, NoReturn

from logkit.errors import LogkitError
from logkit.parsers import STREAMS, period

UNUSABLE = 3


class Verb(NamedTuple):
    """One verb: the module that does it, what it is for, an example."""

    module: str
    help: str
    example: str


VERBS = {
    "verify": Verb(
        "logkit.audit.cli_verify",
        "prove that the trail is complete and unaltered, or say what was done to it",
        "logkit audit verify --keys pin.txt --anchor app.log --since 7d",
    ),
    "seal": Verb(
        "logkit.audit.cli_keep",
        "drain the spool and seal everything written so far",
        "logkit audit seal --json >> /srv/anchors/anchors.jsonl",
    ),
    "search": Verb(
        "logkit.audit.cli_read",
        "find records",
        "logkit audit search --event 'auth.*' --outcome failure --actor user:7 --since 24h",
    ),
    "show": Verb(
        "logkit.audit.cli_read", "one record in full", "logkit audit show 019ab3c2-7d1e-7c30-9a41-5f0c"
    ),
    "timeline": Verb(
        "logkit.audit.cli_read",
        "what happened around a request, a task, a person or a thing, as a story",
        "logkit audit timeline --target keep:12",
    ),
    "report": Verb(
        "logkit.audit.cli_read",
        "who reached one person's data",
        "logkit audit report access --subject 7 --since 90d",
    ),
    "export": Verb(
        "logkit.audit.cli_read",
        "records for others: JSON lines, CSV, ECS, OCSF",
        "logkit audit export --format ocsf --since 2026-10-01 --output october.jsonl",
    ),
    "prove": Verb(
        "logkit.audit.cli_verify",
        "write a proof of one record that can be checked offline, without logkit",
        "logkit audit prove security:1042 --output proof.json --checker checker.py",
    ),
    "hold": Verb(
        "logkit.audit.cli_keep",
        "keep records beyond their time: place, lift, list",
        "logkit audit hold place actor=user:7 since=2026-01-01 --reason 'matter 12/26'",
    ),
    "retention": Verb(
        "logkit.audit.cli_keep",
        "what is due to be removed; with --apply remove it, receipts first",
        "logkit audit retention --apply",
    ),
    "reconcile": Verb(
        "logkit.audit.cli_reconcile",
        "settle as unknown what killed processes began and could not finish",
        "logkit audit reconcile --older-than 1h",
    ),
    "keys": Verb(
        "logkit.audit.cli_keep",
        "the sealing keys: init, pin, show",
        "logkit audit keys pin --output /srv/elsewhere/pin.txt",
    ),
}


class Parser(argparse.ArgumentParser):
    """Usage errors exit with 3 here, because 1 and 2 say something about the trail."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(UNUSABLE, f"{self.prog}: {message}\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Put the verbs of `logkit audit` on `parser`."""
    parser.description = "The audit trail: verify, seal, read and keep it."
    parser.epilog = (
        "exit codes: 0 fine, 1 tampering was found, 2 something is missing, 3 it could not be done"
    )
    verbs = parser.add_subparsers(dest="audit_verb", metavar="VERB", required=True, parser_class=Parser)
    for name, verb in VERBS.items():
        sub = verbs.add_parser(
            name,
            help=verb.help,
            description=verb.help[0].upper() + verb.help[1:] + ".",
            epilog=f"example:\n  {verb.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        sub.add_argument("--dir", type=Path, metavar="DIR", help="the trail's directory (default: AUDIT_DIR)")
        importlib.import_module(verb.module).add_arguments(name, sub)


def run(args: argparse.Namespace) -> int:
    """Do what `args` say; the exit code."""
    verb = importlib.import_module(VERBS[args.audit_verb].module)
    run_verb: Callable[[argparse.Namespace], int] = verb.run
    try:
        return run_verb(args)
    except BrokenPipeError:
        raise
    except (LogkitError, ValueError) as error:
        return _failed(args.audit_verb, str(error))
    except PermissionError as error:
        hint = "this user may not; members of AUDIT_GROUP may read, only the service's user may write"
        return _failed(args.audit_verb, f"{error.filename}: {hint}")
    except OSError as error:
        return _failed(args.audit_verb, f"{error.filename or ''} {error.strerror or error}".strip())


def main() -> int:
    """For `python -m logkit.audit.cli`."""
    parser = Parser(prog="logkit audit")
    add_arguments(parser)
    return run(parser.parse_args())


def add_range(parser: argparse.ArgumentParser) -> None:
    """`--since` and `--until`, which most verbs have."""
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="7d, 24h (ago), 2026-10-01, an ISO 8601 time"
    )
    parser.add_argument(
        "--until", type=moment, metavar="TIME", help="the same; the moment itself is not included"
    )


def add_streams(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stream",
        action="append",
        choices=STREAMS,
        help="only this stream; may be given again (default: all)",
    )


def moment(text: str) -> datetime:
    """A period ago, a date or an ISO 8601 time; without a zone it is UTC, as the trail writes it."""
    try:
        return datetime.now(UTC) - period(text)
    except (ValueError, OverflowError):
        pass
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        allowed = "write 7d, 24h, 2026-10-01 or 2026-10-01T14:00:00Z"
        raise argparse.ArgumentTypeError(f"{text!r} is no time: {allowed}") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def use_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Progress:
    """A line on the terminal that says how far a long read is; silent where nobody is watching."""

    def __init__(self) -> None:
        self._is_watched = sys.stderr.isatty()
        self._shown = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._is_watched and total:
            text = f"{what}  {100 * done // total:>3}%  {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
            if text != self._shown:
                self._shown = text
                sys.stderr.write(f"\r\x1b[K{text}")
                sys.stderr.flush()

    def finish(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _failed(verb: str, reason: str) -> int:
    sys.stderr.write(f"logkit audit {verb}: {reason}\n")
    return UNUSABLE


if __name__ == "__main__":
    sys.exit(main())
