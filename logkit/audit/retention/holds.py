"""Legal holds: records that must be kept although their time is over.

A hold lives in the trail itself, as `audit.hold.changed` records of the compliance stream, so that lifting one leaves a
trace that cannot be taken back.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from logkit.audit.notices import Emit, utc_text
from logkit.audit.query import Filter, matcher
from logkit.audit.verify.receipts import HOLD_EVENT, KEEPER, records_of
from logkit.parsers import STREAMS

PLACED, LIFTED = "placed", "lifted"
_FILTERS = ("actor", "circle", "target", "owner")
_TIMES = ("since", "until")


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep what `scope` describes, in every stream that it does not exclude, because of `reason`."""

    id: str
    scope: str
    reason: str
    placed_at: str

    def matcher(self, stream: str) -> Callable[[dict[str, Any]], bool]:
        """Is a record of `stream` under this hold?"""
        wanted, only = read_scope(self.scope)
        if only is not None and only != stream:
            return lambda record: False
        return matcher(wanted)


def read_scope(text: str) -> tuple[Filter, str | None]:
    """The filter that a scope such as `actor=user:7 since=2026-01-01T00:00:00Z` means, and its stream, if it has one.

    Raises `ValueError` saying what is allowed.
    """
    allowed = ", ".join((*_FILTERS, *_TIMES, "stream"))
    members: dict[str, Any] = {}
    for word in shlex.split(text):
        name, equals, value = word.partition("=")
        if not equals or not value or name not in (*_FILTERS, *_TIMES, "stream") or name in members:
            raise ValueError(
                f"{word!r} cannot be part of a scope: write name=value, each once, from {allowed}"
            )
        members[name] = value
    for name in _TIMES:
        if name in members:
            moment = datetime.fromisoformat(members[name])
            members[name] = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    stream = members.pop("stream", None)
    if stream is not None and stream not in STREAMS:
        raise ValueError(f"{stream!r} is no stream: {', '.join(STREAMS)}")
    if not members:
        raise ValueError(f"a hold needs a scope: at least one of {allowed}, such as actor=user:7")
    return Filter(**members), stream


def write_scope(wanted: Filter, stream: str | None) -> str:
    """The canonical text of a scope."""
    parts = [f"{name}={getattr(wanted, name)}" for name in _FILTERS if getattr(wanted, name)]
    parts += [f"{name}={utc_text(moment)}" for name in _TIMES if (moment := getattr(wanted, name))]
    parts += [f"stream={stream}"] if stream else []
    return shlex.join(parts)


def active_holds(root: Path) -> list[Hold]:
    """The holds that are in force, from the compliance stream below `root`. Raises `OSError`."""
    return list(replay(record for _, record in records_of(root / KEEPER, [HOLD_EVENT])).values())


def replay(records: Iterable[dict[str, Any]]) -> dict[str, Hold]:
    """Holds in force after these `audit.hold.changed` records."""
    holds: dict[str, Hold] = {}
    for record in records:
        detail = record.get("detail") or {}
        identifier, action = str(detail.get("hold_id", "")), detail.get("action")
        if record.get("outcome") in ("failure", "denied") or record.get("stage") == "intent":
            continue
        if action == PLACED:
            reason = str(detail.get("reason") or record.get("reason") or "")
            holds[identifier] = Hold(
                identifier, str(detail.get("scope", "")), reason, str(record.get("time", ""))
            )
        elif action == LIFTED:
            holds.pop(identifier, None)
    return holds


def place(emit: Emit, *, scope: str, reason: str) -> str:
    """Put a hold on what `scope` describes; its id. Raises `ValueError`, and what `emit` raises: then there is none."""
    wanted, stream = read_scope(scope)
    if not reason.strip():
        raise ValueError("a hold needs a reason: the matter or the order that asks for it")
    identifier = f"hold-{secrets.token_hex(4)}"
    _emit(emit, Hold(identifier, write_scope(wanted, stream), reason, ""), PLACED)
    return identifier


def lift(root: Path, emit: Emit, *, hold_id: str, reason: str) -> Hold:
    """Take a hold away. Raises `ValueError` when there is none of that id."""
    hold = next((hold for hold in active_holds(root) if hold.id == hold_id), None)
    if hold is None:
        raise ValueError(f"there is no hold {hold_id!r} in force; `logkit audit hold list` shows them")
    if not reason.strip():
        raise ValueError("lifting a hold needs a reason")
    _emit(emit, Hold(hold.id, hold.scope, reason, ""), LIFTED)
    return hold


def restate(emit: Emit, hold: Hold) -> None:
    """Say a hold again, because the segment that says it is about to expire."""
    _emit(emit, hold, PLACED)


def _emit(emit: Emit, hold: Hold, action: str) -> None:
    emit(HOLD_EVENT, {"hold_id": hold.id, "scope": hold.scope, "reason": hold.reason, "action": action})
