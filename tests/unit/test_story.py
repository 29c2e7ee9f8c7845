"""`logkit story`: one request or task as a tree in time."""

import gzip
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import logkit
from logkit.audit import Actor, Target, emit
from logkit.cli import main
from logkit.console import Style
from logkit.errors import AuditUnavailable
from logkit.story.collect import collect
from logkit.story.draw import Drawing
from logkit.story.tree import tree
from logkit.terminal import visible_length
from logkit.testing import QUIET
from tests.unit.audit.ledger_tools import in_child, wait_for

NOBODY = 65534

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


@pytest.fixture(autouse=True)
def no_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trail of the other tests is none of these stories'."""
    monkeypatch.delenv("AUDIT_DIR", raising=False)


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
    assert "✗ #3  failed" in text
    assert "◆" in text
    assert "request-0002" not in text


def test_a_compression_cut_short_doubles_nothing(story: Story, upload: Path) -> None:
    """A kill leaves a file beside its `.gz`, of the log as of the trail: what both tell is told once."""
    files = [upload / WEB, upload / WORKER]
    words = ("request-0001", "--audit-dir", str(upload / "audit"))
    before = story(*words, *map(str, files))
    for file in [*files, upload / "audit" / "compliance" / "2.jsonl"]:
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
    assert story(*words, *(name for file in files for name in (str(file), f"{file}.gz"))) == before


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
    for part in ("keep.uploaded", "↳ process", "#3  failed", "↳ notify"):
        assert part in text


