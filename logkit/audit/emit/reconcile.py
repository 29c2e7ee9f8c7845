"""What processes that were killed could not say: outcomes in the outbox are written, others written down as unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from logkit.audit.emit.deferred import transactions
from logkit.audit.events import Actor, AuditEvent, Receipt, Target
from logkit.audit.files.locks import alone
from logkit.audit.query import Filter, Progress, search
from logkit.audit.trail import AuditTrail, current
from logkit.parsers import STREAMS

OLDER_THAN = timedelta(hours=1)  # an action that still runs will say itself how it ends
WITHIN = timedelta(days=7)
_LOCK = ".reconcile.lock"


class Reconciled(NamedTuple):
    """How many events came from the outbox, and the receipts of the outcomes that are unknown."""

    relayed: int
    unknown: list[Receipt]


def reconcile(
    *,
    older_than: timedelta = OLDER_THAN,
    within: timedelta = WITHIN,
    trail: AuditTrail | None = None,
    progress: Progress | None = None,
) -> Reconciled:
    """Settle every intent of the last `within` that is older than `older_than` and has no outcome.

    Writes first what the outbox holds, because outcomes may be there; then an outcome `unknown` with reason
    `no_outcome` for each intent that is left, under its `intent_id`. Running it again, or twice at once, adds nothing.
    Raises `AuditUnavailable` and `OSError`.
    """
    trail = trail or current()
    root = trail.settings.directory
    if not trail.enabled:
        return Reconciled(0, [])
    relayed = transactions().relay(older_than)
    if not root.is_dir():
        return Reconciled(relayed, [])
    with alone(root / _LOCK) as is_alone:
        if not is_alone:  # the other one does our work too
            return Reconciled(relayed, [])
        now = datetime.now(UTC)
        unknown = [
            trail.write(trail.seal_up(_unknown(record), _surroundings(record)))
            for record in _open_intents(root, since=now - within, until=now - older_than, progress=progress)
        ]
    return Reconciled(relayed, unknown)


def _open_intents(
    root: Path, *, since: datetime, until: datetime, progress: Progress | None
) -> list[Mapping[str, Any]]:
    directories = [root / stream for stream in STREAMS if (root / stream).is_dir()]
    found: dict[str, Mapping[str, Any]] = {}
    settled: set[str] = set()
    for hit in search(directories, Filter(since=since), progress=progress):
        if hit.record.get("stage") == "intent":
            found[hit.record["id"]] = hit.record
        elif intent := hit.record.get("intent_id"):
            settled.add(intent)
    limit = until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return [record for id_, record in found.items() if id_ not in settled and record["time"] <= limit]


def _unknown(record: Mapping[str, Any]) -> AuditEvent:
    return AuditEvent(
        record["event"],
        outcome="unknown",
        reason="no_outcome",
        actor=Actor(**record["actor"]),
        target=[Target(**target) for target in record.get("target", ())],
        detail=record.get("detail", {}),
        stage="outcome",
        intent_id=record["id"],
    )


def _surroundings(record: Mapping[str, Any]) -> dict[str, object]:
    """The context in which the intent was stated."""
    request, task = record.get("request", {}), record.get("task", {})
    told = {f"{name}": request[name] for name in ("method", "route") if name in request}
    if "id" in request:
        told["request_id"] = request["id"]
    for ours, name in (("task_id", "id"), ("root_id", "root_id"), ("retries", "retries")):
        if name in task:
            told[ours] = task[name]
    return told | ({"trace_id": record["trace_id"]} if "trace_id" in record else {})
