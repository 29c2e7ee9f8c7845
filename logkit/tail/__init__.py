"""`logkit tail`: JSON lines as text a person reads; filtered, followed, merged. Needs no Django and no settings."""

from __future__ import annotations

import argparse

from logkit.manual import add_colour

DESCRIPTION = """\
Read log lines and show them as text. JSON lines of logkit, also of ECS, pino, structlog and python-json-logger, are
made readable: plain, behind the prefix of compose, honcho, kubectl or journalctl, and inside of Docker's or journald's
own JSON. Other lines pass unchanged.

FILES are read in the order of their times; gzip is unpacked. Without FILES, or with -, standard input is read.
Filters are combined: a line is shown when all of them hold. With a filter, lines that are no events are left out."""

EPILOG = """\
conditions (-f):
  key=value key!=value           equal or not, numbers as numbers; != holds where there is no such key
  key~regex key!~regex           the value contains, or does not contain, what fits the expression
  key>n key>=n key<n key<=n      a number beyond n
  A key is a name in the context, or a dotted path: circle_id, source.file, exception.type
  Long ids are shown by their ends, which will do as values: circle_id=…bbe41

times (--since, --until):
  10m 2h 3 days                  that long ago
  14:05 14:05:30                 today at that time
  2026-01-31 2026-01-31T14:05Z   then; local time unless it says otherwise

examples:
  python manage.py runserver | logkit tail
  docker compose logs -f --no-color | logkit tail -l warn
  kubectl logs -f --prefix deploy/web | logkit tail
  journalctl -f -o cat -u web | logkit tail
  logkit tail -F var/log/web.log var/log/worker.log
  logkit tail --request 4f3c9a var/log/*.log     one request and the tasks it started
  logkit tail --slow 500ms --event 'request.*' app.log
  logkit tail -f 'status>=500' -f 'route~keeps' --since 2h app.log
  logkit tail --json -l error app.log.3.gz | jq .context.exception_type

exit status:
  0 lines were shown, or no filter was given; 1 nothing matched; 2 wrong options, or a file that
  cannot be read; 130 interrupted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "logkit tail [OPTIONS] [FILE ...]"
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.add_argument("files", nargs="*", metavar="FILE", help="files to read; - is standard input")

    which = parser.add_argument_group("which lines")
    which.add_argument(
        "-l", "--level", metavar="LEVEL", help="this level and above: debug, info, warn, error"
    )
    which.add_argument(
        "-f",
        "--filter",
        metavar="CONDITION",
        action="append",
        default=[],
        help="key=value, !=, ~regex, >=; repeatable",
    )
    which.add_argument(
        "--event",
        metavar="GLOB",
        action="append",
        default=[],
        help="events by name: 'keep.*'; repeatable, any may fit",
    )
    which.add_argument(
        "--request",
        metavar="ID",
        help="one request and its tasks; the end of the id is enough",
    )
    which.add_argument("--task", metavar="TASK", help="one task, by id or name: 4f3c9a, fan_out, 'keeps.*'")
    which.add_argument("--user", metavar="ID", help="lines of this user_id")
    which.add_argument("--slow", metavar="TIME", help="what took this long or longer: 500ms, 2s")
    which.add_argument("--since", metavar="TIME", help="not before: 10m, 14:05, 2026-01-31T14:05")
    which.add_argument("--until", metavar="TIME", help="not after")
    which.add_argument(
        "-n",
        "--lines",
        metavar="N",
        type=_count,
        help="only the last N that match; with -F to begin with, 10",
    )
    which.add_argument(
        "-F", "--follow", action="store_true", help="go on as files grow, are renamed or made again"
    )

    how = parser.add_argument_group("how they look")
    how.add_argument(
        "-x",
        "--expand",
        action="store_true",
        help="every field and every frame, each on a line of its own",
    )
    how.add_argument(
        "-S",
        "--single-line",
        action="store_true",
        help="no tracebacks; cut at the edge of the terminal",
    )
    how.add_argument(
        "-i", "--ignore", metavar="FIELDS", default="", help="leave out these fields: user_id,bytes"
    )
    how.add_argument("-I", "--include", metavar="FIELDS", default="", help="show these fields and no others")
    how.add_argument(
        "--json", action="store_true", help="the matching JSON lines as they are, for other programs"
    )
    how.add_argument("--utc", action="store_true", help="times in UTC instead of local time")
    add_colour(how)
    how.add_argument(
        "--summary",
        action="store_true",
        help="at the end, lines by level, on standard error; always on a terminal",
    )


def _count(text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0")


def run(args: argparse.Namespace) -> int:
    from logkit.tail.command import run as run_tail  # `--help` needs none of it

    return run_tail(args)
