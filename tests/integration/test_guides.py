"""What the guides say to type, typed: in a place that has the files they speak of, each page in a copy of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.pages import GUIDES, typed
from tests.program import program_environ

# An engine, root, an index, a project and its server: tests of their own have them.
ELSEWHERE = re.compile(r"\b(?:docker|sudo|pip|export|gunicorn|manage\.py|deploy|postgres)\b|> \w+$")
PAGES = [*GUIDES.glob("*.md"), *GUIDES.parent.glob("explanation/*.md")]
TYPED = {page: [line for line in typed(page) if not ELSEWHERE.search(line)] for page in PAGES}
SILENT = re.compile(r"^(?:cp|mkdir|mv|rm) | --output ")
ANSWERED_NO = re.compile(r"^(?:grep -c|logkit explain-redaction --key) ")  # with 1, as the pages say
REQUEST = "6f9d2c1e-52a1-4f0b-8f2c-0a7b0c6ff1a7"
STORY = """
import logkit, os
from logkit import audit
from loguru import logger

logkit.configure({**os.environ, "LOG_FILE": "app.log", "LOG_NAP": "unknown"})
person = audit.Actor("user", 7, auth_method="password")
keep = audit.Target("keep", 12, owner=7)
with logkit.bound_context(request_id="REQUEST", user_id=7):
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logger.bind(keep_id=12).exception("keep.processing_failed")
    logger.bind(status=500, duration_ms=2400.0).error("request.finished")
    wrong = {"identifier_ref": "h1:k1:" + "0" * 32}
    audit.emit("auth.login.failed", outcome="failure", reason="bad_password", actor=person, detail=wrong)
    audit.emit("data.read", actor=person, target=keep, detail={"object_count": 1, "purpose": "view"})
    told = {"scope": "circle", "format": "zip", "legal_basis": "consent"}
    with audit.action("data.export.requested", actor=person, target=keep, detail=told):
        pass
logger.bind(stream="access").error("audit.spooled")
""".replace("REQUEST", REQUEST)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as a service left it: its log under the names that guides give it, its trail, keys and pin."""
    place = tmp_path_factory.mktemp("service")
    run(place, 'logkit audit keys init && python -c "$STORY" && logkit audit seal', STORY=STORY)
    run(place, "logkit audit keys pin --output pin.txt")
    for name in ("web.log", "worker.log", "var/run/web.jsonl"):
        (place / name).parent.mkdir(exist_ok=True)
        shutil.copy(place / "app.log", place / name)
    for name in ("keys/2025", "elsewhere/pin.txt", "evidence/sums"):
        (place / "srv" / name).parent.mkdir(parents=True)
    (place / "srv" / "keys" / "2025").write_text("the key of the year before, of some length")
    return place


@pytest.mark.parametrize("page", sorted(page for page in TYPED if TYPED[page]), ids=lambda page: page.stem)
def test_what_a_guide_says_to_type_does_it(page: Path, service: Path, tmp_path: Path) -> None:
    """Every command ends with 0 and has something to say."""
    place = shutil.copytree(service, tmp_path / "place", symlinks=True)
    lines = (place / "var/audit/security").glob("2*.jsonl")
    events = [orjson.loads(line) for file in lines for line in file.read_bytes().splitlines()]
    known = {
        "/srv/": f"{place}/srv/",
        "019ab3c2-7d1e-7c30-9a41-5f0c1d2e3f40": events[-1]["id"],
        "request-0001": REQUEST,
        "security:1042": f"security:{events[-1]['seq']}",
    }
    for command in TYPED[page]:
        for shown, real in known.items():
            command = command.replace(shown, real)
        if not shutil.which("jq"):  # its part of a pipeline is for those who have it
            command = command.partition(" | jq ")[0]
        said = follow(place, command) if " -F " in command else run(place, command)
        assert said.strip() or SILENT.search(command), f"{command} says nothing"
        assert "null" not in said.split(), f"{command}: {said}"
        if hold := re.match(r"hold-\w+", said):
            known["hold-5c1d9e07"] = hold[0]


def test_a_command_that_fails_is_seen(tmp_path: Path) -> None:
    """Also in the middle of a pipeline."""
    with pytest.raises(AssertionError, match="No such file"):
        run(tmp_path, "logkit tail nothing.log | sort | cat")


def run(place: Path, command: str, **more: str) -> str:
    """What a command prints in `place`; no part of a pipeline may fail."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=place,
        env=environ() | more,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    wanted = 1 if ANSWERED_NO.match(command) else 0
    assert done.returncode == wanted, f"{command}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def follow(place: Path, command: str) -> str:
    """The first line of a command that goes on until Ctrl-C, which is pressed then."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=place,
        env=environ(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
    return first


def environ() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return program_environ() | {"AUDIT": "on", "LOG_RELEASE": "1.2.0", "PATH": path}
