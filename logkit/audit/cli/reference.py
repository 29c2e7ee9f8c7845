"""`logkit events`: the catalog for people, for machines, and as the reference page of the documentation."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase

from logkit.audit import catalog
from logkit.audit.catalog import EventType
from logkit.audit.export.ocsf import CLASSES, VERSION
from logkit.manual import add_colour, is_coloured
from logkit.terminal import BOLD, DIM, RED, YELLOW, paint

_DERIVED = {field.name for field in fields(EventType) if not field.init}
_HEAD = """\
# Audit events

<!-- Made by `python -m logkit events --markdown`; a test compares. Change the catalog, not this page. -->

Every event is one line of the ledger: a JSON object that starts with `seq` and `prev`, the ledger's own, and has:

| field | what |
|---|---|
| `id` | UUIDv7 |
| `time` | when it was stated, UTC, microseconds |
| `stream` | `security`, `compliance` or `access`: each is kept for its own time |
| `event`, `severity` | one of the types below; `info`, `notice`, `warning`, `high` or `critical` |
| `stage` | `single`; or `intent`, written before an action, and `outcome`, written after it |
| `intent_id` | of an outcome: the `id` of its intent |
| `outcome` | `success`, `failure`, `denied` or `unknown` (an intent; or a process that was killed) |
| `reason` | a code for why, such as `bad_password`; never the text of an exception |
| `tx` | `committed` or `rolled_back` when a database transaction decided; else `none` |
| `actor` | `type`, `id`, `on_behalf_of`, `auth_method`, `mfa`, `session_ref`, `client_ip` |
| `target` | a list of `type`, `id`, `owner`, `circle_id` |
| `change` | what became different |
| `request` | `id`, `method`, `route`, `status` |
| `task` | `id`, `root_id`, `retries` |
| `trace_id` | the distributed trace |
| `service` | `name`, `environment`, `release` |
| `detail` | the fields that the type allows |
| `dropped` | names of detail that the type does not allow, and of what was left out of a line that was too long |
| `truncated` | true when the line was too long |
| `schema_error` | what was wrong with the event, in production; in `dev` and `test` the call raises instead |
| `v` | 1 |

Fields without a value are left out. A `*_ref` is a pseudonym (`h1:<key id>:<hex>`), never the value itself.

**Delivery.** *closed*: written and on disk before what it speaks of happens, or that does not happen. *durable*: on
disk when the call returns; inside a database transaction a success waits for the commit. *best effort*: may be lost,
and is then counted in `audit.gap`; equal reads of one request are one line with their sum and `coalesced`.

**Required** fields are in `detail` unless they are named above. Those marked * are required of the outcome only.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "logkit events [OPTIONS] [PATTERN]"
    parser.description = (
        "The types of audit events: what each means, and what it must and may say. One that is named in full is shown "
        "in full.\n`python manage.py logkit events` also has those that the project declares."
    )
    parser.epilog = (
        "examples:\n"
        "  logkit events 'auth.*'                 one area\n"
        "  logkit events auth.login.failed        everything about one type\n"
        "  logkit events --json | jq -r .name     for other programs\n\n"
        "exit status: 0 shown; 1 no type has such a name; 2 wrong options"
    )
    parser.add_argument("pattern", nargs="?", default="*", metavar="PATTERN", help="names, with * and ?")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object for each type")
    form.add_argument("--markdown", action="store_true", help="the reference page of the documentation")
    add_colour(parser)


