"""One more row of everything, for tests that ask what many rows cost or show."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from keeps.models import Export, Keep, ShareLink
from messaging.models import Delivery, Message, Receipt
from tests.apps.people import Family
from users.models import Consent, Impersonation, Invitation, LoginFailures, Membership, PersonalExport, User

SECRET = "Grandmother's plum cake"  # what people wrote


def one_more(family: Family) -> None:
    """A row of every model, of one person who joined the circle."""
    mark = uuid4().hex
    now, later = timezone.now(), timezone.now() + timedelta(days=1)
    person = User.objects.create_user(f"{mark}@people.example", display_name=mark)
    Membership.objects.create(circle=family.circle, user=person)
    family.owner.user.memberships.create(
        circle=family.circle.__class__.objects.create(name=mark), role="owner"
    )
    Invitation.objects.create(
        circle=family.circle, email=f"guest{mark}@people.example", token_digest=2 * mark, expires_at=later
    )
    for user in (person, family.owner.user):
        Consent.objects.create(user=user, purpose="news", version="1", granted=True)
        PersonalExport.objects.create(user=user, state="ready")
    Impersonation.objects.create(staff=family.staff.user, member=person, reason="incident", ticket="T-1")
    LoginFailures.objects.create(identifier=2 * mark, since=now)
    message = Message.objects.create(circle=family.circle, author=person, body=SECRET)
    Delivery.objects.create(message=message, recipient=family.owner.user)
    first = Message.objects.filter(circle=family.circle).order_by("sent_at", "id")[0]
    for read in {first, message}:
        Receipt.objects.create(message=read, reader=person)
    keep = Keep.objects.create(
        circle=family.circle,
        owner=person,
        caption=SECRET,
        media="keeps/picture.jpg",
        mime="image/jpeg",
        bytes=1,
        sha256=2 * mark,
        state="ready",
        processed_at=now,
    )
    first_keep = Keep.objects.filter(circle=family.circle).order_by("created_at", "id")[0]
    for shared, digest in {first_keep: 2 * mark, keep: mark}.items():
        ShareLink.objects.create(keep=shared, created_by=person, digest=digest, expires_at=later)
    Export.objects.create(circle=family.circle, requested_by=person)
