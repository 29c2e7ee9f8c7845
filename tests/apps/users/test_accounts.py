"""Sign-up, proof of the address, profile and passwords, over HTTP."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from tests.apps.people import Person, a_person
from users.models import AccountToken, User

PASSWORD = "correct-horse-7"
SIGN_UP = {"email": "Anna@Example.org", "password": PASSWORD, "display_name": "Anna"}

pytestmark = pytest.mark.django_db(transaction=True)


def somebody() -> Person:
    """A new person, logged in, who knows their password."""
    person = a_person("anna")
    assert person.user is not None
    person.user.set_password(PASSWORD)
    person.user.save()
    person.http.force_login(person.user)
    return person


def token_in_letter(number: int = -1) -> str:
    """The token of a letter's link, which is behind the `#`."""
    found = re.search(r"#(\S+)", mail.outbox[number].body)
    assert found, mail.outbox[number].body
    return found[1]


def test_signing_up_makes_an_account_that_can_log_in(trail):
    """The address is stored in one spelling and matches in any; the password is in no answer."""
    visitor = Person(None)
    answer = visitor.post("/api/users", SIGN_UP)
    assert answer.status_code == 201
    assert answer.json()["email"] == "anna@example.org"
    assert PASSWORD not in answer.content.decode()
    assert visitor.get("/api/me").status_code == 401
    credentials = {"email": "ANNA@example.ORG", "password": PASSWORD}
    assert visitor.post("/api/session", credentials).status_code == 200
    assert visitor.get("/api/me").json()["display_name"] == "Anna"
    assert trail.only("user.created")["detail"] == {"source": "sign_up"}


def test_an_address_has_one_account():
    """Signing up again, in another spelling, is a conflict; the database would refuse it too."""
    Person(None).post("/api/users", SIGN_UP)
    again = Person(None).post("/api/users", {**SIGN_UP, "email": "ANNA@EXAMPLE.ORG"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "address_taken")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="Anna@example.org")])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "12345678"}, "weak_password"),
        ({"password": "anna"}, "weak_password"),
        ({"email": "not an address"}, "invalid"),
        ({"email": "a@example.org\u0000"}, "invalid"),
        ({"display_name": " "}, "invalid"),
        ({"display_name": "a\nb"}, "invalid"),
        ({"display_name": "x" * 81}, "invalid"),
    ],
)
def test_a_sign_up_that_cannot_be_used_is_refused(change, code):
    """A weak password, no address, control characters: a clear 422 that does not repeat what was typed."""
    given = {**SIGN_UP, **change}
    answer = Person(None).post("/api/users", given)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert given["password"] not in answer.content.decode()
    assert not User.objects.exists()


def test_the_letter_confirms_the_address_once(trail):
    """The link's token works once; only its digest is stored."""
    visitor = Person(None)
    visitor.post("/api/users", SIGN_UP)
    token = token_in_letter()
    assert token.startswith("fck_confirm_")
    assert not AccountToken.objects.filter(digest=token).exists()
    assert visitor.post("/api/confirmations", {"token": token}).status_code == 204
    assert User.objects.get().email_confirmed_at is not None
    assert visitor.post("/api/confirmations", {"token": token}).status_code == 410
    assert trail.only("user.updated")["detail"] == {"changed_fields": ["email_confirmed_at"]}


def test_a_letter_can_be_sent_again_and_replaces_the_first():
    """Who lost the letter gets another; the older token is dead; a confirmed address needs none."""
    Person(None).post("/api/users", SIGN_UP)
    person = Person(User.objects.get())
    person.http.force_login(person.user)
    assert person.post("/api/me/confirmation").status_code == 202
    first, second = token_in_letter(0), token_in_letter(1)
    assert person.post("/api/confirmations", {"token": first}).status_code == 410
    assert person.post("/api/confirmations", {"token": second}).status_code == 204
    assert person.post("/api/me/confirmation").json()["error"]["code"] == "confirmed_already"


