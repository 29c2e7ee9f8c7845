"""What the demo shows a person: the story of one request, the audit events, the verdicts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mysite.demo.checks import Verdict
from mysite.demo.story import Story
from mysite.demo.trail import audit_rows
from mysite.processes import PROJECT, Service

_COLUMNS = ("time", "stream", "event", "outcome", "actor", "target")


def show(
    service: Service, story: Story, logs: list[Path], audit: Path, verified: str, verdicts: list[Verdict]
) -> None:
    """Print everything that a newcomer should see, in the order of a day on call."""
    request = story.message_request
    heading(f"One request, across web and worker: logkit tail --request {request}")
    tail = [sys.executable, "-m", "logkit", "tail", "--request", request, *map(str, logs)]
    subprocess.run(tail, cwd=PROJECT, env={**os.environ, **_colour()}, check=False)
    heading("The audit events")
    for line in _table(audit_rows(audit)):
        print(line)
    heading("The trail: logkit audit verify")
    print(verified)
    heading("The promises")
    for verdict in verdicts:
        print(f"  {'holds ' if verdict.holds else 'BROKEN'}  {verdict.promise} ({verdict.detail})")


def heading(text: str) -> None:
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")
    print(f"\n{bold}{text}{plain}\n", flush=True)


def audit_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Where the trail of the service is, for the command line."""
    var = environ["VAR_DIR"]
    return {
        **environ,
        "AUDIT_DIR": f"{var}/audit",
        "AUDIT_SPOOL_DIR": f"{var}/audit-spool",
        "AUDIT_KEY_DIR": f"{var}/audit-keys",
    }


def _table(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    rows = [_COLUMNS, *map(_row, records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    actor, targets = record.get("actor") or {}, record.get("target") or []
    target = targets[0] if targets else {}
    event = (
        record["event"]
        if record.get("stage", "single") == "single"
        else f"{record['event']} ({record['stage']})"
    )
    return (
        record["time"][11:23],
        record["stream"],
        event,
        record["outcome"],
        _name(actor.get("type"), actor.get("id")),
        _name(target.get("type"), target.get("id")),
    )


def _name(kind: object, identifier: object) -> str:
    return " ".join(str(part)[:12] for part in (kind, identifier) if part)


def _colour() -> dict[str, str]:
    return {"FORCE_COLOR": "1"} if sys.stdout.isatty() and "NO_COLOR" not in os.environ else {}
