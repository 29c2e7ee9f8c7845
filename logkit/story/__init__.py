"""`logkit story`: what one request, trace or task did, as a tree in time. Needs no Django and no settings."""

from __future__ import annotations

import argparse

from logkit.manual import add_colour

DESCRIPTION = """\
Tell what happened in one request, trace or task: its lines, the tasks it started with all their attempts, and its
audit events, as one tree on a time axis. What failed is marked, down to the line where it was raised. Reading
the audit trail is itself recorded in it.

ID is a request, trace, task or root task id; the last characters that the console shows are enough. FILES are read as
by `logkit tail`: JSON lines, gzip, prefixes of compose; without FILES, or with -, standard input."""

EPILOG = """\
reading it:
  +13 ms       since the story began       ━━━ how long it ran, ╌╌╌ how long it waited in its queue
  ↳ deliver    a task, and #2 its second attempt
  · ◆ x 12     a line, an audit event, lines or tasks that are told as one
  ✗            failed                      ┄ 2.0 s ┄ nothing was logged for so long

examples:
  logkit story eb3ffd var/log/*.log
  logkit story eb3ffd --audit-dir var/audit var/log/web.log var/log/worker.log
  docker compose logs --no-color | logkit story 216363698b524b4a97b750923ceb3ffd
  logkit story eb3ffd --json var/log/*.log | jq '.tree[].failed'

exit status:
  0 the story was told; 1 nothing has this id; 2 wrong options, a file that cannot be read, an id
  that fits several."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "logkit story ID [OPTIONS] [FILE ...]"
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.add_argument("id", metavar="ID", help="a request, trace, task or root id, or its end")
    parser.add_argument("files", nargs="*", metavar="FILE", help="log files; - is standard input")
    parser.add_argument(
        "--audit-dir",
        metavar="DIR",
        help="the audit trail, whose events are shown too; by default AUDIT_DIR, where it may be read",
    )
    parser.add_argument("-l", "--level", metavar="LEVEL", help="leave out lines below this level")
    parser.add_argument(
        "-x", "--expand", action="store_true", help="every line, none told as one; whole tracebacks"
    )
    parser.add_argument("--json", action="store_true", help="the tree as JSON, for other programs")
    parser.add_argument("--utc", action="store_true", help="times in UTC instead of local time")
    add_colour(parser)


def run(args: argparse.Namespace) -> int:
    from logkit.story.command import run as run_story  # `--help` needs none of it

    return run_story(args)
