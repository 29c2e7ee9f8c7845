"""Where a message came from."""

from __future__ import annotations

from collections.abc import Mapping

from logkit.tasks import LONGEST_NAME, Message


def queue_of(message: Message) -> str | None:
    """The routing key that brought the task: the name of its queue, unless the project routes otherwise."""
    delivery = message.get("delivery_info")
    name = delivery.get("routing_key") if isinstance(delivery, Mapping) else None
    return str(name)[:LONGEST_NAME] if name else None
