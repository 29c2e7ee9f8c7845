"""Every endpoint against everybody: nobody, a stranger, staff, a member, the author, an admin and the owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from keeps.models import Export, Keep, ShareLink
from messaging.models import Message
from mysite.api import openapi
from mysite.openapi import operations
from tests.apps.keeps.pictures import picture
from tests.apps.people import Family, a_family, a_person
from tests.apps.people import files as files
from users import tokens
from users.models import Impersonation, Invitation, Membership, PersonalExport

# `staff` is a superuser who is in no circle; `author` wrote the message and uploaded the keep, `member` did neither.
WHO = ("anonymous", "stranger", "staff", "member", "author", "admin", "owner")


def anybody(status: int) -> tuple[int, ...]:
    return (status,) * 7


def person(status: int) -> tuple[int, ...]:
    """Whoever is logged in; it is about their own things."""
    return (401, *(status,) * 6)


def in_circle(*statuses: int) -> tuple[int, ...]:
    """Member, author, admin, owner; for all others it does not exist."""
    return (401, 404, 404, *statuses)


def members(status: int) -> tuple[int, ...]:
    return in_circle(status, status, status, status)


def runners(status: int) -> tuple[int, ...]:
    return in_circle(403, 403, status, status)


def owner_only(status: int) -> tuple[int, ...]:
    return in_circle(403, 403, 403, status)


def author_only(status: int) -> tuple[int, ...]:
    return in_circle(403, status, 403, 403)


def managers(status: int) -> tuple[int, ...]:
    """Its author, and who runs the circle."""
    return in_circle(403, status, status, status)


CIRCLE = "/api/circles/{circle_id}"
MESSAGE = CIRCLE + "/messages/{message_id}"
INVITATION = CIRCLE + "/invitations/{invitation_id}"
KEEP = "/api/keeps/{keep_id}"
MATRIX = {
    ("get", "/api/csrf"): anybody(200),
    ("post", "/api/session"): anybody(401),
    ("delete", "/api/session"): person(204),
    ("post", "/api/users"): anybody(422),
    ("post", "/api/confirmations"): anybody(410),
    ("post", "/api/password-resets"): anybody(202),
    ("put", "/api/password-resets"): anybody(410),
    ("get", "/api/me"): person(200),
    ("patch", "/api/me"): person(200),
    ("put", "/api/me/password"): person(401),
    ("post", "/api/me/deactivation"): person(401),
    ("get", "/api/me/consents"): person(200),
    ("put", "/api/me/consents/{purpose}"): person(200),
    ("get", "/api/me/exports"): person(200),
    ("post", "/api/me/exports"): person(202),
    ("get", "/api/me/exports/{export_id}/download"): person(404),
    ("put", "/api/me/deletion"): person(401),
    ("delete", "/api/me/deletion"): person(409),
    ("post", "/api/staff/impersonation"): (401, 403, 201, 403, 403, 403, 403),
    ("delete", "/api/staff/impersonation"): person(409),
    ("get", "/api/circles"): person(200),
    ("post", "/api/circles"): person(201),
    ("get", CIRCLE): members(200),
    ("patch", CIRCLE): runners(200),
    ("delete", CIRCLE): owner_only(204),
    ("put", CIRCLE + "/owner"): owner_only(200),
    ("get", CIRCLE + "/members"): members(200),
    ("patch", CIRCLE + "/members/{user_id}"): owner_only(200),
    ("delete", CIRCLE + "/members/{user_id}"): runners(204),
    ("get", CIRCLE + "/invitations"): runners(200),
    ("post", CIRCLE + "/invitations"): runners(201),
    ("post", INVITATION + "/resend"): runners(200),
    ("delete", INVITATION): runners(204),
    ("post", "/api/invitations/accept"): (401, *(403,) * 6),
    ("get", CIRCLE + "/messages"): members(200),
    ("post", CIRCLE + "/messages"): members(201),
    ("get", MESSAGE): members(200),
    ("patch", MESSAGE): author_only(200),
    ("delete", MESSAGE): managers(204),
    ("put", MESSAGE + "/receipt"): members(200),
    ("get", MESSAGE + "/receipts"): members(200),
    ("post", MESSAGE + "/keep"): members(201),
    ("get", CIRCLE + "/keeps"): members(200),
    ("post", CIRCLE + "/keeps"): members(201),
    ("get", KEEP): members(200),
    ("delete", KEEP): managers(204),
    ("get", KEEP + "/media"): members(200),
    ("get", KEEP + "/thumbnail"): members(200),
    ("post", KEEP + "/archive"): managers(200),
    ("post", KEEP + "/restore"): managers(409),
    ("post", KEEP + "/process"): managers(409),
    ("get", KEEP + "/shares"): members(200),
    ("post", KEEP + "/shares"): managers(201),
    ("delete", KEEP + "/shares/{share_id}"): managers(204),
    ("get", "/api/shared/{token}"): anybody(200),
    ("post", CIRCLE + "/exports"): runners(202),
    ("get", "/api/exports/{export_id}"): (401, *(404,) * 5, 200),
    ("get", "/api/exports/{export_id}/download"): (401, *(404,) * 5, 200),
}
SHARE_TOKEN, INVITATION_TOKEN = (tokens.mint(kind)[0] for kind in ("share", "invite"))
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/api/session"): {"email": "nobody@people.example", "password": "wrong"},
    ("post", "/api/users"): {"email": "new@people.example", "password": "123", "display_name": "New"},
    ("post", "/api/confirmations"): {"token": "x", "password": "x"},
    ("post", "/api/password-resets"): {"email": "nobody@people.example"},
    ("put", "/api/password-resets"): {"token": "x", "password": "correct-horse-7"},
    ("patch", "/api/me"): {"display_name": "Me"},
    ("put", "/api/me/password"): {"current": "wrong", "new": "correct-horse-7"},
    ("post", "/api/me/deactivation"): {"password": "wrong"},
    ("put", "/api/me/consents/{purpose}"): {"version": "1", "granted": True},
    ("put", "/api/me/deletion"): {"password": "wrong"},
    ("post", "/api/circles"): {"name": "New"},
    ("patch", CIRCLE): {"name": "New"},
    ("patch", CIRCLE + "/members/{user_id}"): {"role": "admin"},
    ("post", CIRCLE + "/invitations"): {"email": "guest@people.example"},
    ("post", INVITATION + "/resend"): {"delivery": "link"},
    ("post", "/api/invitations/accept"): {"token": INVITATION_TOKEN},
    ("post", CIRCLE + "/messages"): {"body": "x"},
    ("patch", MESSAGE): {"body": "x"},
}


def test_the_matrix_names_every_endpoint() -> None:
    """An endpoint that is added without a row here fails this test."""
    assert {(method, path) for path, method, _ in operations(openapi())} == set(MATRIX)


@pytest.fixture
def everybody(db: None, files: Any) -> Family:
    return a_family()


@pytest.fixture
def things(everybody: Family) -> dict[str, UUID | str]:
    """One of everything, none of it by whoever is not meant to have anything to do with it."""
    circle, author = everybody.circle, everybody.member.user
    target = a_person("target")
    Membership.objects.create(circle=circle, user=target.user)
    now = timezone.now()
    message = Message.objects.create(circle=circle, author=author, body="Dinner at seven")
    keep = Keep(circle=circle, owner=author, mime="image/jpeg", bytes=1, sha256="0" * 64)
    keep.state, keep.processed_at = "ready", now
    keep.media.save("picture.jpg", ContentFile(b"x"), save=False)
    keep.thumbnail.save("thumbnail.webp", ContentFile(b"x"), save=False)
    keep.save()
    link = ShareLink.objects.create(
        keep=keep, created_by=author, digest=tokens.digest(SHARE_TOKEN), expires_at=now + timedelta(days=1)
    )
    invitation = Invitation.objects.create(
        circle=circle,
        email="late@people.example",
        token_digest=tokens.digest(INVITATION_TOKEN),
        expires_at=now + timedelta(days=1),
    )
    export = Export(circle=circle, requested_by=everybody.owner.user, state="ready", bytes=1, expires_at=now)
    export.save()
    export.path.parent.mkdir(parents=True)
    export.path.write_bytes(b"x")
    PersonalExport.objects.create(id=export.id, user=target.user, state="ready")
    return {
        "circle_id": circle.id,
        "user_id": target.id,
        "message_id": message.id,
        "keep_id": keep.id,
        "share_id": link.id,
        "token": SHARE_TOKEN,
        "invitation_id": invitation.id,
        "export_id": export.id,
        "purpose": "news",
    }


@contextmanager
def undone() -> Iterator[None]:
    """What one person did is not there for the next."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize(("method", "path"), MATRIX)
