"""From a stated event to the bytes of a ledger line: checked against the catalog, redacted, bounded, encoded.

Format: the event schema `v` 1 of docs/reference/audit-events.md. The ledger adds `seq` and `prev` in front.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

from logkit.audit import catalog
from logkit.audit.events import ACTOR_TYPES, OUTCOMES, Actor, AuditEvent, Target
from logkit.errors import AuditSchemaError
from logkit.redact import is_pseudonym

VERSION = 1
MAX_BODY_BYTES = 16_000  # a ledger line has 16 KiB; seq, prev and the newline take less than 120 bytes
_MAX_TARGETS = 50
_MAX_NAMES = 20

_REASON = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}")
# Ids that no value rule could take for something else; all others pass through the redactor.
_PLAIN_ID = re.compile(
    r"\d{1,10}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z][a-z_.]{0,60}"
)


class Redacts(Protocol):
    """What the envelope needs of `logkit.redact.Redactor`."""

    def fields(self, fields: Mapping[str, Any], /) -> dict[str, Any]: ...

    def text(self, text: str, /) -> str: ...


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
    context: Mapping[str, object],
    redactor: Redacts,
    service: Mapping[str, str],
    strict: bool,
) -> Envelope:
    """The envelope of `event` in `context`.

    What the catalog does not allow: raises `AuditSchemaError` when `strict`, else is written with `schema_error`.
    """
    kind = catalog.find(event.event)
    actor = event.actor.completed(context) if event.actor is not None else Actor.from_context(context)
    faults = list(_faults(event, kind, actor))
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
    if (reason := _reason(event)) is not None:
        body["reason"] = reason if _is_code(reason) else "unspecified"
    body["tx"] = event.tx
    body["actor"] = _actor(actor, redactor)
    if targets := _targets(event):
        body["target"] = [_target(target, redactor) for target in targets[:_MAX_TARGETS]]
    if event.change:
        body["change"] = redactor.fields(event.change)
    _around(body, context, redactor)
    body["service"] = service
    given = event.detail
    if reason is not None and "reason" in given:
        given = {name: value for name, value in given.items() if name != "reason"}
    detail, dropped = _detail(given, kind, redactor)
    if len(targets) > _MAX_TARGETS:
        dropped.append("target")
    if detail:
        body["detail"] = detail
    if dropped:
        body["dropped"] = dropped
    if faults:
        body["schema_error"] = redactor.text("; ".join(faults)[:500])
    body["v"] = VERSION
    return Envelope(event.id, known, known.is_closed(actor.type), _encoded(body))


def _faults(event: AuditEvent, kind: catalog.EventType | None, actor: Actor) -> Iterator[str]:
    if kind is None:
        yield "no such event type; declare it with catalog.declare() beside the project's audit helpers"
        return
    missing = [name for name in _expected(event, kind) if not _has(name, event, actor)]
    if missing:
        yield f"{', '.join(missing)} must be given"
    if event.outcome not in OUTCOMES:
        yield f"the outcome must be one of {', '.join(OUTCOMES)}"
    if (reason := _reason(event)) is not None and not _is_code(reason):
        yield "the reason must be a code such as bad_password (a-z, 0-9, _ . : -, at most 64), not a sentence"
    if actor.type not in ACTOR_TYPES:
        yield f"the actor's type must be one of {', '.join(ACTOR_TYPES)}"


def _expected(event: AuditEvent, kind: catalog.EventType) -> Iterator[str]:
    """What must be there: at the start what can be known, at a good end all of it, at a bad end no more."""
    if event.stage == "outcome" and event.outcome != "success":
        return iter(())
    if event.stage == "intent":
        return (name for name in kind.required if name not in kind.later)
    return iter(kind.required)


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
    given: Mapping[str, object], kind: catalog.EventType | None, redactor: Redacts
) -> tuple[dict[str, Any], list[str]]:
    """What the catalog allows of `given`, redacted, and the names of the rest."""
    if kind is None:
        return redactor.fields(given), []
    allowed = {name: value for name, value in given.items() if kind.allows(name)}
    if len(allowed) == len(given):
        return (redactor.fields(allowed) if allowed else allowed), []
    strangers = [redactor.text(str(name)[:64]) for name in given if not kind.allows(name)]
    return redactor.fields(allowed), strangers[:_MAX_NAMES]


def _actor(actor: Actor, redactor: Redacts) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": actor.type if actor.type in ACTOR_TYPES else "system"}
    if actor.id is not None:
        shown["id"] = _id(actor.id, redactor)
    if actor.on_behalf_of is not None:
        shown["on_behalf_of"] = _id(actor.on_behalf_of, redactor)
    if actor.auth_method is not None:
        shown["auth_method"] = _id(actor.auth_method, redactor)
    if actor.mfa is not None:
        shown["mfa"] = bool(actor.mfa)
    if actor.session_ref is not None:  # a session key in clear would be a credential
        shown["session_ref"] = actor.session_ref if is_pseudonym(actor.session_ref) else "[REDACTED]"
    if actor.client_ip is not None:
        shown["client_ip"] = redactor.text(str(actor.client_ip)[:64])
    return shown


def _targets(event: AuditEvent) -> tuple[Target, ...]:
    if event.target is None:
        return ()
    return (event.target,) if isinstance(event.target, Target) else tuple(event.target)


def _target(target: Target, redactor: Redacts) -> dict[str, Any]:
    shown = {"type": _id(target.type, redactor)}
    if target.id is not None:
        shown["id"] = _id(target.id, redactor)
    if target.owner is not None:
        shown["owner"] = _id(target.owner, redactor)
    if target.circle_id is not None:
        shown["circle_id"] = _id(target.circle_id, redactor)
    return shown


def _around(body: dict[str, Any], context: Mapping[str, object], redactor: Redacts) -> None:
    """The request, the task and the trace, where there are any."""
    request = {"id": context.get("request_id")}
    request |= {name: context.get(name) for name in ("method", "route", "status")}
    task = {
        "id": context.get("task_id"),
        "root_id": context.get("root_id"),
        "retries": context.get("retries"),
    }
    for name, parts in (("request", request), ("task", task)):
        if said := {key: _scalar(value, redactor) for key, value in parts.items() if value is not None}:
            body[name] = said
    if (trace_id := context.get("trace_id")) is not None:
        body["trace_id"] = _scalar(trace_id, redactor)


def _scalar(value: object, redactor: Redacts) -> int | str:
    return value if isinstance(value, int) else redactor.text(str(value)[:256])


def _id(value: object, redactor: Redacts) -> str:
    text = str(value)
    return text if _PLAIN_ID.fullmatch(text) else redactor.text(text[:128])


def _is_code(reason: object) -> bool:
    return isinstance(reason, str) and _REASON.fullmatch(reason) is not None


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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
