"""The command line: finds the verb, and imports that verb's module only, so that `--help` answers at once.

A verb's module offers `add_arguments(parser)` and `run(args) -> int`, the exit code.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from logkit.errors import LogkitError, os_reason
from logkit.manual import HelpFormatter

USAGE_ERROR = 2
INTERRUPTED = 130


class Verb(NamedTuple):
    module: str
    help: str
    has_files: bool = False  # options may stand before, between and after them


VERBS = {
    "tail": Verb("logkit.tail", "read JSON lines as text: filter, follow, merge", has_files=True),
    "story": Verb("logkit.story", "what one request, trace or task did, as a tree in time", has_files=True),
    "lint": Verb(
        "logkit.lint", "log calls that cannot be searched, that leak, or that flood", has_files=True
    ),
    "doctor": Verb("logkit.doctor", "check sinks, files, machine and project; say what is on, and why"),
    "audit": Verb("logkit.audit.cli", "verify, seal, search and export the audit trail"),
    "events": Verb("logkit.audit.cli.reference", "the types of audit events and their fields"),
    "explain-redaction": Verb("logkit.explain", "say why a text or a key is redacted, or is not"),
    "pseudonym": Verb("logkit.explain", "the pseudonym of an identifier, to search the logs for it"),
}

_DESCRIPTION = "Structured logs and a verifiable audit trail: the tools to read them."
_EPILOG = """\
examples:
  logkit tail -F var/log/*.log                 follow what happens
  logkit tail -l warn --since 10m app.log      what went wrong in the last ten minutes
  logkit story 4f3c9a app.log worker.log       what happened in one request
  logkit audit search --event 'auth.*'         who logged in, who could not
  python manage.py logkit doctor               is everything in order here?

logkit VERB --help is the manual of a verb. None needs Django: the environment says where the log and the trail are.
`python -m logkit` is the same program; `python manage.py logkit` takes the project's settings instead of the
environment's, and also knows what the project added to the catalogue.
"""


def parser() -> argparse.ArgumentParser:
    """The parser of `logkit` itself: the verb and nothing of what follows it."""
    verbs = "\n".join(f"  {name:<18} {verb.help}" for name, verb in VERBS.items())
    top = argparse.ArgumentParser(
        prog="logkit",
        usage="logkit VERB [OPTIONS]",
        description=f"{_DESCRIPTION}\n\nverbs:\n{verbs}",
        epilog=_EPILOG,
        formatter_class=HelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="the version of logkit")
    top.add_argument("verb", nargs="?", metavar="VERB", help=argparse.SUPPRESS)
    return top


def _version() -> str:
    from importlib import metadata  # takes longer than all the rest of `--help`

    return metadata.version("logkit")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code. 2 is a wrong command line or input that cannot be read, 130 an interrupt."""
    words = list(sys.argv[1:] if argv is None else argv)
    top = parser()
    if not words or words[0].startswith("-"):
        if top.parse_args(words[:1]).version:
            print(f"logkit {_version()}")  # noqa: T201 - this is a command
            return 0
        top.print_help()
        return USAGE_ERROR
    name, *rest = words
    verb = VERBS.get(name)
    if verb is None:
        top.error(f"there is no verb {name!r}; the verbs are {', '.join(VERBS)}")
    module = importlib.import_module(verb.module)
    sub = argparse.ArgumentParser(prog=f"logkit {name}", formatter_class=HelpFormatter, allow_abbrev=False)
    module.add_arguments(sub)
    args = sub.parse_intermixed_args(rest) if verb.has_files else sub.parse_args(rest)
    try:
        code: int = module.run(args)
        sys.stdout.flush()
        return code
    except LogkitError as error:
        print(f"logkit {name}: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return USAGE_ERROR
    except BrokenPipeError:
        # The reader (head, less) has seen enough. What is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"logkit {name}: {os_reason(error)}", file=sys.stderr)  # noqa: T201 - this is a command
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
