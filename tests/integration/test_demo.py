"""The demo: every promise holds on what real processes wrote, and each check sees when it is broken."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from logkit.audit import catalog
from mysite.demo.__main__ import perform
from mysite.demo.checks import Evidence, check
from mysite.processes import PROJECT

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """What one performance of the story left behind."""
    return perform(tmp_path_factory.mktemp("demo") / "var")[2]


@pytest.fixture
def doctored(
    evidence: Evidence, tmp_path: Path
) -> Iterator[Callable[[str, Callable[[list[bytes]], list[bytes]]], Evidence]]:
    """A copy of the evidence with the lines of one log changed."""

    def change(process: str, how: Callable[[list[bytes]], list[bytes]]) -> Evidence:
        logs = {}
        for name, path in evidence.logs.items():
            lines = path.read_bytes().splitlines(keepends=True)
            copy = tmp_path / "logs" / path.name
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(b"".join(how(lines) if name == process else lines))
            logs[name] = copy
        shutil.copytree(evidence.directory / "audit", tmp_path / "audit", dirs_exist_ok=True)
        return replace(evidence, logs=logs, directory=tmp_path)

    return change


def broken(evidence: Evidence) -> list[str]:
    return [verdict.promise for verdict in check(evidence) if not verdict.holds]


def test_every_promise_holds(evidence: Evidence) -> None:
    """Sign-up to log-out over HTTP, with a retried task, an export and a 500."""
    assert [f"{verdict.promise}: {verdict.detail}" for verdict in check(evidence) if not verdict.holds] == []


TUTORIAL = PROJECT / "docs" / "tutorial" / "the-slow-task.md"
STORIES = {
    "1843ce": "message.sent",
    "154686": "circle_export.requested",
}  # ids on the page: what their requests did


def sections(page: str) -> Iterator[tuple[list[str], str]]:
    """The commands of each console block, and what the page says that the last of them prints, if it does."""
    for block in re.finditer(r"```console\n(.*?)```(?:\n\n```text\n(.*?)```)?", page, re.DOTALL):
        yield [line.removeprefix("$ ") for line in block[1].splitlines()], block[2] or ""


def test_the_tutorial_tells_what_happens(evidence: Evidence, tmp_path: Path) -> None:
    """Every command of docs/tutorial works on what the demo left behind, and prints the events that the page shows."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "demo").symlink_to(evidence.directory)
    lines = [json.loads(line) for path in evidence.logs.values() for line in path.read_bytes().splitlines()]
    ids = {
        shown: next(line["context"]["request_id"] for line in lines if line["message"] == event)[-6:]
        for shown, event in STORIES.items()
    }
    events = {line["message"] for line in lines} | {kind.name for kind in catalog.every()}

    def told(text: str) -> list[str]:
        return [name for name in re.findall(r"[a-z_]+(?:\.[a-z_]+)+", text) if name in events]

    ran = 0
    for commands, shown in sections(TUTORIAL.read_text()):
        for command in commands:
            if not command.startswith("logkit "):
                continue
            for on_page, here in ids.items():
                command = command.replace(on_page, here)
            result = subprocess.run(
                command.replace("logkit", f"{sys.executable} -m logkit", 1),
                shell=True,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
            )
            assert result.returncode == 0, (command, result.stderr)
            ran += 1
        if shown:
            assert told(result.stdout) == told(shown), command
    assert ran == 11


def first(lines: list[bytes], event: str) -> int:
    """Of the story's own requests; probes come before them."""
    wanted = f'"message":"{event}"'.encode()
    return next(
        number for number, line in enumerate(lines) if wanted in line and b'"request_id":"demo-' in line
    )


def test_a_line_that_is_no_json_is_seen(doctored: Callable[..., Evidence]) -> None:
    """A stray print between the lines."""
    assert any(
        "strict JSON" in promise
        for promise in broken(doctored("worker", lambda lines: [*lines, b"banner\n"]))
    )


def test_a_line_without_its_request_is_seen(doctored: Callable[..., Evidence]) -> None:
    """The event of a service, between the first and last line of its request, with another id."""

    def change(lines: list[bytes]) -> list[bytes]:
        number = first(lines, "message.sent")
        line = json.loads(lines[number])
        line["context"]["request_id"] = "somebody-elses"
        return [*lines[:number], json.dumps(line).encode() + b"\n", *lines[number + 1 :]]

    assert any("carries its ids" in promise for promise in broken(doctored("web", change)))


