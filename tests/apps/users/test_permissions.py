"""Every endpoint of this app against everybody: stranger, member, admin, owner, staff and nobody."""

from __future__ import annotations

from uuid import uuid4

import pytest

from mysite.api import openapi
from users.models import Impersonation, Invitation, PersonalExport

WHO = ("anonymous", "stranger", "staff", "member", "admin", "owner")

# What each of WHO is answered; a person's own things (`me`) are the same for everybody who is logged in.
MATRIX = {
    ("get", "/api/csrf"): (200,) * 6,
    ("post", "/api/session"): (401,) * 6,
    ("delete", "/api/session"): (401, *(204,) * 5),
    ("post", "/api/users"): (422,) * 6,
    ("post", "/api/confirmations"): (410,) * 6,
    ("post", "/api/password-resets"): (202,) * 6,
    ("put", "/api/password-resets"): (410,) * 6,
    ("get", "/api/me"): (401, *(200,) * 5),
    ("patch", "/api/me"): (401, *(200,) * 5),
    ("post", "/api/me/confirmation"): (401, *(202,) * 5),
    ("put", "/api/me/password"): (401, *(401,) * 5),
    ("post", "/api/me/deactivation"): (401, *(401,) * 5),
    ("get", "/api/me/consents"): (401, *(200,) * 5),
    ("put", "/api/me/consents/{purpose}"): (401, *(200,) * 5),
    ("get", "/api/me/exports"): (401, *(200,) * 5),
    ("post", "/api/me/exports"): (401, *(202,) * 5),
    ("get", "/api/me/exports/{export_id}/download"): (401, *(404,) * 5),
    ("put", "/api/me/deletion"): (401, *(401,) * 5),
    ("delete", "/api/me/deletion"): (401, *(409,) * 5),
    ("get", "/api/circles"): (401, *(200,) * 5),
    ("post", "/api/circles"): (401, *(201,) * 5),
    ("get", "/api/circles/{circle_id}"): (401, 404, 404, 200, 200, 200),
    ("patch", "/api/circles/{circle_id}"): (401, 404, 404, 403, 200, 200),
    ("delete", "/api/circles/{circle_id}"): (401, 404, 404, 403, 403, 204),
    ("put", "/api/circles/{circle_id}/owner"): (401, 404, 404, 403, 403, 200),
    ("get", "/api/circles/{circle_id}/members"): (401, 404, 404, 200, 200, 200),
    ("patch", "/api/circles/{circle_id}/members/{user_id}"): (401, 404, 404, 403, 403, 200),
    ("delete", "/api/circles/{circle_id}/members/{user_id}"): (401, 404, 404, 403, 204, 204),
    ("get", "/api/circles/{circle_id}/invitations"): (401, 404, 404, 403, 200, 200),
    ("post", "/api/circles/{circle_id}/invitations"): (401, 404, 404, 403, 201, 201),
    ("post", "/api/circles/{circle_id}/invitations/{invitation_id}/resend"): (401, 404, 404, 403, 200, 200),
    ("delete", "/api/circles/{circle_id}/invitations/{invitation_id}"): (401, 404, 404, 403, 204, 204),
    ("post", "/api/invitations/accept"): (401, *(404,) * 5),
    ("post", "/api/staff/impersonation"): (401, 403, 201, 403, 403, 403),
    ("delete", "/api/staff/impersonation"): (401, *(409,) * 5),
}
BODIES = {
    "/api/session": {"email": "nobody@people.example", "password": "wrong"},
    "/api/users": {"email": "new@people.example", "password": "123", "display_name": "New"},
    "/api/confirmations": {"token": "x"},
    "/api/password-resets": {"email": "nobody@people.example", "token": "x", "password": "correct-horse-7"},
    "/api/me": {"display_name": "Me"},
    "/api/me/password": {"current": "wrong", "new": "correct-horse-7"},
    "/api/me/deactivation": {"password": "wrong"},
    "/api/me/consents/{purpose}": {"version": "1", "granted": True},
    "/api/me/deletion": {"password": "wrong"},
    "/api/circles": {"name": "New"},
    "/api/circles/{circle_id}": {"name": "New"},
    "/api/circles/{circle_id}/members/{user_id}": {"role": "admin"},
    "/api/circles/{circle_id}/invitations": {"email": "guest@people.example"},
    "/api/circles/{circle_id}/invitations/{invitation_id}/resend": {"delivery": "link"},
    "/api/invitations/accept": {"token": "x"},
}
TAGS = {"sessions", "account", "circles", "invitations", "privacy", "staff"}


def test_the_matrix_names_every_endpoint():
    """An endpoint that is added without a row here fails this test."""
    paths = openapi()["paths"]
    ours = {
        (method, path)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if TAGS & set(operation.get("tags", ()))
    }
    assert ours == set(MATRIX)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("method", "path"), MATRIX)
def test_everybody_at_every_endpoint(family, method, path, who):
    """The answer is the one in the table, with an error body that names the request."""
    target = family.other
    invitation = Invitation.objects.create(
        circle=family.circle,
        email="late@people.example",
        token_digest="0" * 64,
        expires_at="2100-01-01T00:00:00Z",
    )
    export = PersonalExport.objects.create(user=target.user, state="ready")
    names = {
        "circle_id": family.circle.id,
        "user_id": target.id,
        "invitation_id": invitation.id,
        "export_id": export.id,
        "purpose": "news",
    }
    body = BODIES.get(path)
    if path.endswith("/owner"):
        body = {"user_id": str(target.id)}
    if path == "/api/staff/impersonation":
        body = {"user_id": str(target.id), "reason": "support_request", "ticket": "T-1"}
    call = getattr(family[who], method)
    given = {} if method in ("get", "delete") else {"given": body or {}}
    answer = call(path.format(**names), **given)
    assert answer.status_code == MATRIX[method, path][WHO.index(who)], answer.content
    if answer.status_code >= 400:
        error = answer.json()["error"]
        assert error["request_id"] == answer.headers["X-Request-ID"]
        assert error["code"]
        assert error["message"]


@pytest.mark.parametrize("who", ["stranger", "staff"])
def test_what_is_not_there_looks_like_what_is_not_yours(family, who):
    """An outsider cannot tell a circle that exists from one that does not."""
    real, fake = (family[who].get(path) for path in (family.path, f"/api/circles/{uuid4()}"))
    assert real.status_code == fake.status_code == 404
    assert real.json()["error"]["message"] == fake.json()["error"]["message"]


def test_no_one_became_somebody_else(family):
    """The table's refusals leave no impersonation behind."""
    given = {"user_id": str(family.other.id), "reason": "support_request", "ticket": "T-1"}
    assert family.owner.post("/api/staff/impersonation", given).status_code == 403
    assert not Impersonation.objects.exists()
