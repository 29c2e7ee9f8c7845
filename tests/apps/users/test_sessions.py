"""Logging in and out, CSRF, and the lock-out after wrong passwords."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

import mysite.api
from tests.apps.people import a_person
from users.models import LoginFailures, User
from users.services import lockout

PASSWORD = "correct-horse-7"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna@example.org", PASSWORD)


def log_in(client: Client, password: str, email: str = "anna@example.org") -> object:
    given = {"email": email, "password": password}
    return client.post("/api/session", given, content_type="application/json")


def test_a_session_opens_and_closes(anna, logs):
    """With the right password one is somebody, and after logging out nobody; each is one event."""
    client = Client()
    assert log_in(client, PASSWORD).json()["id"] == str(anna.id)
    assert client.get("/api/me").status_code == 200
    assert client.delete("/api/session").status_code == 204
    assert client.get("/api/me").status_code == 401
    assert client.delete("/api/session").status_code == 401
    logs.only("session.opened", user_id=str(anna.id))
    logs.only("session.closed", user_id=str(anna.id))


@pytest.mark.parametrize(
    "email", ["anna@example.org", "new@example.org", "nobody@example.org", "", "x" * 254]
)
def test_a_failed_login_says_nothing_about_why(anna, email):
    """A wrong password, an unknown address and one that is not confirmed have the same answer."""
    User.objects.create_user("new@example.org", "wrong", email_confirmed_at=None)
    answer = log_in(Client(), "wrong", email)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "wrong_credentials"
    assert answer.json()["error"]["message"] == (
        "The address or the password is wrong, or the address is not confirmed."
    )


@pytest.mark.parametrize("email", ["anna@example.org\0", "\0", "a\nb", "x" * 255])
def test_what_nobody_can_be_called_is_not_looked_up(email):
    """Control characters, which PostgreSQL would refuse, and overlong names: 422."""
    assert log_in(Client(), "wrong", email).status_code == 422


def test_unsafe_calls_need_the_csrf_token(anna):
    """Without the token nothing is accepted, logged in or not; GET /api/csrf gives it."""
    client = Client(enforce_csrf_checks=True)
    refused = log_in(client, PASSWORD)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    client.force_login(anna)
    assert client.post("/api/circles", {"name": "Us"}, content_type="application/json").status_code == 403
    token = client.get("/api/csrf").json()["csrf_token"]
    made = client.post(
        "/api/circles", {"name": "Us"}, content_type="application/json", headers={"X-CSRFToken": token}
    )
    assert made.status_code == 201


def test_wrong_passwords_lock_the_address(anna, trail, logs):
    """After five the right one does not help either; the answer says when to come back."""
    answers = [log_in(Client(), "wrong").status_code for _ in range(5)]
    assert answers == [401, 401, 401, 401, 429]
    locked = log_in(Client(), PASSWORD, "ANNA@example.org")
    assert locked.status_code == 429
    assert 0 < int(locked.headers["Retry-After"]) <= 900
    event = trail.only("auth.account.locked")
    assert (event["reason"], event["target"][0]["id"]) == ("wrong_passwords", str(anna.id))
    throttled = trail.only("auth.login.throttled")["detail"]
    failed = [body["detail"] for body in trail.bodies if body["event"] == "auth.login.failed"]
    assert throttled["limit"] == 5
    assert {each["identifier_ref"] for each in (throttled, *failed)} == {throttled["identifier_ref"]}
    logs.only("login.locked", failures=5, known=True)
    assert "anna@example.org" not in str(trail.bodies)


def test_an_address_that_nobody_has_is_locked_alike(trail):
    """Whether there is an account cannot be told from the lock; no account is reported as locked."""
    answers = [log_in(Client(), "wrong", "nobody@example.org").status_code for _ in range(6)]
    assert answers == [401, 401, 401, 401, 429, 429]
    assert "auth.account.locked" not in trail.events
    assert "nobody" not in str(list(LoginFailures.objects.values()))


def test_the_lock_holds_in_the_admin_too():
    """The admin's login form asks the same backend."""
    staff = User.objects.create_superuser("staff@example.org", PASSWORD)
    for _ in range(5):
        log_in(Client(), "wrong", staff.email)
    client = Client()
    given = {"username": staff.email, "password": PASSWORD}
    assert client.post("/admin/login/", given).status_code == 200  # the form again, not the admin
    assert client.get("/admin/").status_code == 302


def test_a_lock_ends_by_time_and_by_a_right_password(anna, monkeypatch):
    """When its time is over a lock holds nobody, and a login forgets the wrong tries before it."""
    for _ in range(4):
        log_in(Client(), "wrong")
    assert log_in(Client(), PASSWORD).status_code == 200
    assert not LoginFailures.objects.exists()
    for _ in range(5):
        log_in(Client(), "wrong")
    later = lockout.timezone.now() + lockout.LOCKED_FOR
    monkeypatch.setattr(lockout.timezone, "now", lambda: later)
    assert log_in(Client(), PASSWORD).status_code == 200


def test_old_counts_start_anew_and_are_swept(anna, monkeypatch):
    """Wrong passwords longer ago than the window do not add up, and do not stay in the table."""
    for _ in range(4):
        log_in(Client(), "wrong")
    later = lockout.timezone.now() + lockout.WINDOW * 1.1
    monkeypatch.setattr(lockout.timezone, "now", lambda: later)
    assert log_in(Client(), "wrong").status_code == 401
    assert LoginFailures.objects.get().count == 1
    muchlater = later + lockout.WINDOW * 2
    monkeypatch.setattr(lockout.timezone, "now", lambda: muchlater)
    assert lockout.forget_old() == 1


def test_logins_of_one_client_are_limited(anna):
    """One client that tries many addresses is slowed down, whatever X-Forwarded-For it invents."""
    statuses = {
        log_in(Client(headers={"X-Forwarded-For": f"192.0.2.{n}"}), "wrong", f"n{n}@example.org").status_code
        for n in range(30)
    }
    assert statuses == {401}
    limited = log_in(Client(), "wrong", "last@example.org")
    assert (limited.status_code, limited.json()["error"]["code"]) == (429, "too_many_requests")
    assert limited.headers["Retry-After"]
    cache.clear()
    assert log_in(Client(), PASSWORD).status_code == 200


def test_someone_logged_in_is_limited_too(monkeypatch):
    """A runaway program is slowed down by person, not only by address."""
    monkeypatch.setattr(mysite.api.api.throttle, "most", 3)
    person, other = a_person("ben"), a_person("cleo")
    answers = [person.get("/api/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "30"
    assert other.get("/api/me").status_code == 200
