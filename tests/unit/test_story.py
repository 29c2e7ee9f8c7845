"""`logkit story`: one request or task as a tree in time."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from logkit.cli import main

GOLDEN = Path(__file__).parent / "golden"
STORY = str(GOLDEN / "story.jsonl")
WEB, WORKER = "web.log", "worker.log"
REQUEST = "21636369-8b52-4b4a-97b7-50923ceb3ffd"
TASK = "781f9c58-d664-4fa9-a8a8-529f035efa25"

Story = Callable[..., str]


def line(milliseconds: int, message: str, level: str = "INFO", **context: Any) -> str:
    exception = context.pop("exception", None)
    event = {
        "timestamp": f"2026-01-05T14:02:{milliseconds // 1000:02}.{milliseconds % 1000:03}000Z",
        "level": level,
        "logger": "keeps.tasks",
        "message": message,
        "context": context,
    }
    return json.dumps(event | ({"exception": exception} if exception else {}), separators=(",", ":"))


def audit(milliseconds: int, event: str, outcome: str, **members: Any) -> str:
    time = f"2026-01-05T14:02:{milliseconds // 1000:02}.{milliseconds % 1000:03}000Z"
    return json.dumps(
        {"seq": 1, "prev": "0" * 64, "time": time, "event": event, "outcome": outcome, **members}
    )


@pytest.fixture
def story(capsysbinary: pytest.CaptureFixture[bytes]) -> Story:
    """Run `logkit story` and give its standard output."""

    def run(*words: str, code: int = 0) -> str:
        assert main(["story", "--utc", *words]) == code
        return capsysbinary.readouterr().out.decode()

    return run


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """An upload whose processing fails at the third attempt; web, worker and audit trail are separate."""
    web = {"request_id": "request-0001", "trace_id": "f" * 32, "method": "POST", "route": "api/keeps"}
    stack = (
        'Traceback (most recent call last):\n  File "/srv/app/keeps/tasks.py", line 61, in process\n'
        "    image = Image.open(stream)\n"
        '  File "/srv/venv/lib/python3.11/site-packages/PIL/Image.py", line 3498, in open\n'
        "    raise UnidentifiedImageError(msg)\nPIL.UnidentifiedImageError: cannot identify image file"
    )
    error = {"type": "PIL.UnidentifiedImageError", "message": "cannot identify image file", "stack": stack}
    task = {
        "request_id": "request-0001",
        "task_id": "task-0001",
        "root_id": "task-0001",
        "task": "keeps.tasks.process",
    }
    child = {
        "task_id": "task-0002",
        "root_id": "task-0001",
        "parent_id": "task-0001",
        "task": "keeps.tasks.notify",
    }
    (tmp_path / WEB).write_text(
        "\n".join(
            [
                line(0, "request.started", "DEBUG", **web),
                line(20, "keep.uploaded", keep_id=7, **web),
                line(40, "request.finished", status=202, duration_ms=40.0, outcome="success", **web),
                line(
                    41,
                    "request.finished",
                    status=200,
                    duration_ms=3.0,
                    request_id="request-0002",
                    method="GET",
                ),
            ]
        )
    )
    (tmp_path / WORKER).write_text(
        "\n".join(
            [
                line(50, "task.started", "DEBUG", retries=0, queue_ms=25, **task),
                line(150, "task.retried", "WARNING", retries=0, duration_ms=100.0, outcome="retried", **task),
                line(1200, "task.retried", "WARNING", retries=1, duration_ms=90.5, outcome="retried", **task),
                line(2300, "keep.unreadable", "WARNING", retries=2, **task),
                line(
                    2310,
                    "task.failed",
                    "ERROR",
                    retries=2,
                    duration_ms=80.0,
                    outcome="failed",
                    exception=error,
                    **task,
                ),
                line(2320, "Worker lost", "ERROR", task_id="task-0001"),
                line(2400, "task.started", retries=0, **child),
                line(2450, "task.succeeded", retries=0, duration_ms=50.0, outcome="succeeded", **child),
                line(2500, "task.succeeded", task_id="task-0009", task="other", duration_ms=1.0),
            ]
        )
    )
    stream = tmp_path / "audit" / "compliance"
    stream.mkdir(parents=True)
    about = {"target": [{"type": "keep", "id": "7"}], "request": {"id": "request-0001"}}
    (stream / "2.jsonl").write_text(audit(25, "keep.created", "success", stage="single", **about) + "\n")
    failed = audit(
        2311,
        "keep.processed",
        "failure",
        reason="unreadable",
        tx="rolled_back",
        task={"id": "task-0001", "retries": 2},
    )
    (stream / "1.jsonl.gz").write_bytes(gzip.compress(failed.encode() + b"\n"))
    (stream / "checkpoints.jsonl").write_text('{"id": "request-0001"}\n')
    return tmp_path


def assert_golden(name: str, text: str) -> None:
    """Compare with the stored text; LOGKIT_GOLDEN=write stores it anew, to be looked at in the diff."""
    if os.environ.get("LOGKIT_GOLDEN") == "write":
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def test_a_request_its_task_and_its_attempts(story: Story) -> None:
    """Lines, tasks and attempts in one tree, gaps shown."""
    assert_golden("story.txt", story(REQUEST, STORY))


def test_what_failed_is_marked_down_to_the_line_of_code(story: Story, upload: Path) -> None:
    """The failing branch and the verdict name exception and place; audit events stand among the lines."""
    text = story(
        "request-0001", "--audit-dir", str(upload / "audit"), str(upload / WORKER), str(upload / WEB)
    )
    assert_golden("story-failed.txt", text)
    assert "✗ attempt #3" in text
    assert "◆" in text
    assert "request-0002" not in text


def test_colours(story: Story, upload: Path) -> None:
    """The same drawing, coloured."""
    text = story(
        "request-0001",
        "--colour",
        "always",
        "--audit-dir",
        str(upload / "audit"),
        str(upload / WEB),
        str(upload / WORKER),
    )
    assert_golden("story-failed.ansi", text)


@pytest.mark.parametrize("identifier", ["request-0001", "st-0001", "task-0001", "task-0002", "f" * 32])
def test_any_id_leads_to_the_whole_story(story: Story, upload: Path, identifier: str) -> None:
    """A request id, its end, a task, a child task, a trace: the same tree."""
    text = story(identifier, str(upload / WEB), str(upload / WORKER))
    for part in ("keep.uploaded", "↳ process", "attempt #3", "↳ notify"):
        assert part in text


def test_a_short_id_must_be_unique(upload: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An id that fits several stories is not guessed."""
    assert main(["story", "request", str(upload / WEB)]) == 2
    assert "'request' fits 2 ids: request-0001, request-0002; give more" in capsys.readouterr().err


