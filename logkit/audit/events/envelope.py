"""From a stated event to the bytes of a ledger line: checked against the catalog, redacted, bounded, encoded.

Format: the event schema `v` 1 of docs/reference/audit-events.md. The ledger adds `seq` and `prev` in front.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from logkit.audit import catalog
from logkit.audit.events.event import ACTOR_TYPES, OUTCOMES, Actor, AuditEvent, Target
from logkit.audit.events.surroundings import Redacts, Surroundings, shown_actor, shown_target
from logkit.errors import AuditSchemaError

VERSION = 1
MAX_BODY_BYTES = 16_000  # a ledger line has 16 KiB; seq, prev and the newline take less than 120 bytes
_MAX_TARGETS = 50
_MAX_NAMES = 20

_REASON = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")
_WORDS = re.compile(r"[a-z_.:-]*")  # a code that no value rule could take for something else


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event ready for the ledger: `body` is a JSON object without `seq` and `prev`."""

    id: str
    kind: catalog.EventType
    closed: bool
    body: bytes


def seal_up(
    event: AuditEvent,
    *,
    around: Surroundings,
    redactor: Redacts,
    service: Mapping[str, str],
    strict: bool,
) -> Envelope:
    """The envelope of `event` in the surroundings that its context tells of.

    What the catalog does not allow: raises `AuditSchemaError` when `strict`, else is written with `schema_error`.
    """
    kind = catalog.find(event.event)
    actor = around.actor if event.actor is None else event.actor.completed(around.context)
    reason = _reason(event)
    faults = _faults(event, kind, actor, reason)
    if faults and strict:
        raise AuditSchemaError(f"audit event {event.event!r}: {'; '.join(faults)}")
    known = kind or catalog.unknown(event.event)
    body: dict[str, Any] = {
        "id": event.id,
        "time": _time(event.time),
        "stream": known.stream,
        "event": event.event if kind else redactor.text(str(event.event)[:128]),
        "severity": known.severity,
        "stage": event.stage,
    }
    if event.intent_id is not None:
        body["intent_id"] = event.intent_id
    body["outcome"] = event.outcome if event.outcome in OUTCOMES else "unknown"
    if reason is not None:
        code = reason if _is_code(reason) else "unspecified"
        body["reason"] = code if _WORDS.fullmatch(code) else redactor.text(code)
    body["tx"] = event.tx
    body["actor"] = around.shown_actor if event.actor is None else shown_actor(actor, redactor)
    targets = _targets(event)
    if targets:
        body["target"] = [shown_target(target, redactor) for target in targets[:_MAX_TARGETS]]
    if event.change:
        body["change"] = redactor.fields(event.change)
    body.update(around.parts)
    body["service"] = service
    detail, dropped = _detail(event, kind, reason, redactor)
    if len(targets) > _MAX_TARGETS:
        dropped = [*dropped, "target"]
    if detail:
        body["detail"] = detail
    if dropped:
        body["dropped"] = dropped
    if faults:
        body["schema_error"] = redactor.text("; ".join(faults)[:500])
    body["v"] = VERSION
    return Envelope(event.id, known, known.is_closed(actor.type), _encoded(body))


def _faults(
    event: AuditEvent, kind: catalog.EventType | None, actor: Actor, reason: str | None
) -> Sequence[str]:
    if kind is None:
        return ["no such event type; declare it with catalog.declare() beside the project's audit helpers"]
    missing = [name for name in _expected(event, kind) if not _has(name, event, actor)]
    faults = [f"{', '.join(missing)} must be given"] if missing else []
    if event.outcome not in OUTCOMES:
        faults.append(f"the outcome must be one of {', '.join(OUTCOMES)}")
    if reason is not None and not _is_code(reason):
        faults.append(
            "the reason must be a code such as bad_password (a-z, 0-9, _ . : -, at most 64), not a sentence"
        )
    if actor.type not in ACTOR_TYPES:
        faults.append(f"the actor's type must be one of {', '.join(ACTOR_TYPES)}")
    return faults


def _expected(event: AuditEvent, kind: catalog.EventType) -> Sequence[str]:
    """What must be there: at the start what can be known, at a good end all of it, at a bad end no more."""
    if event.stage == "intent":
        return [name for name in kind.required if name not in kind.later]
    return () if event.stage == "outcome" and event.outcome != "success" else kind.required


def _has(name: str, event: AuditEvent, actor: Actor) -> bool:
    if name == "reason":
        return bool(event.reason or event.detail.get("reason"))
    if name.startswith("actor."):
        return getattr(actor, name[6:]) is not None
    return name in event.detail


def _reason(event: AuditEvent) -> str | None:
    """The event's code. One that was given as detail counts; a sentence (why staff act as a member) stays there."""
    if event.reason is not None:
        return event.reason
    told = event.detail.get("reason")
    return told if isinstance(told, str) and _is_code(told) else None


def _detail(
    event: AuditEvent, kind: catalog.EventType | None, reason: str | None, redactor: Redacts
) -> tuple[dict[str, Any], list[str]]:
    """What the catalog allows of the event's detail, redacted, and the names of the rest."""
    given = event.detail
    if reason is not None and "reason" in given:  # it stands at the top
        given = {name: value for name, value in given.items() if name != "reason"}
    if kind is None:
        return redactor.fields(given), []
    if given.keys() <= kind.detail_names:
        return (redactor.fields(given) if given else {}), []
    allowed = {name: value for name, value in given.items() if name in kind.detail_names}
    strangers = [redactor.text(str(name)[:64]) for name in given if name not in kind.detail_names]
    return redactor.fields(allowed), strangers[:_MAX_NAMES]


def _targets(event: AuditEvent) -> tuple[Target, ...]:
    if event.target is None:
        return ()
    return (event.target,) if isinstance(event.target, Target) else tuple(event.target)


def _is_code(reason: object) -> bool:
    return isinstance(reason, str) and _REASON.fullmatch(reason) is not None


def _time(moment: datetime) -> str:
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


def _encoded(body: dict[str, Any]) -> bytes:
    line = _json(body)
    while len(line) > MAX_BODY_BYTES:
        body["truncated"] = True
        if not _shortened(body):
            break
        line = _json(body)
    return line


def _shortened(body: dict[str, Any]) -> bool:
    """Drop the longest part that is not needed to know who did what to what; False when nothing is left to drop."""
    if detail := body.get("detail"):
        longest = max(detail, key=lambda name: len(_json(detail[name])))
        del detail[longest]
        dropped = longest
    elif "change" in body:
        del body["change"]
        dropped = "change"
    elif len(body.get("target", ())) > 1:
        body["target"] = body["target"][:1]
        dropped = "target"
    else:
        return False
    body["dropped"] = [*body.get("dropped", ()), dropped][:_MAX_NAMES]
    return True


def _json(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=_text)
    except (TypeError, ValueError, RecursionError):  # a surrogate, an integer beyond 64 bits, a key, a depth
        return orjson.dumps(_plain(value, 8))


def _plain(value: object, depth: int) -> object:
    """`value` as JSON can hold it whatever it was."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else _text(value)
    if isinstance(value, Mapping) and depth:
        return {str(_text(key)): _plain(each, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [_plain(each, depth - 1) for each in value]
    return _text(value)


def _text(value: object) -> str:
    try:
        text = str(value)
    except Exception as error:  # noqa: BLE001  a value that cannot be shown must not cost the event
        text = f"[{type(value).__name__}: {type(error).__name__}]"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
