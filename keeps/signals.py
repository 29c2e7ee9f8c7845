"""What this app answers when somebody asks for everything that is kept about them."""

from __future__ import annotations

from keeps.queries import owned_by
from logkit.django.receiver import receiver
from users.models import User
from users.signals import Section, personal_data


@receiver(personal_data, dispatch_uid="keeps.keeps_of")
def keeps_of(sender: object, *, user: User, **_: object) -> Section:
    """What is known of their keeps; the files themselves can be downloaded one by one or with their circle."""
    return Section(
        "keeps",
        (
            {
                "id": str(keep.id),
                "circle_id": str(keep.circle_id),
                "caption": keep.caption,
                "mime": keep.mime,
                "bytes": keep.bytes,
                "sha256": keep.sha256,
                "state": keep.state,
                "created_at": keep.created_at.isoformat(),
                "deleted_at": keep.deleted_at and keep.deleted_at.isoformat(),
            }
            for keep in owned_by(user)
        ),
    )
