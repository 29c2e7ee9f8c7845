"""What holds for every answer: the version, what caches and browsers may do with it, what is refused at the door."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.apps.people import a_person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["/api/csrf", "/api/me", "/api/nothing", "/api/openapi.json"])
def test_every_answer_of_the_api_has_its_headers(path):
    """Its version, and that nothing of it is kept by a cache or run by a browser."""
    headers = Client().get(path).headers
    assert headers["API-Version"] == "1"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("version", "status"), [("1", 200), ("2", 400), ("", 400), ("1, 2", 400)])
def test_a_client_gets_the_version_it_asks_for_or_none(version, status):
    """One that is not spoken is refused clearly, before anything is done."""
    answer = Client().get("/api/csrf", headers={"API-Version": version})
    assert answer.status_code == status
    assert answer.headers["API-Version"] == "1"
    if status == 400:
        assert answer.json()["error"]["code"] == "unsupported_version"


@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs", "/nothing"])
def test_pages_run_nothing_but_our_own(path):
    """A script that got into a page would be from elsewhere or inline: neither runs; nobody frames the page."""
    policy = Client().get(path).headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/me", {"Cookie": 'sessionid="\\000aaaaaaaa"'}),
        ("/api/csrf", {"Cookie": 'csrftoken="\\000"'}),
        ("/admin/", {"Cookie": 'sessionid="\\000aaaaaaaa"'}),
        ("/api/shared/%00", {}),
        ("/admin/users/loginfailures/%00/change/", {}),
    ],
)
def test_nul_is_refused_at_the_door(path, headers):
    """In a cookie or a path PostgreSQL would take it for a fault of ours."""
    assert a_person("anna").http.get(path, headers=headers).status_code == 400


def test_what_clients_may_not_set_is_refused(family):
    """A body with a field that is not the client's is not half understood."""
    for body in ({"display_name": "x", "is_staff": True}, {"display_name": "x", "id": str(family.other.id)}):
        answer = family.member.patch("/api/me", body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    family.member.user.refresh_from_db()
    assert (family.member.user.is_staff, family.member.user.display_name) == (False, "")


@pytest.mark.parametrize("body", [b"[]", b"[null]", b"0", b'"x"', b"null"])
def test_a_body_that_is_no_object_is_refused(family, body):
    """Also where every field has a default."""
    for path in (f"{family.path}/invitations", "/api/me/consents/news"):
        answer = family.owner.http.post(path, body, content_type="application/json")
        assert answer.status_code in (405, 422)
