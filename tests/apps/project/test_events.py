"""Each event that the processes say, provoked in them; and the pages and catalogues of all of them agree."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest
from django.core.cache import cache
from django.db import OperationalError, connections
from django.test import Client, RequestFactory

from keeps.events import EVENTS as KEEPS
from messaging.events import EVENTS as MESSAGING
from messaging.gateway import Gateway
from mysite.events import EVENTS, FIELDS
from mysite.limits import AddressLimit
from tests.apps.catalogue import check, check_page, in_source
from tests.program import PROJECT
from users.events import EVENTS as USERS

pytestmark = pytest.mark.django_db(transaction=True)
PUSH = {"recipient_id": "r", "message_id": "m"}


def away(*args, **kwargs):
    raise OperationalError("away")


def database_away(patch, logs):
    patch.setattr(connections["default"], "cursor", away)
    Client().get("/readyz")
    assert logs.has("request.finished", status=503)
    assert logs.has("Service Unavailable: /readyz")


def cache_away(patch, logs):
    patch.setattr(cache, "add", away)
    AddressLimit("x", "1/m").allow_request(RequestFactory().get("/"))


def pushed(patch, logs):
    with Gateway() as gateway:
        httpx.post(f"{gateway.url}/push", json=PUSH)


def hung_up(patch, logs):
    """The caller is gone before its answer is written."""
    with Gateway() as gateway:
        gateway.state.behaviour = gateway.state.behaviour.parse({"slow_ms": 200})
        body = json.dumps(PUSH).encode()
        head = f"POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", gateway.port)) as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closes by a reset
            caller.sendall(head + body)
        logs.wait_for("gateway.caller_gone")


IN_PROCESS = {
    "gateway.caller_gone": hung_up,
    "limit.not_counted": cache_away,
    "push.received": pushed,
    "readiness.check_failed": database_away,
}


@pytest.mark.parametrize("name", IN_PROCESS)
def test_an_event_is_as_the_catalogue_says(logs, monkeypatch, name):
    """Name, level and fields."""
    IN_PROCESS[name](monkeypatch, logs)
    logs.wait_for(name)
    check(logs, name, EVENTS[name])


def lines_of(arguments, environ, *, stop_after=None):
    """What a program prints, as `check` reads it."""
    base = {"PATH": os.environ["PATH"], "LOG_ENVIRONMENT": "test", "LOG_FORMAT": "json"}
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=PROJECT, env=base | environ, stdout=subprocess.PIPE, text=True
    ) as process:
        printed = []
        for line in process.stdout:
            printed.append(json.loads(line))
            if stop_after == printed[-1]["message"]:
                process.send_signal(signal.SIGTERM)
    return SimpleNamespace(
        has=lambda name: None, find=lambda name: [line for line in printed if line["message"] == name]
    )


def test_the_gateway_says_that_it_starts_and_ends():
    """With its port, which may be one that it chose."""
    printed = lines_of(
        ["-m", "messaging.gateway", "--port", "0"], {"AUDIT": "off"}, stop_after="gateway.started"
    )
    for name in ("gateway.started", "gateway.stopped"):
        assert len(printed.find(name)) == 1
        check(printed, name, EVENTS[name])


def test_a_process_that_cannot_work_says_why(tmp_path):
    """One line for each reason, and it ends."""
    code = "from mysite.preflight import require_ready; require_ready()"
    printed = lines_of(["-c", code], {"VAR_DIR": str(tmp_path / "var")})
    assert len(printed.find("startup.refused")) == 1
    check(printed, "startup.refused", EVENTS["startup.refused"])


def test_the_catalogue_is_complete():
    """Whatever the source can log is in it, and nothing else."""
    assert in_source("mysite") | in_source("messaging/gateway") == set(EVENTS)
    assert set(EVENTS) == {*IN_PROCESS, "gateway.started", "gateway.stopped", "startup.refused"}


def test_the_page_is_what_the_catalogue_says():
    """The reference page was made from the catalogue as it is."""
    check_page("mysite", EVENTS)


def test_the_vocabulary_is_that_of_the_catalogues():
    """Every field of every event is explained once, and no word is explained that none has."""
    events = [event for catalogue in (EVENTS, USERS, MESSAGING, KEEPS) for event in catalogue.values()]
    assert {field for event in events for field in (*event.fields, *event.optional)} == set(FIELDS)


def test_no_two_catalogues_have_one_event():
    """An event is one app's."""
    names = [name for catalogue in (EVENTS, USERS, MESSAGING, KEEPS) for name in catalogue]
    assert len(names) == len(set(names))
