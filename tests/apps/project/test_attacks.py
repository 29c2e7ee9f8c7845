"""What somebody with bad intentions tries first, beside what the other tests refuse them."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from tests.apps.keeps.pictures import uploaded
from tests.apps.people import Person
from tests.apps.people import files as files
from users.models import User

PASSWORD = "correct-horse-7"


@pytest.fixture
def victim(family):
    """A member who has a password."""
    family.member.user.set_password(PASSWORD)
    family.member.user.save()
    return family.member


def log_in(client, user):
    given = {"email": user.email, "password": PASSWORD}
    return client.post("/api/session", given, content_type="application/json").status_code


def test_a_session_that_was_planted_does_not_become_the_victims(victim):
    """Logging in gives a new key, whatever cookie came with the call; the old one opens nothing."""
    for planted in ("a" * 32, Client().session.session_key or "b" * 32):
        browser = Client()
        browser.cookies["sessionid"] = planted
        assert log_in(browser, victim.user) == 200
        assert browser.cookies["sessionid"].value != planted
        attacker = Client()
        attacker.cookies["sessionid"] = planted
        assert attacker.get("/api/me").status_code == 401


def test_an_anonymous_session_is_not_kept_when_somebody_logs_in(victim):
    """A session that was begun before, by whomever, is exchanged."""
    browser = Client()
    session = browser.session
    session["begun"] = "before"
    session.save()
    before = browser.cookies["sessionid"].value
    assert log_in(browser, victim.user) == 200
    attacker = Client()
    attacker.cookies["sessionid"] = before
    assert attacker.get("/api/me").status_code == 401


def test_a_cookie_is_worth_nothing_after_logging_out(victim):
    """The session is gone from the server, not only from the browser."""
    browser = Client()
    log_in(browser, victim.user)
    stolen = browser.cookies["sessionid"].value
    browser.delete("/api/session")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get("/api/me").status_code == 401


def test_a_token_of_one_kind_opens_nothing_else(family, victim):
    """What confirms an address resets no password, joins no circle and shows no keep."""
    given = {"email": "new@people.example", "password": PASSWORD, "display_name": "New"}
    family.anonymous.post("/api/users", given)
    token = re.search(r"#(\S+)", mail.outbox[-1].body)[1]
    reset = {"token": token, "password": "another-battery-8"}
    assert family.anonymous.put("/api/password-resets", reset).status_code == 410
    assert family.stranger.post("/api/invitations/accept", {"token": token}).status_code == 404
    assert family.anonymous.get(f"/api/shared/{token}").status_code == 404
    assert not User.objects.get(email=given["email"]).check_password("another-battery-8")


def test_guessing_share_links_ends_soon(family, files):
    """Sixty a minute from one address, right or wrong, and then a 429 that says when to come back."""
    statuses = [family.anonymous.get(f"/api/shared/fck_share_{n:043}").status_code for n in range(61)]
    assert statuses == [404] * 60 + [429]


def test_staff_who_act_as_a_member_leave_their_own_powers_behind(family):
    """The admin is closed to whom they act as, and so is every list that staff see there."""
    given = {"user_id": str(family.member.id), "reason": "support_request", "ticket": "T-1"}
    assert family.staff.post("/api/staff/impersonation", given).status_code == 201
    for path in ("/admin/", "/admin/users/user/", f"/admin/users/user/{family.owner.id}/change/"):
        assert family.staff.get(path).status_code == 302
    assert family.staff.post("/admin/users/user/", {"action": "deactivate"}).status_code == 403


def test_a_letter_leads_home_whatever_host_was_asked_for(family, victim, settings):
    """The Host header of whoever asks for a reset is in no link."""
    settings.ALLOWED_HOSTS = ["*"]
    asked = Person(None, Client(headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}))
    assert asked.post("/api/password-resets", {"email": victim.user.email}).status_code == 202
    assert "evil.example" not in mail.outbox[-1].body
    assert f"{settings.PUBLIC_URL}/reset-password#" in mail.outbox[-1].body


def test_what_people_are_called_is_text_wherever_it_is_shown(family):
    """A name with markup in it is escaped in the admin."""
    name = "<script>alert(1)</script>"
    assert family.member.patch("/api/me", {"display_name": name}).status_code == 200
    assert family.owner.patch(family.path, {"name": name}).status_code == 200
    for page in ("users/user/", f"users/user/{family.member.id}/change/", "users/circle/"):
        shown = family.staff.get(f"/admin/{page}").content.decode()
        assert name not in shown
        assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\x00.jpg", "x" * 500 + ".jpg", "con.jpg", "\u202egpj.exe"]
)
def test_the_name_of_an_upload_is_nowhere(family, files, name):
    """Neither in a path, nor in the answer, nor in what a download is called."""
    path = uploaded(family, name=name)
    download = family.other.get(f"{path}/media")
    assert download.headers["Content-Disposition"].startswith('attachment; filename="')
    stored = [str(file.relative_to(files)) for file in files.rglob("*") if file.is_file()]
    assert all(
        re.fullmatch(r"media/keeps/[0-9a-f-]{36}/[0-9a-f-]{36}/\w+\.(jpg|webp)", file) for file in stored
    )


@pytest.mark.parametrize("method", ["put", "patch", "delete", "post"])
def test_a_method_is_what_it_says(family, method):
    """No header turns a GET, which needs no CSRF token, into something else."""
    headers = {"X-HTTP-Method-Override": method, "X-Method-Override": method}
    answer = family.owner.http.get(f"{family.path}?_method={method}", headers=headers)
    assert answer.status_code == 200
    assert family.owner.get(family.path).status_code == 200
