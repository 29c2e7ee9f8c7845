"""Catalogues of log events: what an entry is, the vocabulary of their fields, and their pages in docs/reference.

Each app has its catalogue in `<app>/events.py`; what the processes say beside them is here.

    python -m mysite.events keeps > docs/reference/events-keeps.md
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple


class Event(NamedTuple):
    """One entry: its level, the fields that a call always binds, what it tells the person who reads it."""

    level: str
    fields: tuple[str, ...]
    meaning: str
    optional: tuple[str, ...] = ()  # fields that some calls bind


# One word for one thing in all apps: ids, counts, durations and outcomes, never what people wrote or are called.
FIELDS = {
    "attempt": "which try this call was, from 1",
    "attempts": "tries so far",
    "bytes": "size of a file",
    "changed_fields": "names of what changed, never values",
    "characters": "length of a text",
    "check": "name of a check",
    "circle_id": "a circle",
    "days": "how many days",
    "deliveries": "how many deliveries",
    "delivery": "how a token travels: `link`, `letter`",
    "delivery_id": "a message on its way to one recipient",
    "duration_ms": "how long it took",
    "duration_s": "how long it lasted",
    "elapsed_ms": "time since what caused it",
    "exception_type": "class of an exception",
    "export_id": "an export",
    "exports": "how many exports",
    "failures": "wrong passwords in a row",
    "fault": "why a process cannot work",
    "granted": "given (true) or withdrawn",
    "impersonation_id": "a time in which staff act as a member",
    "invitation_id": "an invitation",
    "keep_id": "a keep",
    "keeps": "how many keeps",
    "known": "whether anybody has the address",
    "limit": "the limit that was reached, or its name",
    "members": "how many members",
    "message_id": "a message",
    "messages": "how many messages",
    "mime": "type of a file, by its content",
    "missing": "how many keeps had no file",
    "objects": "how many things were in it",
    "outcome": "what became of it, as a code",
    "own": "whether it was done by its author",
    "owner_from": "who owned it before",
    "owner_to": "who owns it now",
    "permission": "what somebody wanted to do",
    "policy": "the rule that forbids it",
    "port": "a TCP port",
    "purpose": "what a consent is for",
    "reason": "why, as a code",
    "recipient_id": "the person who is notified",
    "removed": "how many files were removed",
    "retry_in_s": "pause before the next try",
    "role": "role in a circle",
    "role_from": "role before",
    "role_to": "role now",
    "rows": "how many rows are in a file",
    "share_id": "a share link",
    "state_from": "state before",
    "state_to": "state now",
    "status": "HTTP status of an answer; null where there was none",
    "subject_id": "the person it is about",
    "target": "whom a call went to",
    "user_id": "the person who did it",
}

# What the processes say, beside the apps' own events.
EVENTS = {
    "gateway.caller_gone": Event("DEBUG", (), "A caller of the push gateway hung up before it was answered."),
    "gateway.started": Event("INFO", ("port",), "The push gateway for development listens."),
    "gateway.stopped": Event("INFO", ("port",), "It ends."),
    "limit.not_counted": Event(
        "WARNING",
        ("limit", "exception_type"),
        "The cache that counts calls is away: the call was let through.",
    ),
    "push.received": Event(
        "INFO",
        ("recipient_id", "message_id", "outcome", "duration_ms"),
        "The push gateway was given a push.",
    ),
    "readiness.check_failed": Event(
        "WARNING", ("check", "exception_type"), "A check of `/readyz` raised; which one and what."
    ),
    "startup.refused": Event(
        "CRITICAL", ("fault",), "The process cannot do its work, and ends: one line for each reason."
    ),
}


def page(app: str, catalogue: Mapping[str, Event]) -> str:
    """The reference page of an app, as Markdown."""
    rows = [
        f"| `{name}` | {event.level} | {_cells(event)} | {event.meaning} |"
        for name, event in sorted(catalogue.items())
    ]
    used = sorted({field for event in catalogue.values() for field in (*event.fields, *event.optional)})
    return "\n".join(
        [
            f"# Events of {app}",
            "",
            f"Made by `python -m mysite.events {app}` from `{app}/events.py`; a test provokes each event and checks it",
            "against this table. Beside these fields each line has those of the request or task that caused it.",
            "Fields in brackets are there where they make sense.",
            "",
            "| event | level | fields | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            "| field | what it holds |",
            "|---|---|",
            *(f"| `{field}` | {FIELDS[field]} |" for field in used),
            "",
        ]
    )


def _cells(event: Event) -> str:
    always = [f"`{field}`" for field in event.fields]
    return ", ".join([*always, *(f"(`{field}`)" for field in event.optional)])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(page(name, import_module(f"{name}.events").EVENTS))
