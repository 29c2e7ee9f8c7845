"""From a stated event to the bytes of a ledger line: checked against the catalog, redacted, bounded, encoded.

Format: the event schema `v` 1 of docs/reference/audit-events.md. The ledger adds `seq` and `prev` in front.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from logkit.audit import catalog
from logkit.audit.events.encoding import encoded, members
from logkit.audit.events.event import ACTOR_TYPES, OUTCOMES, Actor, AuditEvent, Target
from logkit.audit.events.surroundings import Redacts, Surroundings, look_around, shown_actor, shown_target
from logkit.context import Context, current_context
from logkit.errors import AuditSchemaError

VERSION = 1
MAX_BODY_BYTES = 16_000  # a ledger line has 16 KiB; seq, prev and the newline take less than 120 bytes
_MAX_TARGETS = 50
_MAX_NAMES = 20

_REASON = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")
_WORDS = re.compile(r"[a-z_.:-]*")  # a code that no value rule could take for something else


class Envelope(NamedTuple):
    """An event ready for the ledger: `body` is a JSON object without `seq` and `prev`."""

    id: str
    kind: catalog.EventType
    closed: bool
    body: bytes


class Sealer:
    """Makes envelopes, for one configuration. Thread-safe.

    What recurs is encoded once: by type (`_opening`), by context (`Surroundings`), by process (`closing`). `strict`:
    what the catalog does not allow raises `AuditSchemaError`; else it is written with `schema_error`.
    """

    def __init__(self, redactor: Redacts, service: Mapping[str, str], *, strict: bool) -> None:
        self._redactor = redactor
        self._strict = strict
        self._closing = members({"service": service, "v": VERSION}) + b"}"
        self._last = _Last()

    def seal_up(self, event: AuditEvent, context: Mapping[str, object] | None = None) -> Envelope:
        """The envelope of `event`; `context` None is the current one."""
        redactor = self._redactor
        around = self._around(current_context() if context is None else context)
        kind = catalog.find(event.event)
        if event.actor is None:
            actor, who = around.actor, around.shown_actor
        else:
            actor = event.actor.completed(around.context)
            who = encoded(shown_actor(actor, redactor))
        reason, detail = event.reason, event.detail
        if "reason" in detail:
            reason, detail = _without_reason(reason, detail)
        faults = _faults(event, kind, actor, reason)
        if faults and self._strict:
            raise AuditSchemaError(f"audit event {event.event!r}: {'; '.join(faults)}")
        known = kind or catalog.unknown(event.event)
        name = event.event if kind else redactor.text(str(event.event)[:128])
        outcome = event.outcome if event.outcome in OUTCOMES else "unknown"
        moment: datetime | str = event.time
        if event.time.tzinfo is not UTC or not event.time.microsecond:
            moment = _utc(event.time)
        told = _told(event, kind, detail, redactor)
        if faults:
            told["schema_error"] = redactor.text("; ".join(faults)[:500])
        parts = [
            encoded({"id": event.id, "time": moment})[:-1],
            _opening(known.stream, name, known.severity, event.stage, outcome, event.tx),
            b"" if reason is event.intent_id is None else _end(event, reason, redactor),
            b',"actor":',
            who,
            members(told),
            around.parts,
            self._closing,
        ]
        body = b"".join(parts)
        while len(body) > MAX_BODY_BYTES and _shortened(told):
            parts[_TOLD] = members(told)
            body = b"".join(parts)
        return Envelope(event.id, known, known.is_closed(actor.type), body)

    def _around(self, context: Mapping[str, object]) -> Surroundings:
        """What `context` says; a thread remembers its last one, because events of one request come in a row."""
        last = self._last
        if last.context is context and last.around is not None:
            return last.around
        around = look_around(context, self._redactor)
        if isinstance(context, Context):  # others may change
            last.context, last.around = context, around
        return around


class _Last(threading.local):
    """The last context that a thread stated an event in, and how that looks."""

    context: Context | None = None
    around: Surroundings | None = None


_TOLD = 5  # which of the parts varies in length


@lru_cache(maxsize=1024)
def _opening(stream: str, name: str, severity: str, stage: str, outcome: str, tx: str) -> bytes:
    return members(
        {
            "stream": stream,
            "event": name,
            "severity": severity,
            "stage": stage,
            "outcome": outcome,
            "tx": tx,
        }
    )


def _end(event: AuditEvent, reason: str | None, redactor: Redacts) -> bytes:
    """Which intent it ends, and why so."""
    fields = {}
    if event.intent_id is not None:
        fields["intent_id"] = event.intent_id
    if reason is not None:
        code = reason if _is_code(reason) else "unspecified"
        fields["reason"] = code if _WORDS.fullmatch(code) else redactor.text(code)
    return members(fields)


def _faults(
    event: AuditEvent, kind: catalog.EventType | None, actor: Actor, reason: str | None
) -> Sequence[str]:
    if kind is None:
        return ["no such event type; declare it with catalog.declare() beside the project's audit helpers"]
    faults = []
    if kind.must_know or event.stage != "single" or not kind.must_tell <= event.detail.keys():
        missing = [name for name in _expected(event, kind) if not _has(name, event, actor)]
        if missing:
            faults.append(f"{', '.join(missing)} must be given")
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


def _without_reason(
    reason: str | None, detail: Mapping[str, object]
) -> tuple[str | None, Mapping[str, object]]:
    """A code that was given as detail moves to the top; a sentence (why staff act as a member) stays there."""
    told = detail["reason"]
    if reason is None and not _is_code(told):
        return None, detail
    return reason or str(told), {name: value for name, value in detail.items() if name != "reason"}


def _told(
    event: AuditEvent, kind: catalog.EventType | None, detail: Mapping[str, object], redactor: Redacts
) -> dict[str, Any]:
    """What the event itself says: of its detail what the catalog allows, and the names of the rest."""
    told: dict[str, Any] = {}
    dropped: list[str] = []
    target = event.target
    if isinstance(target, Target):
        told["target"] = [shown_target(target, redactor)]
    elif target:
        told["target"] = [shown_target(each, redactor) for each in target[:_MAX_TARGETS]]
        dropped += ["target"] if len(target) > _MAX_TARGETS else []
    if event.change:
        told["change"] = redactor.fields(event.change)
    if kind is not None and not detail.keys() <= kind.detail_names:
        strangers = [redactor.text(str(name)[:64]) for name in detail if name not in kind.detail_names]
        detail = {name: value for name, value in detail.items() if name in kind.detail_names}
        dropped = [*strangers[:_MAX_NAMES], *dropped]
    if detail:
        told["detail"] = redactor.fields(detail)
    if dropped:
        told["dropped"] = dropped
    return told


def _is_code(reason: object) -> bool:
    return isinstance(reason, str) and _REASON.fullmatch(reason) is not None


def _utc(moment: datetime) -> str:
    """With microseconds even when there are none: times are compared as text, too."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _shortened(told: dict[str, Any]) -> bool:
    """Drop the longest part that is not needed to know who did what to what; False when nothing is left to drop."""
    told["truncated"] = True
    if detail := told.get("detail"):
        longest = max(detail, key=lambda name: len(encoded(detail[name])))
        del detail[longest]
        dropped = longest
    elif "change" in told:
        del told["change"]
        dropped = "change"
    elif len(told.get("target", ())) > 1:
        told["target"] = told["target"][:1]
        dropped = "target"
    else:
        return False
    told["dropped"] = [*told.get("dropped", ()), dropped][:_MAX_NAMES]
    return True
