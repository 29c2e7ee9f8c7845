"""What an audit event is made of, as the code that emits it says it: `AuditEvent`, `Actor`, `Target`, `Receipt`.

What the surroundings know (request, task, trace, service) is added when the event is written, in `envelope.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple, Self, cast
from uuid import UUID

from logkit.audit.events.ids import uuid7

Id = str | int | UUID
ActorType = Literal["user", "staff", "service", "task", "system", "anonymous"]
Outcome = Literal["success", "failure", "denied", "unknown"]
Stage = Literal["single", "intent", "outcome"]
Tx = Literal["committed", "rolled_back", "none"]
State = Literal["written", "spooled", "deferred", "off", "below_level", "lost"]

ACTOR_TYPES: tuple[ActorType, ...] = ("user", "staff", "service", "task", "system", "anonymous")
OUTCOMES: tuple[Outcome, ...] = ("success", "failure", "denied", "unknown")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. What is left None is taken from the current context where that is about the same actor.

    `session_ref` is a pseudonym (`logkit pseudonym` makes them), never a session key. `on_behalf_of` is the id of
    the person whose rights or wish were used: the member of an impersonation, the user who started a task.
    """

    type: ActorType
    id: Id | None = None
    _: KW_ONLY
    on_behalf_of: Id | None = None
    auth_method: str | None = None
    mfa: bool | None = None
    session_ref: str | None = None
    client_ip: str | None = None

    @classmethod
    def user(
        cls,
        id_: Id,
        *,
        auth_method: str | None = None,
        mfa: bool | None = None,
        session_ref: str | None = None,
    ) -> Self:
        """A person who is logged in."""
        return cls("user", id_, auth_method=auth_method, mfa=mfa, session_ref=session_ref)

    @classmethod
    def staff(cls, id_: Id, *, on_behalf_of: Id | None = None, mfa: bool | None = None) -> Self:
        """A member of staff; `on_behalf_of` is the member who is impersonated."""
        return cls("staff", id_, on_behalf_of=on_behalf_of, mfa=mfa)

    @classmethod
    def anonymous(cls, *, auth_method: str | None = None) -> Self:
        """Somebody who is not, or not yet, known."""
        return cls("anonymous", auth_method=auth_method)

    @classmethod
    def system(cls, name: str | None = None) -> Self:
        """The service itself: a schedule, a command, a start-up step."""
        return cls("system", name)

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> Self:
        """The actor that the context speaks of.

        Read are `user_id`, `actor_type` (when the middleware knows better than "user"), `on_behalf_of`,
        `auth_method`, `mfa`, `session` and `client_ip`. In a task (`task_id`) the task is the actor and the person
        who started it is `on_behalf_of`; without anybody, a request's actor is anonymous and else it is the system.
        """
        user = _id(context.get("user_id"))
        principal = _id(context.get("on_behalf_of"))
        if "task_id" in context:
            return cls("task", _id(context.get("task")), on_behalf_of=user if user is not None else principal)
        kind = context.get("actor_type")
        if kind not in ACTOR_TYPES:
            kind = "user" if user is not None else "anonymous" if "method" in context else "system"
        mfa = context.get("mfa")
        return cls(
            cast(ActorType, kind),
            user,
            on_behalf_of=principal,
            auth_method=_text(context.get("auth_method")),
            mfa=mfa if isinstance(mfa, bool) else None,
            session_ref=_text(context.get("session")),
            client_ip=_text(context.get("client_ip")),
        )

    def completed(self, context: Mapping[str, object]) -> Self:
        """This actor with what the context adds: where they are, and, when it is about them, how they logged in."""
        if self.type in ("system", "service", "task"):
            return self
        around = Actor.from_context(context)
        if self.id is None or str(self.id) != str(around.id):
            around = replace(around, on_behalf_of=None, auth_method=None, mfa=None)
        return replace(
            self,
            on_behalf_of=around.on_behalf_of if self.on_behalf_of is None else self.on_behalf_of,
            auth_method=self.auth_method or around.auth_method,
            mfa=around.mfa if self.mfa is None else self.mfa,
            session_ref=self.session_ref or around.session_ref,
            client_ip=self.client_ip or around.client_ip,
        )


@dataclass(frozen=True, slots=True)
class Target:
    """What it was done to. `owner` is the id of the person whose it is; `circle_id` where it lives."""

    type: str
    id: Id | None = None
    _: KW_ONLY
    owner: Id | None = None
    circle_id: Id | None = None


Targets = Target | Sequence[Target] | None
_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, init=False)
class AuditEvent:
    """One event as it is stated; `logkit.audit.catalog` says what each `event` must and may carry.

    `outcome` is how it ended, `reason` a short code for it (`bad_password`; never a sentence or an exception's
    text), `change` what became different (`{"role": ["member", "owner"]}`), `detail` the rest. `id` and `time` are
    a new UUIDv7 and now, unless they are given.
    """

    event: str
    outcome: Outcome
    reason: str | None
    actor: Actor | None
    target: Targets
    detail: Mapping[str, object]
    change: Mapping[str, object] | None
    stage: Stage
    intent_id: str | None
    tx: Tx
    id: str
    time: datetime

    def __init__(
        self,
        event: str,
        *,
        outcome: Outcome = "success",
        reason: str | None = None,
        actor: Actor | None = None,
        target: Targets = None,
        detail: Mapping[str, object] = _NOTHING,
        change: Mapping[str, object] | None = None,
        stage: Stage = "single",
        intent_id: str | None = None,
        tx: Tx = "none",
        id: str | None = None,  # noqa: A002
        time: datetime | None = None,
    ) -> None:
        # At once, and so without slots: twelve stores past a frozen class took a tenth of what an event costs in all.
        self.__dict__.update(
            event=event,
            outcome=outcome,
            reason=reason,
            actor=actor,
            target=target,
            detail=detail,
            change=change,
            stage=stage,
            intent_id=intent_id,
            tx=tx,
            id=id or uuid7(),
            time=time or datetime.now(UTC),
        )

    def __repr__(self) -> str:
        return f"AuditEvent({self.event!r}, id={self.id!r})"  # the rest may be private


class Receipt(NamedTuple):
    """What became of an event.

    `state` is `written` (in the ledger, durable), `spooled` (waiting beside it, durable), `deferred` (to a commit or
    to the end of the request), `off` (AUDIT=off), `below_level` (AUDIT_LEVEL) or `lost` (a best-effort event that
    could not be written; counted in `audit.gap`). `seq` is its number in the stream, once it is written.
    """

    id: str
    stream: str
    seq: int | None
    state: State


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _id(value: object) -> Id | None:
    return value if isinstance(value, str | int | UUID) else None