def run(args: argparse.Namespace) -> int:
    """0, or 1 when no type has such a name."""
    kinds = [kind for kind in catalog.every() if fnmatchcase(kind.name, args.pattern)]
    if not kinds:
        near = get_close_matches(args.pattern, [kind.name for kind in catalog.every()], n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        sys.stderr.write(f"logkit events: no type is called {args.pattern!r}{hint}\n")
        return 1
    colour = is_coloured(args.colour)
    if args.markdown:
        lines: Iterable[str] = [page(kinds)]
    elif args.json:
        lines = (json.dumps(_as_json(kind)) for kind in kinds)
    elif kinds[0].name == args.pattern:
        lines = _card(kinds[0], colour)
    else:
        lines = _table(kinds, colour)
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return 0


_LOUD = {"critical": BOLD + RED, "high": RED, "warning": YELLOW}


def _table(kinds: list[EventType], colour: bool) -> Iterator[str]:
    width = max(len(kind.name) for kind in kinds)
    for kind in kinds:
        severity = paint(kind.severity.ljust(8), _LOUD.get(kind.severity, ""), colour)
        rest = f"{kind.stream:<10}  {_DELIVERIES[kind.delivery]:<11}"
        yield f"{paint(kind.name.ljust(width), BOLD, colour)}  {severity}  {paint(rest, DIM, colour)}  {kind.meaning}"


_DELIVERIES = {"closed": "closed", "durable": "durable", "best_effort": "best effort"}


def _card(kind: EventType, colour: bool) -> Iterator[str]:
    """Everything about one type."""
    yield f"{paint(kind.name, BOLD, colour)}  {kind.meaning}"
    ocsf = kind.ocsf
    rows = {
        "severity": paint(kind.severity, _LOUD.get(kind.severity, ""), colour),
        "stream": kind.stream,
        "delivery": _delivery(kind),
        "required": ", ".join(
            f"{name} (of the outcome)" if name in kind.later else name for name in kind.required
        ),
        "optional": ", ".join(kind.optional),
        f"OCSF {VERSION}": f"{CLASSES[ocsf.class_uid]}: {ocsf.activity_name}, type {ocsf.type_uid}",
        "ECS": f"category {', '.join(kind.ecs.category)}; type {', '.join(kind.ecs.type)}",
        "OWASP": kind.owasp or "",
    }
    for name, text in rows.items():
        if text:
            yield f"  {paint(name.ljust(10), DIM, colour)}  {text}"


def _as_json(kind: EventType) -> dict[str, object]:
    return {name: value for name, value in asdict(kind).items() if name not in _DERIVED}


def page(kinds: Iterable[EventType]) -> str:
    """The reference page, without its last newline."""
    return "\n".join([_HEAD, *_sections(list(kinds))]).rstrip("\n")


def _sections(kinds: list[EventType]) -> Iterator[str]:
    for area in dict.fromkeys(kind.name.partition(".")[0] for kind in kinds):
        yield f"## {area}\n"
        for kind in kinds:
            if kind.name.partition(".")[0] == area:
                yield from _section(kind)


def _section(kind: EventType) -> Iterator[str]:
    ocsf = kind.ocsf
    yield f"### `{kind.name}`\n"
    yield f"{kind.meaning}\n"
    yield "| | |"
    yield "|---|---|"
    yield f"| stream, severity | {kind.stream}, {kind.severity} |"
    yield f"| delivery | {_delivery(kind)} |"
    if kind.required:
        yield f"| required | {', '.join(_field(name, kind) for name in kind.required)} |"
    if kind.optional:
        yield f"| optional | {', '.join(f'`{name}`' for name in kind.optional)} |"
    newer = f"; in 1.9 type {ocsf.v1_9}" if ocsf.v1_9 else ""
    place = f"{CLASSES[ocsf.class_uid]} ({ocsf.class_uid}), {ocsf.activity_name} ({ocsf.activity_id})"
    yield f"| OCSF {VERSION} | {place}, type {ocsf.type_uid}{newer} |"
    yield f"| ECS | category {', '.join(kind.ecs.category)}; type {', '.join(kind.ecs.type)} |"
    if kind.owasp:
        yield f"| OWASP | `{kind.owasp}` |"
    yield ""


def _delivery(kind: EventType) -> str:
    text = kind.delivery.replace("_", " ")
    return f"{text}; closed when the actor is {' or '.join(kind.closed_for)}" if kind.closed_for else text


def _field(name: str, kind: EventType) -> str:
    return f"`{name}`*" if name in kind.later else f"`{name}`"
