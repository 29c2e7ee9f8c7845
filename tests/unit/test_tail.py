"""`logkit tail` through its command line: what is shown, what is not, and how it ends."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkit.cli import main
from logkit.tail import filters
from logkit.tail.lines import parse
from logkit.tail.times import milliseconds, moment

GOLDEN = Path(__file__).parent / "golden"
STORY = str(GOLDEN / "story.jsonl")
REQUEST = "21636369-8b52-4b4a-97b7-50923ceb3ffd"

Tail = Callable[..., str]


def line(
    message: str = "keep.shared", *, level: str = "INFO", at: str = "14:02:11.000000", **context: Any
) -> str:
    return json.dumps(
        {
            "timestamp": f"2026-01-05T{at}Z",
            "level": level,
            "logger": "keeps.services",
            "message": message,
            "context": context,
        },
        separators=(",", ":"),
    )


@pytest.fixture
def tail(capsysbinary: pytest.CaptureFixture[bytes]) -> Tail:
    """Run `logkit tail` and give its standard output; `code` is the exit code expected."""

    def run(*words: str, code: int = 0) -> str:
        assert main(["tail", "--utc", *words]) == code
        return capsysbinary.readouterr().out.decode("utf-8", "surrogateescape")

    return run


@pytest.fixture
def messages(tail: Tail) -> Callable[..., list[str]]:
    """Run `logkit tail --json` and give the events' names."""
    return lambda *words, code=0: [
        json.loads(text)["message"] for text in tail("--json", *words, code=code).splitlines()
    ]


@pytest.fixture
def log(tmp_path: Path) -> Callable[..., str]:
    """Write lines to a file; its path."""

    def write(*lines: str | bytes, name: str = "app.log") -> str:
        file = tmp_path / name
        file.write_bytes(
            b"".join((text.encode() if isinstance(text, str) else text) + b"\n" for text in lines)
        )
        return str(file)

    return write


def from_pipe(*words: str, given: bytes, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """`logkit tail` as a process with something on its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "logkit", "tail", "--utc", *words],
        input=given,
        capture_output=True,
        check=False,
        timeout=30,
        env={**os.environ, **environ},
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# Which lines


def test_a_file_is_shown_as_text(tail: Tail) -> None:
    """The whole page, the day it happened included."""
    expected = (GOLDEN / "console.txt").read_text()
    assert tail(STORY) == "── 2026-01-05 ──\n" + expected


def test_standard_input_is_read_without_files_and_with_a_dash() -> None:
    """Both spellings of a pipe."""
    given = Path(STORY).read_bytes()
    assert from_pipe(given=given).stdout == from_pipe("-", given=given).stdout != b""


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["d", "i", "w", "e", "c"]),
        ("info", ["i", "w", "e", "c"]),
        ("warn", ["w", "e", "c"]),
        ("warning", ["w", "e", "c"]),
        ("WARN", ["w", "e", "c"]),
        ("error", ["e", "c"]),
        ("c", ["c"]),
    ],
)
def test_level(
    messages: Callable[..., list[str]], log: Callable[..., str], level: str, expected: list[str]
) -> None:
    """`-l` takes a level's name, any case, shortened."""
    levels = [("d", "DEBUG"), ("i", "INFO"), ("w", "WARNING"), ("e", "ERROR"), ("c", "CRITICAL")]
    assert messages("-l", level, log(*(line(name, level=text) for name, text in levels))) == expected


def test_level_is_the_lines_own_and_no_field_of_that_name(
    messages: Callable[..., list[str]], log: Callable[..., str]
) -> None:
    """A field called level decides nothing."""
    file = log(
        line("a", level="ERROR", name="INFO").replace("name", "level"),
        line("b", level="INFO", name="ERROR").replace("name", "level"),
    )
    assert messages("-l", "error", file) == ["a"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("circle_id=7", ["a"]),
        ("circle_id=7.0", ["a"]),
        ("circle_id!=7", ["b", "c", "d"]),
        ("title~^Sea", ["b"]),
        ("title!~Sea", ["a", "c", "d"]),
        ("title=Sea boat", ["b"]),
        ("size>10", ["c"]),
        ("size>=10", ["b", "c"]),
        ("size<11", ["b"]),
        ("size<=10", ["b"]),
        ("meta.kind=photo", ["c"]),
        ("meta.dotted.key=1", ["c"]),
        ("context.meta.kind=photo", ["c"]),
        ("tags=sea", ["c"]),
        ("done=true", ["d"]),
        ("nothing=null", ["d"]),
        ("message=b", ["b"]),
        ("logger~keeps", ["a", "b", "c", "d"]),
        ('quoted=a "b"', ["d"]),
        ("snow=☃", ["d"]),
        ("title=…boat", ["b"]),
        ("empty=", ["d"]),
    ],
)
def test_conditions(
    messages: Callable[..., list[str]], log: Callable[..., str], condition: str, expected: list[str]
) -> None:
    """`-f` on plain, dotted, nested, list, boolean, null and number values."""
    file = log(
        line("a", circle_id=7),
        line("b", circle_id=8, title="Sea boat", size=10),
        line("c", size=20, tags=["sea", "sun"], meta={"kind": "photo", "dotted.key": 1}),
        line("d", done=True, nothing=None, quoted='a "b"', snow="☃", empty=""),
    )
    assert messages("-f", condition, file) == expected


