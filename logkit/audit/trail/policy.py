"""What is audited and how it is kept: a change of that is itself an event, break-glass above all.

The policy in force is kept beside the ledger in `policy.json`; a process whose settings differ says so with its first
event, once for all processes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson

from logkit.audit.events import Actor, AuditEvent
from logkit.settings import AuditSettings

NAME = "policy.json"
_BREAK_GLASS = "AUDIT_FAIL_OPEN_UNTIL"

Policy = Mapping[str, str]


def policy_of(settings: AuditSettings) -> dict[str, str]:
    """What of the settings is policy, by the names of their variables. A break-glass that is over is none."""
    until = settings.fail_open_until
    is_open = until is not None and datetime.now(UTC) < until
    return {
        "AUDIT_LEVEL": settings.level,
        "AUDIT_FSYNC": settings.fsync,
        "AUDIT_RETENTION": ",".join(
            f"{stream}={settings.retention_of(stream)}" for stream, _ in settings.retention
        ),
        "AUDIT_RETENTION_APPLY": str(settings.retention_apply),
        "AUDIT_OUTBOX": str(settings.outbox),
        _BREAK_GLASS: until.isoformat() if is_open and until else "",
    }


@contextmanager
def changed_policy(settings: AuditSettings) -> Iterator[AuditEvent | None]:
    """The event that says what changed since the last process, or None; once the block has written it, it is history.

    For one process at a time. Raises `OSError` when the directory cannot be used.
    """
    file = settings.directory / NAME
    now = policy_of(settings)
    # The first policy of a directory is no change, but a break-glass in it is.
    before = _read(file) or {**now, _BREAK_GLASS: ""}
    yield None if before == now else _event(before, now)
    if before != now or not file.exists():
        _replace(file, now, settings.file_mode)


def _event(before: Policy, now: Policy) -> AuditEvent:
    detail = {
        "before_sha256": digest_of(before),
        "after_sha256": digest_of(now),
        "keys": sorted(name for name in {*before, *now} if before.get(name) != now.get(name)),
    }
    if now[_BREAK_GLASS]:
        detail["fail_open_until"] = now[_BREAK_GLASS]
    return AuditEvent("audit.policy.changed", actor=Actor.system(), detail=detail)


def digest_of(policy: Policy) -> str:
    """SHA-256 of a policy, as the events of the trail name it."""
    return hashlib.sha256(orjson.dumps(policy, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _read(file: Path) -> Policy | None:
    try:
        found = orjson.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _replace(file: Path, policy: Policy, mode: int) -> None:
    fresh = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(orjson.dumps(policy, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n")
    fresh.replace(file)