def test_a_profile_is_changed_by_its_owner(trail):
    """A new name is stored and told to the trail by the field's name, never its value."""
    anna = somebody()
    assert anna.patch("/api/me", {"display_name": "Anna B."}).json()["display_name"] == "Anna B."
    anna.patch("/api/me", {"display_name": "Anna B."})
    assert trail.only("user.updated")["detail"] == {"changed_fields": ["display_name"]}


def test_a_new_password_ends_every_other_session(trail):
    """The session that changed it stays; another browser is out; the old password is worth nothing."""
    anna = somebody()
    elsewhere = Client()
    elsewhere.force_login(anna.user)
    trail.bodies.clear()
    new = {"current": PASSWORD, "new": "another-battery-8"}
    assert anna.put("/api/me/password", {**new, "current": "wrong"}).status_code == 401
    assert anna.put("/api/me/password", {**new, "new": "12345"}).status_code == 422
    assert anna.put("/api/me/password", new).status_code == 204
    assert anna.get("/api/me").status_code == 200
    assert elsewhere.get("/api/me").status_code == 401
    assert trail.only("auth.password.changed")["target"][0]["id"] == str(anna.id)
    log_in = {"email": anna.user.email, "password": PASSWORD}
    assert Person(None).post("/api/session", log_in).status_code == 401


def test_a_stolen_session_cannot_guess_the_password(logs):
    """Wrong passwords count like failed logins: after five not even the right one is looked at."""
    anna = somebody()
    change = {"current": "wrong", "new": "another-battery-8"}
    assert [anna.put("/api/me/password", change).status_code for _ in range(6)] == [401] * 5 + [429]
    assert anna.put("/api/me/password", {**change, "current": PASSWORD}).status_code == 429
    assert len(logs.find("password.wrong", subject_id=str(anna.id))) == 5


def test_a_forgotten_password_is_replaced_by_letter(trail):
    """The letter's token sets a new password once, within an hour, and ends every session."""
    anna = somebody()
    trail.bodies.clear()
    assert Person(None).post("/api/password-resets", {"email": anna.user.email}).status_code == 202
    token = token_in_letter()
    reset = {"token": token, "password": "another-battery-8"}
    assert Person(None).put("/api/password-resets", {**reset, "password": "123"}).status_code == 422
    assert Person(None).put("/api/password-resets", reset).status_code == 204
    assert Person(None).put("/api/password-resets", reset).status_code == 410
    assert anna.get("/api/me").status_code == 401
    steps = [body["detail"]["step"] for body in trail.bodies if body["event"] == "auth.password.reset"]
    assert steps == ["requested", "completed"]
    assert "auth.password.changed" not in trail.events  # that is for somebody who knew the old one


def test_a_reset_token_expires():
    """After its hour the token is worth nothing."""
    anna = somebody()
    Person(None).post("/api/password-resets", {"email": anna.user.email})
    AccountToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    reset = {"token": token_in_letter(), "password": "another-battery-8"}
    assert Person(None).put("/api/password-resets", reset).status_code == 410


def test_asking_for_a_reset_does_not_tell_who_has_an_account(trail):
    """The same answer and no letter for an address that nobody has, and no address in the trail."""
    answer = Person(None).post("/api/password-resets", {"email": "nobody@example.org"})
    assert (answer.status_code, mail.outbox) == (202, [])
    assert "nobody@example.org" not in str(trail.bodies)


def test_who_closes_the_account_is_out_until_staff_open_it(trail):
    """The session ends and the password does not help any more."""
    anna = somebody()
    assert anna.post("/api/me/deactivation", {"password": "wrong"}).status_code == 401
    assert anna.post("/api/me/deactivation", {"password": PASSWORD}).status_code == 204
    assert anna.get("/api/me").status_code == 401
    log_in = {"email": anna.user.email, "password": PASSWORD}
    assert Person(None).post("/api/session", log_in).status_code == 401
    assert trail.only("user.disabled")["reason"] == "own_wish"
