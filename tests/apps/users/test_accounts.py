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
from tests.apps.people import tasks_stay_published as tasks_stay_published
from users import letters
from users.models import AccountToken, User
from users.tasks import sweep

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


def sign_up(**change: str) -> Person:
    """A visitor who has signed up and waits for the letter."""
    visitor = Person(None)
    answer = visitor.post("/api/users", {**SIGN_UP, **change})
    assert (answer.status_code, answer.content) == (202, b"")
    return visitor


def confirm(visitor: Person, token: str, password: str = PASSWORD) -> int:
    status: int = visitor.post("/api/confirmations", {"token": token, "password": password}).status_code
    return status


def log_in(visitor: Person, email: str = "anna@example.org", password: str = PASSWORD) -> int:
    status: int = visitor.post("/api/session", {"email": email, "password": password}).status_code
    return status


def test_signing_up_and_confirming_makes_an_account_that_can_log_in(trail):
    """The address is stored in one spelling and matches in any; nothing works before the letter was answered."""
    visitor = sign_up()
    assert log_in(visitor) == 401
    token = token_in_letter()
    assert token.startswith("fck_confirm_")
    assert not AccountToken.objects.filter(digest=token).exists()
    assert confirm(visitor, token) == 204
    assert confirm(visitor, token) == 410
    assert log_in(visitor, "ANNA@example.ORG") == 200
    me = visitor.get("/api/me").json()
    assert (me["email"], me["display_name"]) == ("anna@example.org", "Anna")
    assert trail.only("user.created")["detail"] == {"source": "sign_up"}
    assert trail.only("user.updated")["detail"] == {"changed_fields": ["email_confirmed_at"]}


def test_signing_up_does_not_tell_who_has_an_account(trail, logs):
    """The same answer for an address that has one; its person gets a letter, and the account stays as it was."""
    anna = somebody()
    mail.outbox.clear()
    trail.bodies.clear()
    sign_up(email=anna.user.email.upper(), password="another-battery-8", display_name="Mallory")
    (letter,) = mail.outbox
    assert (letter.to, letter.subject) == ([anna.user.email], "You have an account")
    assert "#" not in letter.body
    assert log_in(Person(None), anna.user.email, "another-battery-8") == 401
    assert log_in(Person(None), anna.user.email) == 200
    assert User.objects.get().display_name == ""
    assert "user.created" not in trail.events
    logs.only("account.requested_again", subject_id=str(anna.id))


def test_who_signs_up_with_the_address_of_another_gets_no_account_by_their_click():
    """Mallory signed up before or after Anna; Anna's click confirms what Anna knows the password of, or nothing."""
    mallorys = "mallorys-own-7"
    sign_up(password=mallorys)
    anna = sign_up()
    assert confirm(anna, token_in_letter()) == 204
    assert log_in(Person(None), password=mallorys) == 401
    User.objects.all().delete()
    anna = sign_up()
    sign_up(password=mallorys)
    first, second = token_in_letter(-2), token_in_letter(-1)
    assert confirm(anna, first) == 410
    assert confirm(anna, second) == 401
    assert User.objects.get().email_confirmed_at is None


def test_a_letter_that_was_lost_is_written_again():
    """Signing up again sends another; the older token is dead."""
    visitor = sign_up()
    sign_up()
    first, second = token_in_letter(0), token_in_letter(1)
    assert confirm(visitor, first) == 410
    assert confirm(visitor, second) == 204


def test_guessing_the_password_of_a_token_is_guessing():
    """A found letter is worth five tries."""
    visitor = sign_up()
    token = token_in_letter()
    assert [confirm(visitor, token, f"guess-{n}") for n in range(6)] == [401] * 5 + [429]


def test_nobody_is_buried_in_letters(logs):
    """Ten an hour to one address, whoever asks for them; then no more, and no token is made."""
    anna = somebody()
    mail.outbox.clear()
    for _ in range(12):
        Person(None).post("/api/password-resets", {"email": anna.user.email})
    assert len(mail.outbox) == letters.MOST_AN_HOUR
    assert len(logs.find("letter.withheld")) == 2
    reset = {"token": token_in_letter(), "password": "another-battery-8"}
    assert Person(None).put("/api/password-resets", reset).status_code == 204


def test_an_account_that_nobody_confirmed_is_forgotten(trail):
    """After a week the address that somebody typed is not ours to keep."""
    sign_up()
    assert sweep()["unconfirmed"] == 0
    User.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert sweep()["unconfirmed"] == 1
    assert not User.objects.exists()
    assert trail.only("user.deleted")["reason"] == "never_confirmed"


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


def test_an_address_is_stored_in_one_spelling():
    """The database refuses another."""
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="Anna@example.org")])


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


def test_asking_for_a_reset_does_not_tell_who_has_an_account(trail, tasks_stay_published):
    """The same answer and as much work for an address that nobody has, no letter, and no address in the trail."""
    answer = Person(None).post("/api/password-resets", {"email": "nobody@example.org"})
    assert (answer.status_code, mail.outbox) == (202, [])
    assert [task for task, _ in tasks_stay_published] == ["users.mail_password_reset"]
    assert "nobody@example.org" not in str(trail.bodies)


def test_a_reset_proves_the_address():
    """Whoever lost the first letter gets in by the second."""
    visitor = sign_up()
    visitor.post("/api/password-resets", {"email": "anna@example.org"})
    reset = {"token": token_in_letter(), "password": "another-battery-8"}
    assert visitor.put("/api/password-resets", reset).status_code == 204
    assert log_in(visitor, password="another-battery-8") == 200


def test_who_closes_the_account_is_out_until_staff_open_it(trail):
    """The session ends and the password does not help any more."""
    anna = somebody()
    assert anna.post("/api/me/deactivation", {"password": "wrong"}).status_code == 401
    assert anna.post("/api/me/deactivation", {"password": PASSWORD}).status_code == 204
    assert anna.get("/api/me").status_code == 401
    log_in = {"email": anna.user.email, "password": PASSWORD}
    assert Person(None).post("/api/session", log_in).status_code == 401
    assert trail.only("user.disabled")["reason"] == "own_wish"
