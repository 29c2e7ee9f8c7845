"""Every event that this app logs; docs/reference/events-messaging.md is made of it, a test provokes each one."""

from __future__ import annotations

from mysite.events import Event

_MESSAGE = ("circle_id", "message_id")
_DELIVERY = (*_MESSAGE, "delivery_id", "recipient_id", "attempts")
_MOVE = (*_DELIVERY, "state_from", "state_to", "elapsed_ms")
_CALL = ("target", "status", "duration_ms", "attempt")

EVENTS = {
    "message.sent": Event("INFO", (*_MESSAGE, "characters"), "A member told the circle something."),
    "message.edited": Event("INFO", (*_MESSAGE, "characters"), "Its author said it differently."),
    "message.deleted": Event("INFO", (*_MESSAGE, "own"), "Taken back, body and all; `own`: by its author."),
    "message.read": Event("INFO", _MESSAGE, "A member read it for the first time."),
    "message.fanned_out": Event(
        "INFO", (*_MESSAGE, "deliveries"), "A delivery was created for every other member."
    ),
    "push.accepted": Event("INFO", _CALL, "The push gateway took a push."),
    "push.failed": Event(
        "WARNING", (*_CALL, "reason"), "The gateway refused a push, cut it off or did not answer in time."
    ),
    "delivery.sent": Event("INFO", _MOVE, "A recipient was notified; `elapsed_ms` since the message."),
    "delivery.postponed": Event(
        "INFO", (*_DELIVERY, "reason", "retry_in_s"), "An attempt failed and will be repeated."
    ),
    "delivery.failed": Event(
        "WARNING",
        (*_MOVE, "reason"),
        "The gateway will never take it, or it was withdrawn before it went out.",
    ),
    "delivery.gave_up": Event(
        "ERROR", (*_MOVE, "reason"), "Every attempt failed: this recipient was not notified."
    ),
    "delivery.recovered": Event(
        "WARNING",
        ("messages", "deliveries"),
        "Work that a lost worker or broker left behind was published again.",
    ),
}