def test_a_short_id_must_be_unique(upload: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An id that fits several stories is not guessed."""
    assert main(["story", "request", str(upload / WEB)]) == 2
    assert "'request' fits 2 ids: request-0001, request-0002; give more" in capsys.readouterr().err


def test_levels_leave_lines_out_and_keep_the_tree(story: Story, upload: Path) -> None:
    """`-l` is about lines; how things ended stays."""
    text = story("request-0001", "-l", "warn", str(upload / WEB), str(upload / WORKER))
    assert "keep.uploaded" not in text
    assert "#1  retried" in text


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


# Tasks: attempts, queues, lives


FAN = {"request_id": "request-0001", "task_id": "task-0001", "root_id": "task-0001", "task": "a.fan"}


@pytest.fixture
def told(story: Story, tmp_path: Path) -> Callable[..., str]:
    """The story of request-0001 in these lines; further words are options."""

    def tell(lines: list[str], *words: str) -> str:
        (tmp_path / "app.log").write_text("\n".join(lines))
        return story("request-0001", *words, str(tmp_path / "app.log"))

    return tell


def end(milliseconds: int, task_id: str, message: str = "task.succeeded", **context: Any) -> str:
    """The canonical line of a task that ran 10 ms."""
    ids = {"request_id": "request-0001", "task_id": task_id, "task": f"a.{task_id.partition('-')[0]}"}
    return line(milliseconds, message, **({"duration_ms": 10.0, "retries": 0} | ids | context))


def test_a_task_stands_where_it_ran_and_its_wait_is_drawn(told: Callable[..., str]) -> None:
    """Not where it was published: lines of the request come first, the time in the queue is a light line."""
    text = told(
        [
            line(0, "request.started", "DEBUG", request_id="request-0001"),
            line(1, "task.published", "DEBUG", **FAN),
            line(2, "keep.uploaded", request_id="request-0001"),
            line(90, "task.started", "DEBUG", queue_ms=89, **FAN),
            end(100, "task-0001", queue_ms=89),
        ]
    )
    rows = text.splitlines()[4:8]
    assert [row[37:] for row in rows] == [
        "request t-0001  no end in these files",
        "│  keep.uploaded",
        "└─ ↳ fan  succeeded  10.0 ms  queued 89 ms",
        "",
    ]
    assert rows[2][11:35] == "╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌━━ "


def test_steps_are_told_by_the_tree_and_shown_on_request(told: Callable[..., str]) -> None:
    """Published, received, started: -x has the lines too."""
    lines = [line(0, "task.published", "DEBUG", **FAN), line(9, "task.started", "DEBUG", retries=0, **FAN)]
    assert "task.started" not in told(lines)
    assert "task.started" in told(lines, "-x")


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (["published"], "published, never received"),
        (["published", "received"], "received, never started"),
        (["published", "received", "started"], "started, no end in these files"),
    ],
)
def test_a_task_without_an_end_says_how_far_it_came(
    told: Callable[..., str], steps: list[str], words: str
) -> None:
    """What a killed worker or a lost message leaves behind."""
    text = told([line(n, f"task.{step}", "DEBUG", **FAN) for n, step in enumerate(steps)])
    assert f"↳ fan  {words}" in text
    assert "1 end not seen" in text


def test_a_message_that_went_back_to_its_queue_is_another_attempt(told: Callable[..., str]) -> None:
    """Its number is the same; what was lost is marked, and is no failure of the task."""
    text = told(
        [
            end(500, "fan-0001", "task.lost", level="ERROR", reason="worker_lost", requeued=True),
            end(900, "fan-0001"),
        ]
    )
    assert "↳ fan  succeeded at attempt 2" in text
    assert "✗ #1  lost  10.0 ms  reason=worker_lost" in text
    assert "✓ nothing failed" in text


@pytest.mark.parametrize("order", [1, -1])
def test_an_interrupted_attempt_ends_as_its_worker_says(told: Callable[..., str], order: int) -> None:
    """The process and its worker speak at the same time: one attempt, lost, whoever comes first."""
    first, second = [("task.lost", "ERROR"), ("task.interrupted", "DEBUG")][::order]
    text = told(
        [
            line(490, "task.started", "DEBUG", task_id="fan-0001", task="tasks.fan", retries=0),
            end(500, "fan-0001", first[0], level=first[1]),
            end(501, "fan-0001", second[0], level=second[1]),
        ]
    )
    assert "✗ ↳ fan  lost  10.0 ms" in text
    assert "✗ task tasks.fan failed" in text


def test_what_an_attempt_started_is_below_that_attempt(told: Callable[..., str]) -> None:
    """Of two attempts, the one that ran when the task was sent."""
    text = told(
        [
            end(100, "fan-0001", "task.retried", level="WARNING"),
            end(500, "fan-0001", retries=1),
            end(900, "sub-0001", queue_ms=395, parent_id="fan-0001"),
        ]
    )
    assert [row[37:].rstrip() for row in text.splitlines()[4:-2]] == [
        "↳ fan  succeeded at attempt 2  in 410 ms",
        "├─ #1  retried  10.0 ms",
        "│  ┄ 390 ms until fan#2 was due ┄",
        "└─ #2  succeeded  10.0 ms",
        "   └─ ↳ sub  succeeded  10.0 ms  queued 395 ms",
    ]


def test_what_another_service_logged_is_below_the_task_that_called_it(told: Callable[..., str]) -> None:
    """It has the request's id, and came when the request was over and one attempt ran."""
    text = told(
        [
            line(10, "request.finished", request_id="request-0001", method="GET", status=200, duration_ms=10),
            line(95, "push.received", request_id="request-0001"),
            line(300, "push.settled", request_id="request-0001"),
            end(100, "fan-0001"),
        ]
    )
    assert [row[37:].rstrip() for row in text.splitlines()[4:-2]] == [
        "GET /  200  10.0 ms",
        "├─ ↳ fan  succeeded  10.0 ms",
        "│  ╵  push.received",
        "│  ┄ 200 ms ┄",
        "╵  push.settled",
    ]


def test_an_expected_failure_is_none(told: Callable[..., str]) -> None:
    """A task that names the exception in `throws` ends at INFO."""
    text = told([end(10, "fan-0001", "task.failed", exception_type="Expected")])
    assert "↳ fan  failed  10.0 ms  exception_type=Expected" in text
    assert "✓ nothing failed" in text


def test_a_gap_says_what_went_on(told: Callable[..., str]) -> None:
    """Something ran without a word; a wait is drawn already; else nobody knows."""
    text = told(
        [
            line(0, "a.b", request_id="request-0001"),
            line(1000, "c.d", request_id="request-0001"),
            line(2500, "task.slow", **FAN),
            end(4000, "task-0001", duration_ms=2000, task="a.fan"),
            end(9000, "late-0001", queue_ms=4990),
        ]
    )
    assert [part.strip("│ ") for part in text.splitlines() if "┄" in part] == [
        "┄ 1.00 s ┄",
        "┄ 1.00 s ┄",
        "┄ 1.50 s in fan ┄",
    ]


def test_what_repeats_is_told_once(told: Callable[..., str]) -> None:
    """Hundreds of lines of one event are a row, a hundred tasks that ended well are another; -x has them all."""
    lines = [line(n, "row.read", request_id="request-0001", row=n) for n in range(300)]
    lines += [end(400 + n, f"leaf-{n:04}", duration_ms=n + 1) for n in range(100)]
    lines += [end(600, "leaf-9999", "task.failed", level="ERROR")]
    text = told(lines)
    assert "row.read  x 300" in text
    assert "↳ leaf x 100  succeeded  1.0 ms to 100 ms" in text
    assert "✗ ↳ leaf  failed" in text
    assert len(text.splitlines()) == 11
    assert len(told(lines, "-x").splitlines()) == 409


def test_a_management_command(told: Callable[..., str]) -> None:
    """Its canonical line names it."""
    text = told([line(10, "command.finished", request_id="request-0001", command="purge", duration_ms=10.0)])
    assert text.startswith("command purge request-0001\n")
    assert "$ purge  10.0 ms" in text


def test_the_heading_says_whose_it_was(told: Callable[..., str]) -> None:
    """User and address are on every line; the story says them once."""
    around = {"request_id": "request-0001", "user_id": 12, "client_ip": "203.0.113.7"}
    text = told([line(0, "a.b", **around), line(5, "c.d", **around)])
    assert "2 lines  user 12  from 203.0.113.7" in text
    assert text.count("12  from") == 1


@pytest.mark.parametrize("width", [60, 96, 140])
def test_a_story_fits_its_terminal(upload: Path, width: int) -> None:
    """The axis shrinks, fields give way, exceptions continue below: golden, and nothing is wider."""
    moments = collect("request-0001", [str(upload / WEB), str(upload / WORKER)], str(upload / "audit"))
    text = Drawing(tree(moments), Style(local_time=False, width=width)).text()
    assert max(map(visible_length, text.splitlines())) <= width
    assert_golden(f"story-{width}-columns.txt", text)


# The audit trail


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A live trail with one event of request-0001; its directory."""
    trail = tmp_path / "trail"
    places = {"AUDIT_DIR": trail, "AUDIT_SPOOL_DIR": tmp_path / "spool", "AUDIT_KEY_DIR": tmp_path / "keys"}
    environ = {name: str(path) for name, path in places.items()} | {"LOG_ENVIRONMENT": "test", "AUDIT": "on"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    logkit.configure({**QUIET, **environ})
    with logkit.bound_context(request_id="request-0001"):
        emit(
            "auth.login.failed",
            outcome="failure",
            reason="bad_password",
            actor=Actor.anonymous(auth_method="password"),
            target=Target("user", 7),
            detail={"identifier_ref": "h1:dev:" + "9f" * 16},
        )
    yield trail
    logkit.shutdown()


def records(trail: Path, event: str) -> list[dict[str, Any]]:
    found = [json.loads(text) for file in trail.glob("*/2*.jsonl") for text in file.read_text().splitlines()]
    return [record for record in found if record["event"] == event]


def test_a13_reading_the_live_trail_is_recorded(told: Callable[..., str], live: Path) -> None:
    """The trail that AUDIT_DIR names is read by itself, and says so."""
    assert "auth.login.failed  failure: bad_password  user 7" in told(
        [line(0, "a.b", request_id="request-0001")]
    )
    (read,) = records(live, "audit.log.read")
    assert read["detail"]["query"] == "story request-0001"
    assert read["detail"]["rows"] == 1


def test_a13_what_cannot_be_recorded_is_not_shown(
    told: Callable[..., str], live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The story goes on without audit events."""

    def refuse(*_: object, **__: object) -> None:
        raise AuditUnavailable("the trail takes nothing")

    monkeypatch.setattr("logkit.audit.cli.place.emit", refuse)
    text = told([line(0, "a.b", request_id="request-0001")])
    assert "a.b" in text
    assert "auth.login" not in text


@pytest.mark.skipif(os.geteuid() != 0, reason="changes of user need root")
def test_a13_a_trail_that_this_user_may_not_read(tmp_path: Path) -> None:
    """Permissions decide; the story is told without it."""
    trail, log, said = tmp_path / "trail", tmp_path / "app.log", tmp_path / "said"
    trail.mkdir(mode=0o700)
    log.write_text(line(0, "a.b", request_id="request-0001") + "\n")
    for parent in [tmp_path, *tmp_path.parents][:4]:
        parent.chmod(parent.stat().st_mode | 0o011)
    with said.open("w") as output:

        def work() -> None:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os.environ["AUDIT_DIR"] = str(trail)
            sys.stdout, sys.stderr = (
                io.TextIOWrapper(io.FileIO(fd, "w"), write_through=True) for fd in (1, 2)
            )
            assert main(["story", "request-0001", str(log)]) == 0

        assert wait_for(in_child(work, uid=NOBODY)) == 0
    assert "a.b" in said.read_text()
    assert f"without audit events: this user may not read {trail}" in said.read_text()


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
