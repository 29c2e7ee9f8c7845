"""`logkit doctor`: is everything that logging and the audit trail need in order here, and what is on, and why?"""

from __future__ import annotations

import argparse

from logkit.manual import add_colour

DESCRIPTION = """\
Look at this machine and this configuration as a process of the service would find them, say what is on and why, and
send a canary through every sink and read it back: standard output, LOG_FILE, each stream of the audit trail, sinks
of add_sink(). The canary holds a password that nobody has, which must not arrive. Values of secrets are not shown.

`python -m logkit doctor` looks at the environment alone; `python manage.py logkit doctor` at the project's settings
too: the middleware, Celery, gunicorn. Run it as the service's own user, where the service runs."""

EPILOG = """\
reading it:
  ✓ in order    · worth knowing    ! may become a fault    ✗ a fault; what to do stands below

examples:
  python manage.py logkit doctor                before the first deployment, and after each change
  logkit doctor --no-canary                     look only; nothing is written
  logkit doctor --json | jq '.findings[] | select(.state == "problem")'
  python manage.py logkit doctor --strict -q    as a step of a deployment

exit status:
  0 in order; 1 a fault, or with --strict something that may become one; 2 wrong options."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "logkit doctor [OPTIONS]"
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.add_argument("--no-canary", action="store_true", help="send nothing: look only")
    parser.add_argument(
        "--gunicorn",
        metavar="CONFIG",
        help="gunicorn's configuration, a file or python:MODULE; by default ./gunicorn.conf.py, or the module of "
        "that name beside the project's settings",
    )
    parser.add_argument("-a", "--all", action="store_true", help="every setting, with its default")
    parser.add_argument("-q", "--quiet", action="store_true", help="only what is not in order")
    parser.add_argument("--strict", action="store_true", help="what may become a fault counts as one")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    add_colour(parser)


def run(args: argparse.Namespace) -> int:
    from logkit.doctor.command import run as run_doctor  # `--help` needs none of it

    return run_doctor(args)