def test_a_request_without_its_canonical_line_is_seen(doctored: Callable[..., Evidence]) -> None:
    """One `request.finished` is missing."""

    def change(lines: list[bytes]) -> list[bytes]:
        number = first(lines, "request.finished")
        return [*lines[:number], *lines[number + 1 :]]

    assert any("canonical line" in promise for promise in broken(doctored("web", change)))


def test_a_task_that_never_ended_is_seen(doctored: Callable[..., Evidence]) -> None:
    """One attempt has no last line."""

    def change(lines: list[bytes]) -> list[bytes]:
        number = first(lines, "task.succeeded")
        return [*lines[:number], *lines[number + 1 :]]

    assert any("nothing was lost" in promise for promise in broken(doctored("worker", change)))


def test_a_task_that_the_worker_gave_up_has_ended(doctored: Callable[..., Evidence]) -> None:
    """Its process was killed: the last line is the worker's, from another process; a third one is too many."""

    def lose(lines: list[bytes], times: int) -> list[bytes]:
        number = first(lines, "task.succeeded")
        line = json.loads(lines[number]) | {"message": "task.lost", "level": "ERROR", "thread": "Thread-9"}
        line["process"]["id"] += 100_000
        return [*lines[:number], *[json.dumps(line).encode() + b"\n"] * times, *lines[number + 1 :]]

    assert broken(doctored("worker", lambda lines: lose(lines, 1))) == []
    assert broken(doctored("worker", lambda lines: lose(lines, 2))) == ["nothing was lost"]


def test_a_task_revoked_before_it_began_is_no_attempt(doctored: Callable[..., Evidence]) -> None:
    """As `task.unknown` is none: there is no `task.started` for it."""

    def revoke(lines: list[bytes]) -> list[bytes]:
        line = json.loads(lines[first(lines, "task.succeeded")]) | {
            "message": "task.revoked",
            "level": "WARNING",
        }
        del line["context"]["duration_ms"]
        return [*lines, json.dumps(line).encode() + b"\n"]

    assert broken(doctored("worker", revoke)) == []


def test_a_secret_in_a_log_is_seen(evidence: Evidence, doctored: Callable[..., Evidence]) -> None:
    """A password that one line holds."""
    secret = evidence.secrets["anna's password"].encode()
    leaking = doctored(
        "web", lambda lines: [lines[0].replace(b'"context":{', b'"context":{"x":"%b",' % secret), *lines]
    )
    assert any("planted secret" in promise for promise in broken(leaking))


@pytest.fixture
def with_trail(
    evidence: Evidence, tmp_path: Path
) -> Callable[[Callable[[list[bytes]], list[bytes]]], Evidence]:
    """A copy of the evidence with the lines of the security stream changed."""

    def change(how: Callable[[list[bytes]], list[bytes]]) -> Evidence:
        shutil.copytree(evidence.directory / "audit", tmp_path / "audit")
        (segment,) = (tmp_path / "audit/security").glob("2*.jsonl")
        segment.write_bytes(b"".join(how(segment.read_bytes().splitlines(keepends=True))))
        return replace(evidence, directory=tmp_path)

    return change


def renamed(line: bytes) -> bytes:
    """The event of another request."""
    return re.sub(rb'"request":{"id":"[^"]+"', b'"request":{"id":"demo-somebody-elses"', line)


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        (lambda lines: lines[1:], "missing: auth.login.failed, failure, by anonymous"),
        (lambda lines: [*lines, lines[-1]], "not expected: auth.logout, success, by ben"),
        (lambda lines: [renamed(lines[0]), *lines[1:]], "missing: auth.login.failed, failure, by anonymous"),
        (
            lambda lines: [line.replace(b'"outcome":"denied"', b'"outcome":"success"') for line in lines],
            "not expected: authz.denied, success, by ben",
        ),
    ],
    ids=["one too few", "one too many", "of another request", "with another end"],
)
def test_a_trail_that_is_not_the_storys_is_seen(
    with_trail: Callable[..., Evidence], how: Callable[[list[bytes]], list[bytes]], fault: str
) -> None:
    """An event is missing, doubled, attributed to another request, or ends otherwise."""
    (verdict,) = (verdict for verdict in check(with_trail(how)) if "audit trail" in verdict.promise)
    assert not verdict.holds
    assert fault in verdict.detail