def test_levels_leave_lines_out_and_keep_the_tree(story: Story, upload: Path) -> None:
    """`-l` is about lines; how things ended stays."""
    text = story("request-0001", "-l", "warn", str(upload / WEB), str(upload / WORKER))
    assert "keep.uploaded" not in text
    assert "attempt #1  retried" in text


def test_expanded_shows_the_traceback(story: Story, upload: Path) -> None:
    """`-x` shows every frame below the failing line."""
    text = story("request-0001", "-x", str(upload / WEB), str(upload / WORKER))
    assert "image = Image.open(stream)" in text
    assert "PIL/Image.py:3498" in text


def test_json(story: Story, upload: Path) -> None:
    """The tree for programs: what failed, where, with the lines as they were."""
    data = json.loads(
        story(
            "request-0001",
            "--json",
            "--audit-dir",
            str(upload / "audit"),
            str(upload / WEB),
            str(upload / WORKER),
        )
    )
    (request,) = data["tree"]
    (task,) = request["children"]
    assert (request["failed"], request["led_to_failure"], task["failed"]) == (False, True, True)
    assert [child["kind"] for child in task["children"]] == ["attempt", "attempt", "attempt", "task"]
    assert task["children"][2]["canonical"]["exception"]["type"] == "PIL.UnidentifiedImageError"
    assert request["audit"][0]["event"] == "keep.created"


