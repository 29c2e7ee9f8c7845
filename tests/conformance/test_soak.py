"""A minute of mixed load: fast, failing, streamed and aborted requests at once, and every line attributable."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.servers import SOCKETS, Server, running

SECONDS = 60.0
CLIENTS = 8
PATHS = (
    "ok", "bind?mark={mark}", "crash", "denied", "missing", "stream", "stream_fails", "queries?count=6", "add_fields",
)  # fmt: skip


def client(server: Server, number: int, until: float, ids: list[str], aborted: list[str]) -> None:
    """One client that asks for this and that until the time is over."""
    chance = random.Random(number)
    while time.monotonic() < until:
        if chance.random() < 0.05:
            aborted.append(server.abort(server.view("stream_slowly"), after_bytes=70_000))
            continue
        request_id = f"soak-{number}-{len(ids)}-{chance.getrandbits(32):08x}"
        path = chance.choice(PATHS).format(mark=request_id)
        server.call("GET", server.view(path), [("X-Request-ID", request_id)])
        ids.append(request_id)


def finished(lines: list[dict[str, Any]]) -> Counter[str]:
    """How many canonical lines each request has."""
    return Counter(line["context"]["request_id"] for line in lines if line["message"] == "request.finished")


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.parametrize("kind", SOCKETS)
def test_r02_r16_a_minute_of_mixed_load_leaves_every_line_attributable(kind: str, tmp_path: Path) -> None:
    """One canonical line for each request, no line with another's mark, and no context left: bound or in memory."""
    with running(kind, tmp_path) as server:
        ids: list[list[str]] = [[] for _ in range(CLIENTS)]
        aborted: list[list[str]] = [[] for _ in range(CLIENTS)]
        until = time.monotonic() + SECONDS
        threads = [
            threading.Thread(target=client, args=(server, number, until, ids[number], aborted[number]))
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        last = server.get("/sync/alive", X_Request_ID="the-last-one")
        asked = [*chain(*ids, *aborted), last.id]
        deadline = time.monotonic() + 30
        while finished(lines := server.lines()).keys() != set(asked) and time.monotonic() < deadline:
            time.sleep(0.2)
    assert json.loads(last.body)["scopes"] <= 2 * CLIENTS
    assert len(asked) > 20 * CLIENTS
    assert any(aborted)
    assert finished(lines) == Counter(asked)
    known = set(asked)
    for line in lines:
        request_id = line["context"].get("request_id")
        if line["context"].get("secretive") is not None:
            assert line["context"]["secretive"] == request_id
        if line["message"].startswith("outside."):
            assert line["context"] in ({"layer": "outside"}, {"layer": "outside", "restored": True})
        elif line["message"].startswith("lifespan."):
            assert line["context"] == {}
        elif line["logger"].startswith(("tests.", "logkit.django", "django.")):
            assert request_id in known, line
