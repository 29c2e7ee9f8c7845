"""`logkit events`: the catalog for people, for machines, and as the reference page of the documentation."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from fnmatch import fnmatchcase

from logkit.audit import catalog
from logkit.audit.catalog import EventType
from logkit.audit.export.ocsf import CLASSES, VERSION

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
| `actor` | {_ACTOR} |
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
    parser.description = "The types of audit events: what each means, and what it must and may say."
    parser.epilog = "example: logkit events 'auth.*'"
    parser.add_argument("pattern", nargs="?", default="*", help="names to show, with * and ? (default: all)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object for each type")
    form.add_argument("--markdown", action="store_true", help="the reference page of the documentation")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when no type has such a name."""
    kinds = [kind for kind in catalog.every() if fnmatchcase(kind.name, args.pattern)]
    if args.markdown:
        lines: Iterable[str] = [page(kinds)]
    elif args.json:
        lines = (json.dumps(_as_json(kind)) for kind in kinds)
    else:
        width = max((len(kind.name) for kind in kinds), default=0)
        lines = (
            f"{kind.name:<{width}}  {kind.severity:<8}  {kind.delivery:<11}  {kind.meaning}" for kind in kinds
        )
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return 0 if kinds else 1


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
