"""`logkit audit`: the verbs.

Exit codes: 0 fine, 1 tampering was found, 2 something is missing, 3 the command could not do its work.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from logkit.audit.cli.options import add_directory
from logkit.errors import LogkitError, os_reason
from logkit.manual import HelpFormatter

UNUSABLE = 3


class Verb(NamedTuple):
    """One verb: the module that does it, what it is for, an example."""

    module: str
    help: str
    example: str


VERBS = {
    "verify": Verb(
        "logkit.audit.cli.verify",
        "prove that the trail is complete and unaltered, or say what was done to it",
        "logkit audit verify --keys pin.txt --anchor app.log --since 7d",
    ),
    "seal": Verb(
        "logkit.audit.cli.keep",
        "drain the spool and seal everything written so far",
        "logkit audit seal --json >> /srv/anchors/anchors.jsonl",
    ),
    "search": Verb(
        "logkit.audit.cli.read",
        "find records",
        "logkit audit search --event 'auth.*' --outcome failure --actor user:7 --since 24h",
    ),
    "show": Verb(
        "logkit.audit.cli.read", "one record in full", "logkit audit show 019ab3c2-7d1e-7c30-9a41-5f0c"
    ),
    "timeline": Verb(
        "logkit.audit.cli.read",
        "what happened around a request, a task, a person or a thing, as a story",
        "logkit audit timeline --target keep:12",
    ),
    "report": Verb(
        "logkit.audit.cli.read",
        "who reached one person's data",
        "logkit audit report access --subject 7 --since 90d",
    ),
    "export": Verb(
        "logkit.audit.cli.read",
        "records for others: JSON lines, CSV, ECS, OCSF",
        "logkit audit export --format ocsf --since 2026-10-01 --output october.jsonl",
    ),
    "prove": Verb(
        "logkit.audit.cli.verify",
        "write a proof of one record that can be checked offline, without logkit",
        "logkit audit prove security:1042 --output proof.json --checker checker.py",
    ),
    "hold": Verb(
        "logkit.audit.cli.hold",
        "keep records beyond their time: place, lift, list",
        "logkit audit hold place actor=user:7 since=2026-01-01 --reason 'matter 12/26'",
    ),
    "retention": Verb(
        "logkit.audit.cli.keep",
        "what is due to be removed; with --apply remove it, receipts first",
        "logkit audit retention --apply",
    ),
    "reconcile": Verb(
        "logkit.audit.cli.reconcile",
        "settle as unknown what killed processes began and could not finish",
        "logkit audit reconcile --older-than 1h",
    ),
    "keys": Verb(
        "logkit.audit.cli.keys",
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
            formatter_class=HelpFormatter,
            allow_abbrev=False,
        )
        add_directory(sub)
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
        return _failed(args.audit_verb, os_reason(error))


def _failed(verb: str, reason: str) -> int:
    sys.stderr.write(f"logkit audit {verb}: {reason}\n")
    return UNUSABLE
