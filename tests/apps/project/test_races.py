"""Two who do the same thing at the same moment: it happens once, and the other is told so."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.core import mail
from django.db import connections
from django.test import Client

from keeps.models import Export
from messaging import dispatch
from messaging.gateway import Gateway
from messaging.models import Delivery, Message, Receipt
from tests.apps.keeps.pictures import upload
from tests.apps.messaging.conftest import gateway as gateway
from tests.apps.people import Person, a_person
from tests.apps.people import files as files
from tests.apps.people import tasks_stay_published as tasks_stay_published
from users.models import Circle, Membership, PersonalExport, Role, User
from users.services import circles, exports, lockout

PASSWORD, NEW_PASSWORD = "correct-horse-7", "another-battery-8"


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each call returns, all of them begun at the same moment by threads with connections of their own."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            ready.wait(timeout=60)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def again(person: Person) -> Person:
    """The same person at another device: a client is for one thread."""
    device = Client()
    device.cookies = person.http.cookies.copy()
    return Person(person.user, device)


def statuses(*calls: Callable[[], Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in at_once(*calls))


def test_an_invitation_is_accepted_once(family):
    """Two devices of one person: one joins, the other comes too late."""
    made = family.owner.post(f"{family.path}/invitations", {"email": family.stranger.user.email}).json()
    devices = [again(family.stranger) for _ in range(4)]
    given = {"token": made["token"]}
    found = statuses(*(lambda d=d: d.post("/api/invitations/accept", given) for d in devices))
    assert found == {200: 1, 410: 3}
    assert Membership.objects.filter(circle=family.circle, user=family.stranger.user).count() == 1


def test_the_last_seat_is_taken_once(family, monkeypatch):
    """Three who are invited to a circle with one seat left."""
    monkeypatch.setattr(circles, "MAX_MEMBERS", 5)
    guests = [a_person(f"guest{n}") for n in range(3)]
    tokens = [
        family.owner.post(f"{family.path}/invitations", {"email": guest.user.email}).json()["token"]
        for guest in guests
    ]
    found = statuses(
        *(
            lambda g=guest, t=token: g.post("/api/invitations/accept", {"token": t})
            for guest, token in zip(guests, tokens, strict=True)
        )
    )
    assert found == {200: 1, 409: 2}
    assert family.circle.memberships.count() == 5


def test_a_circle_is_handed_over_once(family):
    """To two heirs at once: one owns it, and there is never another number of owners than one."""
    heirs = (family.admin, family.member, family.other)
    found = statuses(
        *(
            lambda h=heir: again(family.owner).put(f"{family.path}/owner", {"user_id": str(h.id)})
            for heir in heirs
        )
    )
    assert found[200] == 1
    assert set(found) <= {200, 403, 409}
    assert family.circle.memberships.filter(role=Role.OWNER).count() == 1


def test_nobody_owns_more_circles_than_one_may(family, monkeypatch):
    """Each of many calls at once is counted with the others."""
    monkeypatch.setattr(circles, "MAX_CIRCLES", 3)
    family.stranger.post("/api/circles", {"name": "First"})
    devices = [again(family.stranger) for _ in range(5)]
    found = statuses(*(lambda d=d: d.post("/api/circles", {"name": "More"}) for d in devices))
    assert found == {201: 2, 409: 3}


def test_a_reset_token_is_used_once(family):
    """Of two who have the letter one chooses the password."""
    Person(None).post("/api/password-resets", {"email": family.member.user.email})
    token = re.search(r"#(\S+)", mail.outbox[-1].body)[1]
    given = [{"token": token, "password": f"{NEW_PASSWORD}-{n}"} for n in range(4)]
    found = statuses(*(lambda g=g: Person(None).put("/api/password-resets", g) for g in given))
    assert found == {204: 1, 410: 3}
    user = User.objects.get(id=family.member.id)
    assert sum(user.check_password(g["password"]) for g in given) == 1


def test_many_guesses_at_once_are_no_more_than_one_after_another(family, monkeypatch):
    """Of twelve wrong passwords five are looked at."""
    looked_at = []
    real = hashers.check_password
    monkeypatch.setattr(
        "django.contrib.auth.base_user.check_password",
        lambda password, *args, **more: looked_at.append(password) or real(password, *args, **more),
    )
    given = [{"email": family.member.user.email, "password": f"guess-{n}"} for n in range(12)]
    found = statuses(*(lambda g=g: Person(None).post("/api/session", g) for g in given))
    assert len(looked_at) == lockout.MAX_FAILURES
    assert found[401] + found[429] == 12


def test_an_address_gets_one_account(tasks_stay_published, transactional_db):
    """Everybody gets the same answer."""
    given = {"email": "new@people.example", "password": PASSWORD, "display_name": "New"}
    assert statuses(*(lambda: Person(None).post("/api/users", given) for _ in range(4))) == {202: 4}
    assert User.objects.count() == 1


@pytest.mark.parametrize("what", ["circle", "personal"])
def test_one_export_at_a_time(family, files, tasks_stay_published, what):
    """The second request is told that one is being made."""
    path = f"{family.path}/exports" if what == "circle" else "/api/me/exports"
    devices = [again(family.owner) for _ in range(4)]
    assert statuses(*(lambda d=d: d.post(path) for d in devices)) == {202: 1, 409: 3}
    assert (Export if what == "circle" else PersonalExport).objects.count() == 1


def test_a_copy_is_built_once(family, files, tasks_stay_published, logs):
    """A task that was delivered twice: one archive, one letter, and the digest is that of the file that is there."""
    export_id = family.member.post("/api/me/exports").json()["id"]
    at_once(*(lambda: exports.build(export_id) for _ in range(3)))
    logs.only("export.ready", export_id=export_id)
    export = PersonalExport.objects.get()
    assert export.sha256 == exports._sha256(export.path)
    assert [path.name for path in export.path.parent.iterdir()] == [export.path.name]
    letters = [task for task, _ in tasks_stay_published if task == "users.mail_export_ready"]
    assert len(letters) == 1


def test_a_message_is_read_once_by_each(family, gateway: Gateway, logs):
    """Two devices of one reader are one receipt and one event."""
    sent = family.member.post(f"{family.path}/messages", {"body": "x"}).json()
    devices = [again(family.other) for _ in range(4)]
    path = f"{family.path}/messages/{sent['id']}/receipt"
    assert statuses(*(lambda d=d: d.put(path) for d in devices)) == {200: 4}
    assert Receipt.objects.count() == 1
    logs.only("message.read")


def test_a_message_fans_out_once_and_each_attempt_is_one_push(family, gateway, tasks_stay_published):
    """Tasks that were delivered twice find their work done."""
    family.member.post(f"{family.path}/messages", {"body": "x"})
    message = Message.objects.get()
    at_once(*(lambda: dispatch.fan_out(message.id) for _ in range(3)))
    assert Delivery.objects.count() == 3
    delivery = Delivery.objects.first()
    at_once(*(lambda: dispatch.attempt(delivery.id, 1) for _ in range(3)))
    assert [push.key for push in gateway.state.received] == [str(delivery.key)]


@pytest.mark.parametrize("what", ["accept", "send", "upload", "invite", "export", "hand over", "delete"])
def test_a_circle_goes_with_whatever_arrives_at_that_moment(
    family, gateway, files, tasks_stay_published, what
):
    """What comes in time goes with it, what comes too late is told that there is no such circle; nothing fails."""
    made = family.owner.post(f"{family.path}/invitations", {"email": family.stranger.user.email}).json()
    second = again(family.owner)
    call = {
        "accept": lambda: family.stranger.post("/api/invitations/accept", {"token": made["token"]}),
        "send": lambda: family.member.post(f"{family.path}/messages", {"body": "x"}),
        "upload": lambda: upload(family),
        "invite": lambda: second.post(f"{family.path}/invitations", {"email": "guest@people.example"}),
        "export": lambda: second.post(f"{family.path}/exports"),
        "hand over": lambda: second.put(f"{family.path}/owner", {"user_id": str(family.member.id)}),
        "delete": lambda: second.delete(family.path),
    }[what]
    deleted, arrived = at_once(lambda: family.owner.delete(family.path), call)
    assert {deleted.status_code, arrived.status_code} <= {200, 201, 202, 204, 403, 404, 409, 410}
    assert 204 in (deleted.status_code, arrived.status_code) or what == "hand over"
    if deleted.status_code == 204:
        assert not Circle.objects.filter(id=family.circle.id).exists()
