"""The API against its own document, by schemathesis: no 500, and no answer that the document does not tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS

from mysite.api import openapi
from mysite.openapi import operations
from mysite.wsgi import application
from tests.apps.people import Family, Person
from tests.apps.people import files as files

PEOPLE = ("owner", "member", "member", "staff", "anonymous")
CSRF = "a" * 32


def _document() -> dict[str, Any]:
    """Without its security: the sessions are ours, and who is refused is said in test_permissions.py."""
    document = openapi()
    for _, _, operation in operations(document):
        operation.pop("security", None)
    return document


def _served(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The service as WSGI servers call it; they close every answer."""
    answer = application(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


document = schemathesis.openapi.from_dict(_document())
document.app = _served
# What is of the right shape can be refused for what it means: a password that is weak, an address that is known.
UNPROMISED = [CHECKS.get_one("positive_data_acceptance")]


class Ids(dict[str, str]):
    """Ids of things that are there, by the name that paths give them; each is made when it is first asked for."""

    def __init__(self, family: Family) -> None:
        super().__init__(circle_id=str(family.circle.id), user_id=str(family.other.id))
        self.family = family

    def __missing__(self, name: str) -> str:
        owner, member, path = self.family.owner, self.family.member, self.family.path
        match name:
            case "message_id":
                made = member.post(f"{path}/messages", {"body": "Dinner at seven"}).json()
            case "keep_id":
                made = member.post(f"{path}/messages/{self['message_id']}/keep").json()
            case "share_id" | "token":
                made = member.post(f"/api/keeps/{self['keep_id']}/shares").json()
                self["token"] = made["token"]
            case "invitation_id":
                made = owner.post(f"{path}/invitations", {"email": "guest@people.example"}).json()
            case "export_id":
                made = owner.post(f"{path}/exports").json()
            case _:
                return "news"
        self.setdefault(name, made["id"])
        return self[name]


def _may_be_there(path: dict[str, Any]) -> bool:
    """Whether the ids of a path are some; one that is wrong on purpose is to be refused, and must stay."""
    try:
        return all(UUID(str(value)) for name, value in path.items() if name.endswith("_id"))
    except ValueError:
        return False


@pytest.fixture
def ids(family: Family, files: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ids]:
    """A circle with something in it, and nobody who counts the calls."""
    monkeypatch.setattr("mysite.limits._Limit.allow_request", lambda *_: True)
    return Ids(family)


@document.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_the_api_does_what_its_document_says(case: schemathesis.Case, family: Family, ids: Ids) -> None:
    """Whatever is sent, right or wrong, by whomever: no 500, and a status, a type and a body that are documented."""
    sent = repr((case.method, case.path_parameters, case.query, case.body, case.headers))
    chance = crc32(sent.encode(errors="replace"))  # the same for the same case, whenever it is tried again
    person: Person = family[PEOPLE[chance % len(PEOPLE)]]
    if chance & 0b1110000 and _may_be_there(case.path_parameters):  # mostly at what is there
        case.path_parameters = {name: ids[name] for name in case.path_parameters}
    cookies = {name: morsel.value for name, morsel in person.http.cookies.items()} | {"csrftoken": CSRF}
    case.call_and_validate(
        base_url="http://localhost",
        cookies=cookies,
        headers={"X-CSRFToken": CSRF},
        excluded_checks=UNPROMISED,
    )
