"""Messages on their way: published, received, and those that never become an attempt."""

from __future__ import annotations

from functools import wraps
from typing import Any

from celery import signals
from loguru import logger

from logkit import carrier
from logkit.celery.queues import queue_of
from logkit.context import Context, Scope, current_context, get_context, set_context
from logkit.pipeline import takes
from logkit.tasks import OF_A_TASK, packed, task_fields

_LONGEST = 200
_SENT = ("task_id", "task", "root_id", "parent_id", "retries")
_MARK = "_logkit_tells"


def connect() -> None:
    signals.before_task_publish.connect(_publish, weak=False, dispatch_uid="logkit.publish")
    signals.after_task_publish.connect(_published, weak=False, dispatch_uid="logkit.published")
    signals.task_received.connect(_received, weak=False, dispatch_uid="logkit.received")
    signals.task_revoked.connect(_revoked, weak=False, dispatch_uid="logkit.revoked")
    signals.task_rejected.connect(_rejected, weak=False, dispatch_uid="logkit.rejected")
    signals.task_unknown.connect(_unknown, weak=False, dispatch_uid="logkit.unknown")
    signals.worker_init.connect(_tell_undecodable, weak=False, dispatch_uid="logkit.tell_undecodable")


def _publish(headers: dict[str, Any] | None = None, body: object = None, **_: object) -> None:
    """Put the carrier under our one key: a retry, which sends its own headers again, replaces it. (C05)"""
    if headers is not None and (task_id := _task_id(headers, body)):
        headers[carrier.HEADER] = packed(current_context(), task_id)


def _task_id(headers: dict[str, Any], body: object) -> object:
    """Celery's first protocol keeps it in the body."""
    return headers.get("id") or (body.get("id") if isinstance(body, dict) else None)


def _published(
    sender: str | None = None,
    headers: dict[str, Any] | None = None,
    body: object = None,
    routing_key: str | None = None,
    **_: object,
) -> None:
    """The line is the sender's and names the task that is sent, as which attempt, and whose child it is."""
    if not takes("DEBUG"):
        return
    message = headers or {}
    fields = task_fields(message, task_id=_task_id(message, body), task=sender)
    named = {name: fields[name] for name in _SENT if name in fields}
    own = {name: value for name, value in current_context().items() if name not in OF_A_TASK}
    _say("DEBUG", "task.published", {**own, **named}, queue=routing_key)


def _received(request: Any, **_: object) -> None:
    if takes("DEBUG"):
        _say(
            "DEBUG", "task.received", task_fields(request.request_dict, task_id=request.id, task=request.name)
        )


def _revoked(request: Any, terminated: bool, signum: object, expired: bool, **_: object) -> None:
    """It did not run, or was ended, because somebody said so."""
    fields = task_fields(request, task_id=request.id, task=request.task)
    told = {"queue": queue_of(request), "worker": request.hostname, "outcome": "revoked"}
    why = {"terminated": bool(terminated), "expired": bool(expired)}
    _say("WARNING", "task.revoked", fields, **told, **why, **({"signal": str(signum)} if signum else {}))


def _unknown(sender: Any, message: Any, name: object, id: object, **_: object) -> None:  # noqa: A002 - Celery's name
    """No task of this name is registered; Celery's own line shows the arguments, and is folded into this one."""
    fields = task_fields(_headers(message), task_id=id, task=name)
    _say("ERROR", "task.unknown", fields, **_place(sender, message), outcome="unknown")


def _rejected(sender: Any, message: Any, exc: BaseException | None = None, **_: object) -> None:
    """A message that is no task, or one that cannot be read."""
    headers = _headers(message)
    fields: dict[str, object] = {}
    if task_id := headers.get("id"):
        fields = task_fields(headers, task_id=task_id, task=headers.get("task") or "unknown")
    told = {**_place(sender, message), "content_type": str(message.content_type)[:_LONGEST]}
    if exc is None:
        told["reason"] = "no task"
    else:
        told |= {"exception_type": type(exc).__qualname__, "reason": str(exc)[:_LONGEST]}
    _say("ERROR", "task.rejected", fields, **told, outcome="rejected")


def _tell_undecodable(**_: object) -> None:
    """Celery has no signal for a body that is no JSON, and says it with the body."""
    from celery.worker.consumer import Consumer

    original = Consumer.on_decode_error
    if hasattr(original, _MARK):
        return

    @wraps(original)
    def on_decode_error(self: Any, message: Any, exc: Exception) -> None:
        _rejected(self, message, exc)
        original(self, message, exc)

    setattr(on_decode_error, _MARK, True)
    Consumer.on_decode_error = on_decode_error  # type: ignore[method-assign]


def _headers(message: Any) -> dict[str, Any]:
    return message.headers if isinstance(message.headers, dict) else {}


def _place(consumer: Any, message: Any) -> dict[str, object]:
    """Where the message was met."""
    return {
        "queue": queue_of({"delivery_info": message.delivery_info}),
        "worker": getattr(consumer, "hostname", None),
    }


def _say(level: str, event: str, context: dict[str, object], **fields: object) -> None:
    """One line in the context of a task that is not running here."""
    outer = get_context()
    set_context(Context(context, Scope()))
    try:
        logger.bind(**fields).log(level, event)  # logkit: ignore[LK101] a literal of our callers
    finally:
        set_context(outer)