def test_everybody_at_every_endpoint(everybody, things, method, path):
    """Everybody's answer is the one in the table; a refusal has a body that names the request."""
    names = {"author": "member", "member": "other"}
    answers = {}
    for who in WHO:
        with undone():
            answer = answers[who] = call(everybody[names.get(who, who)], method, path, things)
        if answer.status_code >= 400:
            error = answer.json()["error"]
            assert error["request_id"] == answer.headers["X-Request-ID"]
            assert error["code"]
            assert error["message"]
    statuses = {who: answer.status_code for who, answer in answers.items()}
    assert statuses == dict(zip(WHO, MATRIX[method, path], strict=True))


def call(person: Any, method: str, path: str, things: dict[str, Any]) -> Any:
    url = path.format(**things)
    if (method, path) == ("post", CIRCLE + "/keeps"):
        return person.upload(url, file=SimpleUploadedFile("x.jpg", picture()))
    if method in ("get", "delete"):
        return getattr(person, method)(url)
    body = BODIES.get((method, path), {})
    if path.endswith("/owner"):
        body = {"user_id": str(things["user_id"])}
    if path == "/api/staff/impersonation":
        body = {"user_id": str(things["user_id"]), "reason": "support_request", "ticket": "T-1"}
    return getattr(person, method)(url, body)


@pytest.mark.parametrize("who", ["stranger", "staff"])
@pytest.mark.parametrize("path", [path for method, path in MATRIX if method == "get" and "_id" in path])
def test_what_is_not_there_looks_like_what_is_not_yours(everybody, things, who, path):
    """An outsider cannot tell what exists from what does not."""
    nothing = {name: uuid4() for name in things}
    real, fake = (everybody[who].get(path.format(**names)) for names in (things, nothing))
    assert real.status_code == fake.status_code == 404
    assert real.json()["error"]["message"] == fake.json()["error"]["message"]


def test_no_one_became_somebody_else(everybody, things):
    """The table's refusals leave no impersonation behind."""
    given = {"user_id": str(things["user_id"]), "reason": "support_request", "ticket": "T-1"}
    assert everybody.owner.post("/api/staff/impersonation", given).status_code == 403
    assert not Impersonation.objects.exists()
