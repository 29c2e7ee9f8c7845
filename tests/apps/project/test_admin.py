"""What staff see in the admin: useful lists and pages, never what people wrote, and nothing to change."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.apps.people import Family, a_family
from tests.apps.rows import SECRET, one_more
from users.models import User

OURS = {
    f"{model._meta.app_label}/{model._meta.model_name}": model
    for model in admin.site._registry
    if model._meta.app_label in ("users", "messaging", "keeps")
}
READ_ONLY = [name for name in OURS if name != "users/user"]
ADDRESSES_SHOWN = ("users/user", "users/invitation")  # whom to help is found by their address, on one page


@pytest.fixture
def everybody(db: None) -> Family:
    return a_family()


def page(everybody, path):
    answer = everybody.staff.get(f"/admin/{path}")
    assert answer.status_code == 200, path
    return answer.content.decode().replace("staff@people.example", "")  # who is looking


def test_every_table_that_holds_what_people_did_has_a_page():
    """Who is on call finds each thing that an event names."""
    assert set(OURS) == {
        *(f"users/{name}" for name in ("user", "circle", "membership", "invitation", "consent")),
        *(f"users/{name}" for name in ("personalexport", "impersonation", "loginfailures")),
        *(f"messaging/{name}" for name in ("message", "delivery", "receipt")),
        *(f"keeps/{name}" for name in ("keep", "sharelink", "export")),
    }


@pytest.mark.parametrize("name", OURS)
def test_a_list_costs_the_same_for_many_as_for_few_and_tells_nothing_private(everybody, trail, name):
    """No query per row; no body, caption, digest or address of somebody else; the trail knew before."""
    costs = []
    for more in (2, 5):
        for _ in range(more):
            one_more(everybody)
        with CaptureQueriesContext(connection) as queries:
            shown = page(everybody, f"{name}/")
        costs.append(len(queries))
    assert costs[0] == costs[1]
    assert SECRET not in shown
    assert ("@people.example" in shown) == (name == "users/user")
    assert [body["event"] for body in trail.bodies if body["stage"] == "intent"] == ["data.read"] * 2


@pytest.mark.parametrize("name", OURS)
def test_a_page_shows_one_without_what_people_wrote_or_what_opens_something(everybody, name):
    """No body, caption or file; no digest of a token or a password."""
    one_more(everybody)
    row = OURS[name].objects.last()
    shown = page(everybody, f"{name}/{row.pk}/change/").replace(str(row.pk), "")
    digests = [getattr(row, field, "") for field in ("token_digest", "digest", "password", "identifier")]
    for hidden in (SECRET, "keeps/picture.jpg", *filter(None, digests)):
        assert hidden not in shown
    if name not in ADDRESSES_SHOWN:
        assert "@people.example" not in shown


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_services_write_is_read_only(everybody, name):
    """Not even a superuser adds, changes or deletes it here."""
    one_more(everybody)
    before = list(OURS[name].objects.values())
    row = OURS[name].objects.last()
    for tail in (f"{row.pk}/change", f"{row.pk}/delete", "add"):
        answer = everybody.staff.http.post(f"/admin/{name}/{tail}/", {"post": "yes"})
        assert answer.status_code == 403
    assert list(OURS[name].objects.values()) == before


@pytest.mark.parametrize("name", OURS)
def test_a_list_is_searched_and_filtered(everybody, name):
    """Whatever is typed or made up in the address of the page, the answer is a page or a way back to one."""
    one_more(everybody)
    asked = [
        "q=x",
        "q=%00",
        f"q={everybody.owner.id}",
        "p=-1",
        "o=99",
        "e=1",
        "id__exact=x",
        "state__exact=x",
    ]
    for query in asked:
        answer = everybody.staff.get(f"/admin/{name}/?{query}")
        assert answer.status_code in (200, 302), query
    for key in ("%20", "x", "1" * 300):
        assert everybody.staff.get(f"/admin/{name}/{key}/change/").status_code in (302, 404)


def test_a_person_is_found_by_address_and_by_id(everybody):
    """Support has one of the two."""
    one_more(everybody)
    for query in ("member@people", str(everybody.member.id)):
        shown = page(everybody, f"users/user/?q={query}")
        assert "1 user" in shown
        assert "member@people.example" in shown


def test_the_admin_is_for_staff(everybody):
    """Everybody else is sent to the login."""
    for who in ("owner", "stranger", "anonymous"):
        for name in OURS:
            assert everybody[who].get(f"/admin/{name}/").status_code == 302


def test_staff_without_a_permission_see_nothing(everybody):
    """Being staff opens the door; what is behind it is given one by one."""
    User.objects.filter(id=everybody.staff.id).update(is_superuser=False)
    assert everybody.staff.get("/admin/").status_code == 200
    for name in OURS:
        assert everybody.staff.get(f"/admin/{name}/").status_code == 403
