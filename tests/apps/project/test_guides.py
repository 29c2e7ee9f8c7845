"""The guides' Python, run: every block of every page, with what the page leaves to the reader."""

import asyncio
import inspect
import queue
import threading
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from dataclasses import dataclass
from types import FunctionType, SimpleNamespace
from uuid import uuid4

import pytest
import structlog
from django.core.cache import CacheHandler

import logkit
from logkit.audit import catalog
from logkit.audit.catalog import types
from logkit.testing import Capture
from tests.apps.conftest import Trail
from tests.apps.people import Family
from tests.apps.people import tasks_stay_published as tasks_stay_published
from tests.pages import GUIDES, blocks
from tests.program import run

RUN_AS_A_WHOLE = {
    "adopting",
    "testing",
}  # in tests/packaging/ and in tests/integration/test_testing_processes.py


@dataclass
class Here:
    """A page's block, and what is around it."""

    code: str
    logs: Capture
    family: Family
    trail: Trail

    def run(self, **given):
        """Run the block; its names."""
        names = {"__name__": "guide", "__file__": __file__, **given}
        compiled = compile(self.code, "guide", "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if compiled.co_flags & inspect.CO_COROUTINE:
            asyncio.run(FunctionType(compiled, names)())
        else:
            exec(compiled, names)
        return names


def the_house_call(here):
    here.run(circle=here.family.circle, message=SimpleNamespace(id=uuid4()))
    assert here.logs.only("message.sent")["context"]["recipients"] == 5


def context(here):
    names = here.run(circle=here.family.circle)
    assert dict(names["logkit"].get_context()) == {"circle_id": here.family.circle.id}


def audit_events(here):
    here.run(message=SimpleNamespace(id=1), circle=here.family.circle)
    assert here.trail.events == ["data.deleted", "data.export.requested"]


def a_test_of_a_line(here):
    names = here.run()
    names["test_sending_is_logged_once"](here.logs, here.family.member.http, here.family.circle)


def one_event(here):
    here.run(user=here.family.member.user, circle=here.family.circle)
    assert here.trail.only("circle.member.added")["detail"]["role"] == "member"


def an_action(here):
    names = here.run(begin_export=lambda circle: circle.pk, circle=here.family.circle, audit=logkit.audit)
    assert here.trail.only("data.export.requested")["outcome"] == "success"
    assert names["export"] == here.family.circle.pk


def a_type_of_your_own(here):
    here.run()
    logkit.audit.emit("letter.sealed", detail={"letter_id": 3})
    assert catalog.find("letter.sealed").stream == "compliance"
    assert here.trail.only("letter.sealed")["detail"] == {"letter_id": 3}


def settings_of_django(here):
    names = here.run()
    assert names["LOGGING"]["version"] == 1
    assert names["INSTALLED_APPS"][-1] == "logkit.django"


def a_handler_that_is_kept(here):
    told = run(
        "import logging.config, os\nfrom django.conf import settings\nfrom logkit.django import logging_config\n"
        + "settings.configure()\nLOGGING = logging_config(os.environ)\n"
        + here.code
        + "logging.config.dictConfig(LOGGING)\nkept = logging.getLogger('django.request').handlers[-1]\n"
        + "print(type(kept).__name__, type(kept.filters[0]).__name__)",
        configure=False,
    )
    assert (told.stdout, told.code) == (b"AdminEmailHandler RequestContextFilter\n", 0), told.stderr


def structlog_beside_logkit(here):
    try:
        here.run()
        logger = structlog.get_logger()
        structlog.contextvars.bind_contextvars(import_id=3)
        logger.info("message_sent", circle_id=7, password="hunter2-hunter2")
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    sent = here.logs.only("message_sent")["context"]
    assert (sent["circle_id"], sent["import_id"], sent["password"]) == (7, 3, "[REDACTED]")


def celery(here):
    assert here.run()["logkit"].celery


def beat(here):
    assert {"nightly"} < set(here.run()["CELERY_BEAT_SCHEDULE"])


def a_shared_cache(here):
    assert CacheHandler(here.run()["CACHES"])["default"]


def threads_and_asyncio(here):
    seen = queue.Queue()
    with logkit.bound_context(circle_id=7):
        here.run(
            logkit=logkit,
            threading=threading,
            asyncio=asyncio,
            work=lambda: seen.put(logkit.get_context()["circle_id"]),
        )
    assert [seen.get(timeout=10) for _ in range(3)] == [7, 7, 7]


RUNS = {
    "audit-trail": [one_event, an_action, a_type_of_your_own],
    "logging": [the_house_call, context, audit_events, a_test_of_a_line],
    "migrating": [settings_of_django, a_handler_that_is_kept, structlog_beside_logkit],
    "tasks": [celery, beat, a_shared_cache, threads_and_asyncio],
}


@pytest.mark.parametrize(
    ("page", "number"),
    [
        pytest.param(page.stem, number, id=f"{page.stem}-{number}")
        for page in sorted(GUIDES.glob("*.md"))
        for number, _ in enumerate(blocks(page, "python"))
        if page.stem not in RUN_AS_A_WHOLE
    ],
)
@pytest.mark.usefixtures("tasks_stay_published", "own_catalogue")
def test_a_block_does_what_the_page_says(page, number, logs, family, trail):
    """A block that is new on a page has no function here yet, and fails."""
    code = list(blocks(GUIDES / f"{page}.md", "python"))[number]
    RUNS[page][number](Here(code, logs, family, trail))


@pytest.fixture
def own_catalogue(monkeypatch):
    """What a page declares is gone after it."""
    monkeypatch.setattr(types, "_types", dict(types._types))
