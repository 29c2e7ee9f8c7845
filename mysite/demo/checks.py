"""The promises, checked on what the processes really wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from mysite.demo.client import Call
from mysite.demo.trail import Recorded, audit_rows, differences
from mysite.processes import PROJECT

TASK_ENDS = frozenset(
    f"task.{end}"
    for end in ("succeeded", "failed", "retried", "rejected", "ignored", "lost", "revoked", "unknown")
)
_UNIT_ENDS = {"request.started": "request.finished", "task.started": TASK_ENDS}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the story left behind."""

    directory: Path  # of everything the processes wrote
    logs: Mapping[str, Path]  # stdout by process
    calls: list[Call]
    secrets: Mapping[str, str]  # planted in the traffic, by what they are
    exit_codes: Mapping[str, int | None]
    recorded: list[Recorded]  # what the audit trail has to hold
    people: Mapping[str, str]  # names by user id


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise: did it hold, and what was looked at or is wrong."""

    promise: str
    holds: bool
    detail: str


def check(evidence: Evidence) -> list[Verdict]:
    """Every promise, in the order a reader would ask for them."""
    lines, faults = _parsed(evidence.logs)
    return [
        _verdict(
            "every stdout line of every process is strict JSON of schema v1", faults, f"{len(lines)} lines"
        ),
        _verdict("every line of a request or task carries its ids", *_attributed(lines)),
        _verdict("every request has one canonical line with its status", *_canonical(lines, evidence.calls)),
        _verdict("tasks carry the id of the request that caused them", *_traced_tasks(lines, evidence.calls)),
        _verdict("no planted secret is in any byte of any log", *_secrets(evidence)),
        _verdict(
            "the audit trail has exactly the events of the story, each with its request", *_trail(evidence)
        ),
        _verdict("nothing was lost", *_losses(lines, evidence)),
    ]


def _verdict(promise: str, faults: Iterable[str], looked_at: str) -> Verdict:
    found = list(faults)
    return Verdict(promise, not found, looked_at if not found else "; ".join(found[:3]))


Line = dict[str, Any]


def read_lines(path: Path) -> Iterator[Line]:
    """The JSON objects of a log, with the name of its process under `from`."""
    for raw in path.read_bytes().splitlines():
        yield {**json.loads(raw), "from": path.stem}


def _parsed(logs: Mapping[str, Path]) -> tuple[list[Line], list[str]]:
    schema = json.loads((PROJECT / "docs/reference/line-schema.json").read_text())
    validator = Draft202012Validator(schema)
    lines: list[Line] = []
    faults: list[str] = []
    for name, path in logs.items():
        for number, raw in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
            where = f"{path.name}:{number}"
            try:
                line = json.loads(raw, parse_constant=_refuse_constant)
            except ValueError as error:
                faults.append(f"{where} is no JSON ({error}): {raw[:80]!r}")
                continue
            faults.extend(f"{where}: {error.message}" for error in validator.iter_errors(line))
            if not raw.endswith(b"\n"):
                faults.append(f"{where} has no newline")
            lines.append({**line, "from": name})
    return lines, faults


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _attributed(lines: list[Line]) -> tuple[list[str], str]:
    """Between the first and last line of a unit of work, a thread writes only lines that carry its ids."""
    faults: list[str] = []
    open_units: dict[tuple[str, int, str], tuple[str, str, Any]] = {}
    inside = 0
    for line in lines:
        thread = (line["from"], line["process"]["id"], line["thread"])
        context, event = line["context"], line["message"]
        if event in TASK_ENDS and thread not in open_units:  # the worker speaks for a process that is gone
            ended = ("task_id", context.get("task_id", ""), TASK_ENDS)
            open_units = {place: unit for place, unit in open_units.items() if unit != ended}
        if thread in open_units:
            key, unit_id, ends = open_units[thread]
            inside += 1
            if unit_id not in (context.get(key), context.get("parent_id")):  # task.published names the child
                faults.append(f"{line['from']}: {event!r} inside {key} {unit_id} says {context.get(key)!r}")
            if event == ends or (isinstance(ends, frozenset) and event in ends):
                del open_units[thread]
        elif event in _UNIT_ENDS:
            key = "request_id" if event == "request.started" else "task_id"
            open_units[thread] = (key, context.get(key, ""), _UNIT_ENDS[event])
    faults += [f"{key} {unit_id} has no last line" for key, unit_id, _ in open_units.values()]
    return faults, f"{inside} lines inside requests and tasks"


def _canonical(lines: list[Line], calls: list[Call]) -> tuple[list[str], str]:
    finished = [line["context"] for line in lines if line["message"] == "request.finished"]
    by_id = Counter(context["request_id"] for context in finished)
    status = {context["request_id"]: context["status"] for context in finished}
    faults = [
        f"{call.method} {call.path}: {by_id[call.request_id]} lines, status {status.get(call.request_id)}"
        for call in calls
        if by_id[call.request_id] != 1 or status[call.request_id] != call.status
    ]
    return faults, f"{len(calls)} requests"


def _traced_tasks(lines: list[Line], calls: list[Call]) -> tuple[list[str], str]:
    known = {call.request_id for call in calls}
    tasks = [line for line in lines if line["message"] in TASK_ENDS]
    faults = [
        f"{line['context'].get('task')} says request {line['context'].get('request_id')!r}"
        for line in tasks
        if line["context"].get("request_id") not in known
    ]
    if not tasks:
        faults.append("no task ran")
    return faults, f"{len(tasks)} attempts of tasks"


def _secrets(evidence: Evidence) -> tuple[list[str], str]:
    """Everything that is a log or the trail; the database and the stored files may well hold what people wrote."""
    files = [
        path
        for folder in ("logs", "audit", "audit-spool")
        for path in sorted((evidence.directory / folder).rglob("*"))
        if path.is_file()
    ]
    faults = [
        f"{what} is in {path.relative_to(evidence.directory)}"
        for path in files
        for what, secret in evidence.secrets.items()
        if secret.encode() in path.read_bytes()
    ]
    return faults, f"{len(evidence.secrets)} secrets, {len(files)} files"


def _trail(evidence: Evidence) -> tuple[Iterable[str], str]:
    rows = audit_rows(evidence.directory / "audit")
    return differences(evidence.recorded, rows, evidence.people), f"{len(rows)} events"


def _losses(lines: list[Line], evidence: Evidence) -> tuple[list[str], str]:
    faults = [f"{name} ended with {code}" for name, code in evidence.exit_codes.items() if code]
    faults += [
        f"{line['from']}: {line['message']} {line['context']}"
        for line in lines
        if line["message"] in {"logkit.dropped", "logkit.record_failed", "logkit.sink_failed", "audit.gap"}
    ]
    started = Counter(line["context"]["task_id"] for line in lines if line["message"] == "task.started")
    ended = Counter(line["context"].get("task_id") for line in lines if _ends_an_attempt(line))
    faults += [
        f"task {task_id} started {n} times, ended {ended[task_id]}"
        for task_id, n in started.items()
        if ended[task_id] != n
    ]
    return (
        faults,
        f"{sum(started.values())} task attempts started and ended, {len(evidence.exit_codes)} processes",
    )


def _ends_an_attempt(line: Line) -> bool:
    """And not a task that was revoked, or unknown, before it began."""
    context = line["context"]
    return line["message"] in TASK_ENDS and ("duration_ms" in context or context.get("terminated") is True)