def test_conditions_add_up(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """Every filter must hold."""
    file = log(line("a", x=1, y=1), line("b", x=1, y=2), line("c", x=1, y=1, user_id=3))
    assert messages("-f", "x=1", "-f", "y=1", "--user", "3", file) == ["c"]


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["keep.*"], ["keep.shared", "keep.lost"]),
        (["*.shared"], ["keep.shared"]),
        (["keep.lost", "m?ssage.*"], ["keep.lost", "message.sent"]),
        (["[km]*.s*"], ["keep.shared", "message.sent"]),
    ],
)
def test_events_by_glob(
    messages: Callable[..., list[str]], log: Callable[..., str], globs: list[str], expected: list[str]
) -> None:
    """`--event` may be given again; any may fit."""
    file = log(line("keep.shared"), line("keep.lost"), line("message.sent"), line("request.finished"))
    options = [word for glob in globs for word in ("--event", glob)]
    assert messages(*options, file) == expected


def test_a_request_brings_its_tasks(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """Lines that know only the task's id belong to the request that started the task."""
    file = log(
        line("request", request_id=REQUEST),
        line("published", request_id=REQUEST, task_id="task-0001", root_id="task-0001"),
        line("other", request_id="11111111-2222"),
        line("child", task_id="task-0002", root_id="task-0001"),
        line("lost", task_id="task-0001"),
        line("stranger", task_id="task-0009", root_id="task-0009"),
    )
    for wanted in (REQUEST, REQUEST[-6:], REQUEST[:8]):
        assert messages("--request", wanted, file) == ["request", "published", "child", "lost"]


def test_a_request_across_files(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """The worker's file may come first on the command line."""
    web = log(line("a", at="10:00:00.000001", request_id=REQUEST, task_id="task-0001"), name="web.log")
    worker = log(line("b", at="10:00:00.000002", task_id="task-0001"), name="worker.log")
    assert messages("--request", REQUEST, worker, web) == ["a", "b"]


@pytest.mark.parametrize(
    ("task", "expected"),
    [("fan_out", ["a"]), ("messaging.tasks.fan_out", ["a"]), ("keeps.*", ["b"]), ("f-0002", ["b"])],
)
def test_a_task_by_name_or_id(
    messages: Callable[..., list[str]], log: Callable[..., str], task: str, expected: list[str]
) -> None:
    """`--task` takes the whole name, its last part, a glob, or an id."""
    file = log(
        line("a", task="messaging.tasks.fan_out", task_id="abcdef-0001"),
        line("b", task="keeps.tasks.strip", task_id="abcdef-0002"),
        line("c"),
    )
    assert messages("--task", task, file) == expected


def test_a_user(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """`--user` takes numbers and other keys alike, whole."""
    file = log(line("a", user_id=12), line("b", user_id=1), line("c", user_id="12"), line("d"))
    assert messages("--user", "12", file) == ["a", "c"]
    other = log(line("e", user_id="9c6ac977-01f2-48fe-bade-7b33ca124955"), name="other.log")
    assert messages("--user", "124955", other) == ["e"]


@pytest.mark.parametrize("limit", ["500ms", "500", "0.5s"])
def test_slow(messages: Callable[..., list[str]], log: Callable[..., str], limit: str) -> None:
    """`--slow` keeps what took that long."""
    file = log(
        line("a", duration_ms=499.9), line("b", duration_ms=500), line("c", duration_ms=9000.5), line("d")
    )
    assert messages("--slow", limit, file) == ["b", "c"]


def test_since_and_until(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """Both ends are inclusive; other zones and forms are understood."""
    file = log(
        line("a", at="10:00:00.000000"),
        line("b", at="10:00:01.000000"),
        '{"timestamp":"2026-01-05T11:00:02+01:00","level":"INFO","message":"c","context":{}}',
        line("d", at="10:00:03.000000"),
    )
    assert messages("--since", "2026-01-05T10:00:01Z", "--until", "2026-01-05T10:00:02Z", file) == ["b", "c"]


def test_since_counts_back_from_now(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """`--since 10m` is ten minutes ago."""
    now = datetime.now(UTC)
    file = log(
        *(
            json.dumps(
                {
                    "timestamp": (now - timedelta(minutes=ago)).isoformat(),
                    "level": "INFO",
                    "message": str(ago),
                }
            )
            for ago in (20, 11, 9, 0)
        )
    )
    assert messages("--since", "10m", file) == ["9", "0"]


def test_the_last_lines(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """`-n` counts lines that match, over all files."""
    one = log(*(line(f"a{n}", at=f"10:00:0{n}.000000", odd=n % 2 == 1) for n in range(8)), name="1.log")
    two = log(*(line(f"b{n}", at=f"10:00:0{n}.500000", odd=n % 2 == 1) for n in range(8)), name="2.log")
    assert messages("-n", "3", one) == ["a5", "a6", "a7"]
    assert messages("-n", "2", "-f", "odd=true", one) == ["a5", "a7"]
    assert messages("-n", "3", one, two) == ["b6", "a7", "b7"]
    assert messages("-n", "0", one) == []
    assert messages("-n", "100", one) == [f"a{n}" for n in range(8)]


def test_the_last_lines_of_a_large_file(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """Reading from the end keeps lines whole at block boundaries, and forwards as well."""
    file = log(*(line(f"m{n}", pad="x" * (n % 997)) for n in range(6000)))
    assert Path(file).stat().st_size > 3_000_000
    assert messages("-n", "5500", file) == [f"m{n}" for n in range(500, 6000)]
    assert messages(file) == [f"m{n}" for n in range(6000)]


def test_options_may_stand_among_files(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """Whoever adds an option at the end of a long line gets what was meant."""
    one, two = log(line("a", level="ERROR"), name="1.log"), log(line("b"), name="2.log")
    assert messages(one, "-l", "error", two, "--event", "*") == ["a"]


# What lines are


def test_other_lines_pass_unchanged(tail: Tail, log: Callable[..., str]) -> None:
    """Text, broken JSON, JSON that is no event, bad UTF-8: byte for byte."""
    odd = [
        b"plain \xff text",
        b'{"half": ',
        b'{"a": 1}',
        b"[1, 2]",
        b"",
        b"  indented {",
        b"\x1b[1mbold\x1b[0m",
    ]
    assert tail(log(*odd)).encode("utf-8", "surrogateescape") == b"\n".join(odd) + b"\n"


def test_other_lines_are_left_out_by_filters_and_by_json(tail: Tail, log: Callable[..., str]) -> None:
    """What is no event matches nothing."""
    file = log("plain", line("a"))
    assert "plain" not in tail("-l", "debug", file)
    assert tail("--json", file) == line("a") + "\n"


@pytest.mark.parametrize(
    "prefix",
    [
        "web-1  | ",
        "web-1  | 2026-01-05T14:02:11.123456789Z ",
        "10:01:02 worker.1 | ",
        "\x1b[36mweb-1  | \x1b[0m",
        "[celery] ",
        "[pod/web-7d4b9/web] ",
        "Jan 05 14:02:11 host gunicorn[71]: ",
        "2026-01-05T14:02:11.123456789+01:00 stdout F ",
    ],
)
def test_json_behind_a_prefix(tail: Tail, log: Callable[..., str], prefix: str) -> None:
    """Compose, honcho, kubectl, journalctl and containerd put the process first; it stays in front, readable."""
    file = log(prefix + line(keep_id=7))
    name = prefix.replace("\x1b[36m", "").replace("\x1b[0m", "").rstrip(" |:")
    assert f"{name} │ 14:02:11.000 INFO " in tail(file)
    assert tail("--json", "-f", "keep_id=7", file) == line(keep_id=7) + "\n"


@pytest.mark.parametrize("member", ["log", "MESSAGE"])
def test_json_inside_of_json(tail: Tail, log: Callable[..., str], member: str) -> None:
    """Docker's json-file driver and journald put a line inside of their own; filters look into it."""
    inner = [line("a.b", level="ERROR", status=503, duration_ms=7), line("c.d", status=200, title='say "x"')]
    file = log(*(json.dumps({member: text + "\n", "stream": "stdout"}) for text in inner))
    for words in (
        ("-f", "status>=500"),
        ("-f", "status=503"),
        ("-l", "error"),
        ("--slow", "5ms"),
        ("--event", "a.*"),
    ):
        text = tail(*words, file)
        assert "a.b" in text
        assert "c.d" not in text
    assert 'title="say \\"x\\""' in tail(file)
    tail("-f", "status=404", file, code=1)


def test_events_with_bad_utf8_are_shown(tail: Tail, log: Callable[..., str]) -> None:
    """A broken character costs that character only."""
    file = log(line(title="XX").encode().replace(b"XX", b"a\xffb"))
    assert "title=a\ufffdb" in tail(file)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (
            {
                "@timestamp": "2026-01-05T10:00:00Z",
                "log.level": "warn",
                "message": "x",
                "labels": {"keep_id": 7},
            },
            "10:00:00.000 WARN       · x                         keep_id=7",
        ),
        (
            {
                "@timestamp": "2026-01-05T10:00:00Z",
                "log": {"level": "error", "logger": "a"},
                "message": "x",
                "error": {"type": "E", "message": "m"},
            },
            "10:00:00.000 ERROR      · x                         a\n             ┃ E  m",
        ),
        (
            {
                "@timestamp": "2026-01-05T10:00:00Z",
                "log.level": "info",
                "message": "x",
                "event": {"duration": 2_000_000},
                "user.id": 3,
            },
            "duration_ms=2.0  user_id=3",
        ),
        (
            {"level": 40, "time": 1767607200000, "msg": "pino", "pid": 3},
            "10:00:00.000 WARN       · pino                      pid=3",
        ),
        (
            {"level": "info", "timestamp": "2026-01-05T10:00:00Z", "event": "structlog", "a": 1},
            "10:00:00.000 INFO       · structlog                 a=1",
        ),
        (
            {"levelname": "INFO", "asctime": "whenever", "message": "pjl", "name": "app"},
            "whenever     INFO       · pjl                       app",
        ),
        ({"timestamp": "2026-01-05T10:00:00Z", "message": "bare"}, "10:00:00.000            · bare"),
    ],
)
def test_lines_of_other_writers(
    tail: Tail, log: Callable[..., str], given: dict[str, Any], shown: str
) -> None:
    """ECS, pino, structlog and python-json-logger are recognised."""
    assert shown in tail(log(json.dumps(given)))


def test_lines_of_our_own_ecs_schema(tail: Tail, log: Callable[..., str]) -> None:
    """What LOG_SCHEMA=ecs writes reads like schema v1, numbers and cause chain included."""
    code = (
        "import logkit\n"
        "logkit.configure()\n"
        "from loguru import logger\n"
        "try:\n"
        "    try:\n"
        "        {}['key']\n"
        "    except KeyError as error:\n"
        "        raise ValueError('no such keep') from error\n"
        "except ValueError as error:\n"
        "    line = logger.bind(request_id='request-0001', task='keeps.tasks.share', retries=1, size=12, user_id=3)\n"
        "    line.opt(exception=error).error('keep.lost')\n"
    )
    around = {name: value for name, value in os.environ.items() if not name.startswith(("LOG_", "AUDIT"))}
    environment = {"LOG_SCHEMA": "ecs", "LOG_FORMAT": "json", "LOG_ENVIRONMENT": "test", "AUDIT": "off"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        timeout=30,
        env=around | environment,
    )
    (written,) = result.stdout.splitlines()
    assert b'"@timestamp"' in written
    text = tail("-f", "size>=12", "--user", "3", log(written))
    assert "ERROR t-0001 keep.lost                 ↳ share#2" in text
    assert "size=12  user_id=3" in text
    assert "┃ ValueError  no such keep" in text
    assert "KeyError: 'key'" in text
    assert "event.action" not in text


def test_gzip_files_are_unpacked(tail: Tail, log: Callable[..., str], tmp_path: Path) -> None:
    """A rotated file needs no zcat; one that was cut off gives what it holds, and says so."""
    plain = Path(STORY).read_bytes()
    packed = tmp_path / "old.log.1"
    packed.write_bytes(gzip.compress(plain))
    assert tail(str(packed)) == tail(STORY)
    assert tail("-n", "4", str(packed)) == tail("-n", "4", STORY)
    half = len(plain) // 2
    packed.write_bytes(gzip.compress(plain[:half]) + gzip.compress(plain[half:]))
    assert tail(str(packed)) == tail(STORY)
    assert from_pipe(given=packed.read_bytes()).stdout.decode() == tail(STORY)
    packed.write_bytes(gzip.compress(plain)[:-9])
    assert "audit.gap" in tail(str(packed), code=2)
    packed.write_bytes(gzip.compress(plain)[:40] + b"rubbish")
    tail(str(packed), code=2)


@pytest.mark.parametrize("options", [(), ("-n", "99"), ("--user", "12"), ("--request", REQUEST)])
def test_a_compression_cut_short_doubles_nothing(
    messages: Callable[..., list[str]], tmp_path: Path, options: tuple[str, ...]
) -> None:
    """A kill leaves the piece beside its `.gz`; both fit the pattern that the shell was given."""
    piece, packed, other = (tmp_path / name for name in ("app-1.jsonl", "app-1.jsonl.gz", "app-2.jsonl.gz"))
    ids = {"request_id": REQUEST, "user_id": 12}
    piece.write_text(line("once", **ids) + "\n")
    packed.write_bytes(gzip.compress(piece.read_bytes()))
    other.write_bytes(gzip.compress(line("other", **ids).encode() + b"\n"))
    assert sorted(messages(*options, *map(str, sorted(tmp_path.glob("*.jsonl*"))))) == ["once", "other"]


def test_a_large_gzip_file_is_unpacked_in_pieces(messages: Callable[..., list[str]], tmp_path: Path) -> None:
    """What unpacks to more than a block stays whole."""
    packed = tmp_path / "large.gz"
    packed.write_bytes(
        gzip.compress("".join(line(f"m{n}", pad="x" * 500) + "\n" for n in range(9000)).encode())
    )
    assert messages(str(packed)) == [f"m{n}" for n in range(9000)]


def test_without_files_log_file_is_read(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal nothing is piped in: then LOG_FILE is meant, or a hint is due."""
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setenv("LOG_FILE", STORY)
    assert "audit.gap" in tail()
    monkeypatch.delenv("LOG_FILE")
    tail(code=2)


def test_files_are_merged_by_time(messages: Callable[..., list[str]], log: Callable[..., str]) -> None:
    """Lines of several processes appear as they happened; a file's own order is kept."""
    one = log(
        line("a", at="10:00:01.000000"),
        line("d", at="10:00:04.000000"),
        line("e", at="10:00:03.000000"),
        name="1",
    )
    two = log(line("b", at="10:00:02.000000"), line("c", at="10:00:03.000000"), name="2")
    assert messages(one, two) == ["a", "b", "c", "d", "e"]


def test_the_day_is_said_once(tail: Tail, log: Callable[..., str]) -> None:
    """Another hour of the same day needs no rule; today needs none at all."""
    text = tail(log(line("a", at="10:00:00.000000"), line("b", at="11:00:00.000000")))
    assert [shown for shown in text.splitlines() if shown.startswith("──")] == ["── 2026-01-05 ──"]
    now = datetime.now().astimezone().isoformat()
    assert "──" not in tail(log(json.dumps({"timestamp": now, "level": "INFO", "message": "now"})))


def test_the_day_is_said_when_it_changes(tail: Tail, log: Callable[..., str]) -> None:
    """Lines say the time only; a rule says the date."""
    text = tail(
        log(
            line("a", at="23:59:59.000000"),
            line("b").replace("01-05", "01-06"),
            line("c").replace("01-05", "01-06"),
        )
    )
    assert [shown for shown in text.splitlines() if shown.startswith("──")] == [
        "── 2026-01-05 ──",
        "── 2026-01-06 ──",
    ]


# How they look


def test_expanded(tail: Tail) -> None:
    """`-x` shows every field."""
    assert (GOLDEN / "console-expanded.txt").read_text() in tail("-x", STORY)


def test_single_line(tail: Tail) -> None:
    """`-S` makes one line of each, the exception a phrase at its end."""
    text = tail("-S", STORY)
    assert len(text.splitlines()) == len(Path(STORY).read_text().splitlines()) + 1
    assert "ZeroDivisionError: division by zero" in text


def test_ignored_and_included_fields(tail: Tail, log: Callable[..., str]) -> None:
    """`-i` and `-I` take names separated by commas."""
    file = log(line(a=1, b=2, c=3, span_id="s"))
    assert "a=1" not in tail("-i", "a,b", file)
    assert "c=3" in tail("-i", "a,b", file)
    only = tail("-I", "b, span_id", file)
    assert "b=2  span_id=s" in only
    assert "a=1" not in only


def test_colour(tail: Tail, log: Callable[..., str]) -> None:
    """Never to a pipe unless told so; NO_COLOR and FORCE_COLOR are obeyed, --colour wins."""
    given = line().encode()
    assert b"\x1b" not in from_pipe(given=given).stdout
    assert b"\x1b" in from_pipe(given=given, FORCE_COLOR="1").stdout
    assert b"\x1b" not in from_pipe(given=given, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert b"\x1b" in from_pipe("--colour", "always", given=given, NO_COLOR="1").stdout
    assert b"\x1b" in from_pipe("--color=always", given=given).stdout
    assert b"\x1b" not in from_pipe("--colour", "never", given=given, FORCE_COLOR="1").stdout


def test_json_echoes_lines_as_they_came(tail: Tail, log: Callable[..., str]) -> None:
    """Spacing, order and escapes are the writer's own."""
    odd = '{ "message":"x",  "level":"INFO", "context":{"b":1,"a":"\\u00e9"} }'
    assert tail("--json", "-f", "b=1", log(odd)) == odd + "\n"


def test_summary() -> None:
    """`--summary` counts by level, on standard error."""
    result = from_pipe("--summary", given=Path(STORY).read_bytes() + b"plain\n")
    assert result.stderr.decode() == "22 lines: 1 critical, 2 error, 4 warning, 11 info, 3 debug, 1 other\n"
    assert from_pipe(given=line().encode()).stderr == b""


# How it ends


def test_exit_codes(tail: Tail, log: Callable[..., str]) -> None:
    """0 shown or unfiltered, 1 nothing matched, 2 cannot."""
    tail(log(), code=0)
    tail("-l", "error", log(line()), code=1)
    tail("no-such-file.log", code=2)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-l", "loud"], "'loud' is no level"),
        (["-f", "circle_id"], "'circle_id' is no condition"),
        (["-f", "a~("], "'(' is no regular expression"),
        (["-f", "a>x"], "'x' is no number"),
        (["--since", "soon"], "'soon' is no time"),
        (["--slow", "long"], "'long' is no duration"),
        (["-F"], "-F follows files"),
        (["no-such-file.log"], "no-such-file.log: No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_named(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what was given and what to write instead."""
    assert main(["tail", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"logkit tail: {complaint}")
    assert error.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`logkit tail big.log | head -1` ends quietly."""
    given = Path(STORY).read_bytes() * 2000
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "logkit", "tail"],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=subprocess.PIPE,
    )
    os.close(writing)
    os.close(reading)
    _, error = process.communicate(given, timeout=30)
    assert (process.returncode, error) == (0, b"")


# The cheap tests on bytes never refuse what the full test accepts


scalars = (
    st.text(max_size=8)
    | st.integers(-5, 600)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
)
contexts = st.dictionaries(
    st.sampled_from(["user_id", "status", "a.b", "task", "duration_ms", "request_id", "naïve"]), scalars
)
events = st.fixed_dictionaries(
    {
        "timestamp": st.sampled_from(["2026-01-05T10:00:00.000000Z", "2026-01-05T12:00:00+01:00", "never"]),
        "level": st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR", "error", "odd"]),
        "message": st.sampled_from(["keep.shared", "keep.lost", "é", 'a"b']),
        "context": contexts,
    }
)
conditions = st.one_of(
    st.sampled_from(["debug", "info", "warn", "error"]).map(filters.least_level),
    st.sampled_from(["keep.*", "*.lost", "é*", 'a"b', "*"]).map(lambda glob: filters.event_named([glob])),
    st.tuples(st.sampled_from(["user_id", "status", "a.b", "naïve", "message", "task"]), scalars).map(
        lambda pair: filters.where(f"{pair[0]}={filters.as_text(pair[1])}")
    ),
    st.sampled_from(["5", "é", ""]).map(filters.of_user),
    st.text(min_size=1, max_size=4).map(filters.of_task),
    st.text(min_size=1, max_size=4).map(lambda text: filters.OfRequest(text).condition()),
    st.floats(0, 600).map(filters.slower_than),
    st.just(filters.between("2026-01-05T10:30:00.000000Z", "2026-01-05T12:30:00.000000Z")),
)


@given(events, st.booleans(), conditions)
def test_refusals_on_bytes_are_sound(
    event: dict[str, Any], ascii_only: bool, condition: filters.Condition
) -> None:
    """A line whose event matches is never refused unparsed, however its JSON is written."""
    raw = json.dumps(event, ensure_ascii=ascii_only, separators=(",", ":")).encode("utf-8", "surrogatepass")
    parsed = parse(raw).event
    if parsed is not None and condition.test(parsed):
        assert condition.refuses is None or not condition.refuses(raw)


@pytest.mark.parametrize(
    "words",
    [
        ("--event", "keep.*"),
        ("--event", "keep.*", "--event", "lost"),
        ("--request", "request-0001"),
        ("-f", "kind=photo"),
        ("-f", "size>1"),
        ("-f", "status=200"),
        ("--task", "fan_out"),
        ("--user", "user-0001"),
        ("--slow", "1ms"),
    ],
)
def test_values_written_as_escapes_are_found(
    messages: Callable[..., list[str]], log: Callable[..., str], words: tuple[str, ...]
) -> None:
    """JSON may write any character as an escape; the cheap tests leave such lines to the parser."""
    plain = line("keep.shared", request_id="request-0001", kind="photo", size=2, status=200, task="fan_out")
    plain = plain.replace('"context":{', '"context":{"user_id":"user-0001","duration_ms":2,')
    names = ("keep", "request", "photo", "size", "status", "fan_out", "user", "duration")
    escaped = plain
    for name in names:
        escaped = escaped.replace(name, f"\\u{ord(name[0]):04x}{name[1:]}")
    assert not any(name in escaped for name in names)
    assert messages(*words, log(escaped)) == ["keep.shared"]


@pytest.mark.parametrize(
    "words",
    [
        ("-f", "status=503"),
        ("-f", "user_id=3"),
        ("-f", "level=ERROR"),
        ("-f", "request_id=request-1"),
        ("--slow", "1s"),
    ],
)
def test_filters_speak_of_our_names_in_lines_of_ecs(
    messages: Callable[..., list[str]], log: Callable[..., str], words: tuple[str, ...]
) -> None:
    """One filter serves lines of both schemas."""
    ecs = {
        "@timestamp": "2026-01-05T10:00:00Z",
        "log.level": "error",
        "message": "keep.lost",
        "http": {"request": {"id": "request-1"}, "response": {"status_code": 503}},
        "user": {"id": 3},
        "event": {"duration": 2_000_000_000},
    }
    assert messages(*words, log(json.dumps(ecs))) == ["keep.lost"]


@given(st.binary())
def test_any_bytes_are_a_line(raw: bytes) -> None:
    """Whatever arrives is shown or passed on."""
    assert parse(raw).raw == raw


def test_times_that_a_person_writes() -> None:
    """Ago, a clock time of today, a date, a moment with and without a zone."""
    now = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    assert moment("90s", now=now) == "2026-01-05T11:58:30.000000Z"
    assert moment("2026-01-05T11:00Z", now=now) == "2026-01-05T11:00:00.000000Z"
    local = now.astimezone().replace(hour=3, minute=4)
    assert moment("03:04", now=now) == local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000000Z")
    assert moment("2026-01-01", now=now) == datetime(2026, 1, 1).astimezone(UTC).strftime(
        "%Y-%m-%dT%H:%M:%S.%fZ"
    )
    assert milliseconds("1.5s") == 1500
