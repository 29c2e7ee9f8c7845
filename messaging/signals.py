"""What this app answers when somebody asks for everything that is kept about them."""

from __future__ import annotations

from logkit.django.receiver import receiver
from messaging.queries import written_by
from users.models import User
from users.signals import Section, personal_data


@receiver(personal_data, dispatch_uid="messaging.messages_of")
def messages_of(sender: object, *, user: User, **_: object) -> Section:
    """What they wrote and did not take back."""
    return Section(
        "messages",
        (
            {
                "id": str(message.id),
                "circle_id": str(message.circle_id),
                "body": message.body,
                "sent_at": message.sent_at.isoformat(),
                "edited_at": message.edited_at and message.edited_at.isoformat(),
            }
            for message in written_by(user)
        ),
    )
