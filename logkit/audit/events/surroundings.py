"""What stands around an event, as its line shows it: the actor and targets, the request, the task, the trace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from logkit.audit.events.encoding import encoded, members
from logkit.audit.events.event import ACTOR_TYPES, Actor, Target
from logkit.redact import is_pseudonym

# Ids that no value rule could take for something else; all others pass through the redactor.
_PLAIN = r"(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[a-z][a-z_.]{0,60}|\d{1,10})"
_is_plain = re.compile(_PLAIN).fullmatch
_are_plain = re.compile(rf"{_PLAIN}(?:\n{_PLAIN})*").fullmatch
_HEX = re.compile(r"[0-9a-f]{32}")
_REQUEST = (("id", "request_id"), ("method", "method"), ("route", "route"), ("status", "status"))
_TASK = (("id", "task_id"), ("root_id", "root_id"), ("retries", "retries"))


class Redacts(Protocol):
    """What an event needs of `logkit.redact.Redactor`."""

    def fields(self, fields: Mapping[str, Any], /) -> dict[str, Any]: ...

    def text(self, text: str, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a context says. A context does not change, so that this is made and encoded once for each."""

    context: Mapping[str, object]
    actor: Actor
    shown_actor: bytes
    parts: bytes  # the members request, task and trace_id


def look_around(context: Mapping[str, object], redactor: Redacts) -> Surroundings:
    known = dict(context)
    actor = Actor.from_context(known)
    parts: dict[str, Any] = {}
    if "request_id" in known or "method" in known:
        parts["request"] = _named(known, _REQUEST, redactor)
    if "task_id" in known:
        parts["task"] = _named(known, _TASK, redactor)
    if (trace_id := known.get("trace_id")) is not None:
        plain = isinstance(trace_id, str) and _HEX.fullmatch(trace_id)
        parts["trace_id"] = trace_id if plain else redactor.text(str(trace_id)[:256])
    return Surroundings(known, actor, encoded(shown_actor(actor, redactor)), members(parts))


def shown_actor(actor: Actor, redactor: Redacts) -> dict[str, Any]:
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


def shown_target(target: Target, redactor: Redacts) -> dict[str, str]:
    shown: dict[str, Any] = {"type": target.type}
    if target.id is not None:
        shown["id"] = target.id
    if target.owner is not None:
        shown["owner"] = target.owner
    if target.circle_id is not None:
        shown["circle_id"] = target.circle_id
    try:
        if _are_plain("\n".join(shown.values())):  # one look for all of them
            return shown
    except TypeError:
        pass  # there are others than texts among them
    return {name: _id(value, redactor) for name, value in shown.items()}


def _named(
    known: Mapping[str, object], names: tuple[tuple[str, str], ...], redactor: Redacts
) -> dict[str, int | str]:
    found: dict[str, int | str] = {}
    for ours, name in names:
        value = known.get(name)
        if isinstance(value, int):
            found[ours] = value
        elif value is not None:
            text = str(value)
            found[ours] = text if _is_plain(text) else redactor.text(text[:256])
    return found


def _id(value: object, redactor: Redacts) -> str:
    text = value if type(value) is str else str(value)
    return text if _is_plain(text) else redactor.text(text[:128])