def test_a_story_without_an_end_says_so(story: Story, tmp_path: Path) -> None:
    """A killed process leaves no canonical line."""
    file = tmp_path / "cut.log"
    file.write_text(line(0, "request.started", request_id="request-0001") + "\n")
    text = story("request-0001", str(file))
    assert "no end in these files" in text
    assert "1 end not seen" in text


def test_standard_input_may_be_read_several_times_over(upload: Path) -> None:
    """A pipe is kept, because ids are learnt from later lines."""
    import subprocess
    import sys

    given = (upload / WORKER).read_bytes() + b"\n" + (upload / WEB).read_bytes()
    result = subprocess.run(
        [sys.executable, "-m", "logkit", "story", "request-0001", "-"],
        input=given,
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert "↳ notify" in result.stdout.decode()


def test_hostile_text_stays_text(story: Story, tmp_path: Path) -> None:
    """Escape sequences in names, ids and audit members are shown as escapes. (L10)"""
    bad = "\x1b[2J"
    file = tmp_path / "bad.log"
    exception = {"type": bad, "message": bad, "stack": f'  File "{bad}", line 1, in {bad}\n'}
    file.write_text(
        "\n".join(
            [
                line(0, bad, "ERROR", request_id="request-0001", key=bad, exception=exception),
                line(
                    1,
                    "task.failed",
                    "ERROR",
                    request_id="request-0001",
                    task=bad,
                    task_id="task-" + bad,
                    duration_ms=1,
                    outcome=bad,
                    exception=exception,
                ),
                line(
                    2,
                    "request.finished",
                    request_id="request-0001",
                    status=bad,
                    duration_ms=bad,
                    method=bad,
                    route=bad,
                ),
            ]
        )
    )
    directory = tmp_path / "audit"
    directory.mkdir()
    (directory / "1.jsonl").write_text(
        audit(
            1,
            bad,
            bad,
            reason=bad,
            stage=bad,
            target=[{"type": bad, "id": bad}],
            request={"id": "request-0001"},
        )
        + "\n"
    )
    for words in ((), ("-x",)):
        assert "\x1b" not in story("request-0001", *words, "--audit-dir", str(directory), str(file))


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["nothing-like-it", STORY], 1, "nothing in these files has the id 'nothing-like-it'"),
        ([REQUEST, "no-such.log"], 2, "no-such.log: No such file or directory"),
        ([REQUEST, "--audit-dir", "no-such-directory", STORY], 2, "no-such-directory is no directory"),
        ([REQUEST, "-l", "loud", STORY], 2, "'loud' is no level"),
    ],
)
def test_what_cannot_be_told_is_named(
    words: list[str], code: int, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on standard error, and an exit code that says which kind it was."""
    assert main(["story", *words]) == code
    assert f"logkit story: {complaint}" in capsys.readouterr().err


def test_help_reads_as_it_should(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The manual page of story: golden."""
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main(["story", "--help"])
    assert_golden("story-help.txt", capsys.readouterr().out)


def test_the_guide_shows_what_the_commands_print() -> None:
    """The drawings in docs/guides/reading-logs.md are the golden ones."""
    page = (Path(__file__).parents[2] / "docs" / "guides" / "reading-logs.md").read_text()
    console = (GOLDEN / "console.txt").read_text().splitlines()
    assert (GOLDEN / "story-failed.txt").read_text() in page
    assert "\n".join(console[1:8]) in page
    assert "\n".join(console[9:18]) in page
