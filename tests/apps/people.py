"""A circle and the people around it, each with an HTTP client of their own, and tasks without a worker.

A conftest takes the fixtures it needs: `files`, `tasks_run_at_once`, `tasks_stay_published`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from mysite.celery import app
from users.models import Circle, Membership, Role, User


@dataclass
class Person:
    """Somebody with a browser."""

    user: User | None
    http: Client = field(default_factory=Client)

    @property
    def id(self) -> UUID:
        assert self.user is not None
        return self.user.id

    def get(self, path: str, **query: Any) -> Any:
        return _read(self.http.get(path, query))

    def post(self, path: str, given: object = None) -> Any:
        return self.http.post(path, json.dumps(given or {}), content_type="application/json")

    def put(self, path: str, given: object = None) -> Any:
        return self.http.put(path, json.dumps(given or {}), content_type="application/json")

    def patch(self, path: str, given: object) -> Any:
        return self.http.patch(path, json.dumps(given), content_type="application/json")

    def delete(self, path: str) -> Any:
        return _read(self.http.delete(path))

    def upload(self, path: str, **parts: Any) -> Any:
        return self.http.post(path, parts)


def _read(response: Any) -> Any:
    """A response whose file, if it has one, was read and closed; `getvalue()` still tells its content."""
    if response.streaming:
        content = response.getvalue()  # and closed by the client; twice would cost the connection
        response.streaming_content = [content]
    return response


@dataclass
class Family:
    """One circle: who runs it, who is in it, who is not."""

    circle: Circle
    owner: Person
    admin: Person
    member: Person
    other: Person
    stranger: Person
    staff: Person
    anonymous: Person

    @property
    def path(self) -> str:
        return f"/api/circles/{self.circle.id}"

    def __getitem__(self, who: str) -> Person:
        return getattr(self, who)


def a_person(name: str, **fields: Any) -> Person:
    """Somebody who is logged in."""
    user = User.objects.create_user(f"{name}@people.example", None, **fields)
    person = Person(user)
    person.http.force_login(user)
    return person


def a_family() -> Family:
    """Owner, admin and two members of a new circle, a stranger, staff that is in no circle, and nobody."""
    circle = Circle.objects.create(name="Test circle")
    roles = {"owner": Role.OWNER, "admin": Role.ADMIN, "member": Role.MEMBER, "other": Role.MEMBER}
    people = {name: a_person(name) for name in roles}
    for name, role in roles.items():
        Membership.objects.create(circle=circle, user=people[name].user, role=role)
    return Family(
        circle=circle,
        **people,
        stranger=a_person("stranger"),
        staff=a_person("staff", is_staff=True, is_superuser=True),
        anonymous=Person(None),
    )


@pytest.fixture
def tasks_run_at_once() -> Iterator[None]:
    """Tasks run where they are published, retries included, without a worker or a pause."""
    app.loader.import_default_modules()  # a worker does this; by name alone a task cannot run here
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def tasks_stay_published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """Publishing is remembered instead: (task, arguments)."""
    published: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(
        "celery.app.task.Task.apply_async",
        lambda task, args=(), kwargs=None, **options: published.append((task.name, tuple(args))),
    )
    return published


@pytest.fixture
def files(settings: Any, tmp_path: Path) -> Path:
    """A directory of its own for what this test stores."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.EXPORT_ROOT = str(tmp_path / "exports")
    return tmp_path
