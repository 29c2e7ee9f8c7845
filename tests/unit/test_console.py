"""The console line: what a person sees of an event."""

import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logkit.console import Style, render, wants_colour
from logkit.console.renderer import Renderer
from logkit.console.values import minute_text
from logkit.terminal import clip, fold, visible_length

GOLDEN = Path(__file__).parent / "golden"
EVENTS = [json.loads(line) for line in (GOLDEN / "story.jsonl").read_text().splitlines()]


def event(message: str = "keep.shared", level: str = "INFO", **context: Any) -> dict[str, Any]:
    return {
        "timestamp": "2026-01-05T14:02:11.123456Z",
        "level": level,
        "logger": "keeps.services",
        "message": message,
        "context": context,
    }


def plain(shown: dict[str, Any], **style: Any) -> str:
    return render(shown, colour=False, local_time=False, **style)


def assert_golden(name: str, text: str) -> None:
    """Compare with the stored text; LOGKIT_GOLDEN=write stores it anew, to be looked at in the diff."""
    file = GOLDEN / name
    if os.environ.get("LOGKIT_GOLDEN") == "write":
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("console.txt", {"colour": False}),
        ("console.ansi", {"colour": True}),
        ("console-100-columns.txt", {"colour": False, "width": 100}),
        ("console-single-line.txt", {"colour": False, "single_line": True, "width": 100}),
        ("console-expanded.txt", {"colour": False, "expand": True}),
    ],
)
def test_a_day_of_events_looks_as_it_should(name: str, style: dict[str, Any]) -> None:
    """A request, its task with a retry, denials, a crash, hostile text: the whole page, in each style."""
    assert_golden(name, "".join(render(shown, local_time=False, **style) for shown in EVENTS))


def test_time_level_event_and_fields_stand_in_that_order() -> None:
    """The columns of a line are where the eye expects them."""
    assert plain(event(keep_id=7)) == ("14:02:11.123 INFO       · keep.shared               keep_id=7\n")


def test_time_is_local_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer reads the clock on the wall."""
    import time

    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        minute_text.cache_clear()
        assert Renderer(Style())(event()).startswith("19:47:11.123 ")
        minute_text.cache_clear()
    time.tzset()


def test_lines_of_one_request_share_a_colour_and_tasks_are_tied_to_it() -> None:
    """Everything of one request has its id's colour, in every process; a task shows its name in it."""
    request_id = "21636369-8b52-4b4a-97b7-50923ceb3ffd"
    of_request = render(event(request_id=request_id), colour=True)
    of_task = render(event(request_id=request_id, task="keeps.tasks.strip_exif", retries=1), colour=True)
    colour = re.search("(\x1b\\[38;5;\\d+m)eb3ffd", of_request)
    assert colour is not None
    assert f"{colour[1]}eb3ffd" in of_task
    assert f"{colour[1]}↳ strip_exif#2" in of_task


def test_a_canonical_line_begins_with_request_status_and_duration() -> None:
    """`request.finished` says in words what a person looks for first."""
    shown = plain(
        event(
            "request.finished",
            method="GET",
            route="api/keeps",
            status=200,
            duration_ms=8.14,
            outcome="success",
        )
    )
    assert "GET /api/keeps  200  8.1 ms" in shown
    assert "outcome" not in shown


def test_any_other_event_with_a_duration_names_it() -> None:
    """Only lines about a request, task or command as a whole are canonical; others keep the names."""
    shown = plain(event("export.ready", duration_ms=55.8, status="ready", outcome="success"))
    assert "duration_ms=55.8  status=ready  outcome=success\n" in shown


def test_a_sentence_says_who_speaks() -> None:
    """An event's name tells where it comes from; a sentence of some library needs its logger."""
    assert "keeps.services" not in plain(event("keep.shared"))
    assert plain(event("Worker exiting")).endswith("Worker exiting            keeps.services\n")
    assert "logger  keeps.services" in plain(event("keep.shared"), expand=True)


REQUEST = {"request_id": "21636369-8b52-4b4a-97b7-50923ceb3ffd", "user_id": 12}


@pytest.mark.parametrize(
    ("shown", "says_who"),
    [
        (event("keep.shared", **REQUEST), False),
        (event("keep.lost", "WARNING", **REQUEST), True),
        (event("request.finished", duration_ms=3, **REQUEST), True),
        (event("task.succeeded", duration_ms=3, task="keeps.share", **REQUEST), True),
        (event("account.created", user_id=12), True),
    ],
)
def test_the_user_is_named_where_it_matters(shown: dict[str, Any], says_who: bool) -> None:
    """Every line of a request has its user; the console says it at the request's end and where something is wrong."""
    assert ("user_id=12" in plain(shown)) is says_who
    assert "user_id=12" in plain(shown, only=frozenset({"user_id"}))


def test_what_was_measured_stands_last_and_only_where_it_fits() -> None:
    """Queries and bytes never cost a canonical line a second line; what is slow does, and zeros are not said."""
    shown = event(
        "request.finished", method="GET", route="api/keeps", status=200, duration_ms=8.1, bytes=82, db_ms=0.4
    )
    shown["context"]["db_queries"] = 0
    assert plain(shown).endswith("GET /api/keeps  200  8.1 ms  db_ms=0.4  bytes=82\n")
    assert plain(shown, width=90).endswith("8.1 ms  db_ms=0.4\n")
    shown["context"]["db_ms"] = 2400.0
    assert "db_ms=2400" in plain(shown, width=80)


def test_a_task_that_waited_says_how_long() -> None:
    """A queue that is too short of workers shows on the line of the task."""
    shown = event("task.succeeded", task="keeps.share", duration_ms=8.1, queue_ms=2400, queue="celery")
    assert "↳ share  8.1 ms  queued 2400 ms\n" in plain(shown)
    shown["context"] |= {"queue_ms": 40, "queue": "slow"}
    assert "↳ share  8.1 ms  queue=slow\n" in plain(shown)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2d5f536d-7811-421e-a945-8bc383fbbe41", "…fbbe41"),
        ("demo-2d5f536d-7811-421e-a945-8bc383fbbe41", "…fbbe41"),
        ("216363698b524b4a97b750923ceb3ffd", "…eb3ffd"),
        ("h1:k1:9f3ac0aa31d2216363698b52", "…698b52"),
        ("x" * 36, "x" * 36),
        ("h1:k1:short", "h1:k1:short"),
    ],
)
def test_long_ids_are_shown_by_their_ends(value: str, text: str) -> None:
    """They would take most of the room; -x has them whole."""
    assert plain(event(keep_id=value)).endswith(f" keep_id={text}\n")
    assert f"keep_id  {value}" in plain(event(keep_id=value), expand=True)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [("retry_in_s", 1.7373794, "1.74"), ("wait_ms", 4.0512, "4.1"), ("latitude", 47.376887, "47.376887")],
)
def test_durations_lose_the_digits_that_nobody_reads(key: str, value: float, text: str) -> None:
    """Other numbers keep theirs."""
    assert plain(event(**{key: value})).endswith(f" {key}={text}\n")


def test_a_long_message_is_folded_below_itself_and_shortened() -> None:
    """Sentences of libraries neither run along the edge of the terminal nor fill the screen."""
    lines = plain(event("word " * 200), width=80).splitlines()
    assert all(line.startswith(" " * 26) and len(line) <= 80 for line in lines[1:])
    assert len(lines) == 5
    assert plain(event("word " * 200)).rstrip().endswith("…(+760)  keeps.services")
    assert plain(event("word " * 200), expand=True).count("word") == 200


def test_a_call_to_another_service_is_not_taken_for_the_request() -> None:
    """Inside a request every line has its method; only the canonical line is about it."""
    shown = plain(event("push.retried", method="POST", route="api/keeps", status=503))
    assert "POST" not in shown
    assert "status=503" in shown


@pytest.mark.parametrize(
    ("level", "label"),
    [("WARNING", "WARN "), ("CRITICAL", "CRIT "), ("NOTICE", "NOTIC"), ("", "     "), (17, "17   ")],
)
def test_levels_take_five_columns(level: Any, label: str) -> None:
    """Standard, custom and missing levels keep the columns aligned."""
    assert plain(event(level=level))[13:19] == label + " "


def test_only_and_without_choose_fields() -> None:
    """`-I` shows the named fields alone, quiet ones too; `-i` leaves fields out."""
    shown = event(keep_id=7, circle_id=3, span_id="aa")
    assert "keep_id" not in plain(shown, without=frozenset({"keep_id"}))
    only = plain(shown, only=frozenset({"span_id"}))
    assert "span_id=aa" in only
    assert "keep_id" not in only


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("bare", "v=bare"),
        ("two words", 'v="two words"'),
        ('say "x"', 'v="say \\"x\\""'),
        ("", 'v=""'),
        (None, "v=null"),
        (True, "v=true"),
        (1.5, "v=1.5"),
        ([1, "a"], 'v=[1,"a"]'),
        ("x" * 300, "v=" + "x" * 200 + "…(+100)"),
    ],
)
def test_values_are_unambiguous(value: Any, text: str) -> None:
    """Text is quoted where it must be, containers are JSON, what is long says how much is missing."""
    assert text in plain(event(v=value))


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J",
        "\x9b31m",
        "a\rb",
        "a\nb",
        "\u2028",
        "\u202egnp.exe",
        "\x00",
        "\x7f",
        "\ud800",
        "\ufeff",
        "\U000e0041",
    ],
)
@pytest.mark.parametrize(
    "place", ["message", "value", "key", "logger", "level", "task", "request_id", "exception", "timestamp"]
)
def test_l10_nothing_in_an_event_reaches_the_terminal_raw(hostile: str, place: str) -> None:
    """Escape sequences, line breaks and direction marks are shown as text wherever they stand."""
    shown = event()
    match place:
        case "value" | "key":
            shown["context"] = {"v": hostile} if place == "value" else {hostile: 1}
        case "task" | "request_id":
            shown["context"] = {place: hostile}
        case "exception":
            frame = f'  File "{hostile}", line 1, in {hostile}\n    {hostile}\n'
            shown["exception"] = {"type": hostile, "message": hostile, "stack": frame, "notes": [hostile]}
        case _:
            shown[place] = hostile
    for style in ({}, {"expand": True}, {"single_line": True}, {"width": 80}):
        text = plain(shown, **style)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800\ufeff\U000e0041]", text)
        assert all(
            line[:1].isdigit() or line.startswith(" ") or place == "timestamp" for line in text.splitlines()
        )


def test_a_message_of_several_lines_cannot_pass_for_another_event() -> None:
    """What follows a line break stands behind a bar."""
    text = plain(event("first\n14:00:00.000 ERROR forged"))
    assert text.splitlines()[1] == "             ┃ 14:00:00.000 ERROR forged"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # random text is slow to make on a busy machine
@given(
    st.dictionaries(
        st.sampled_from(
            ["timestamp", "level", "logger", "message", "context", "source", "process", "exception", "x"]
        ),
        json_values,
    ),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 20, 80]),
)
def test_any_mapping_renders(
    shown: dict[str, Any], expand: bool, single_line: bool, width: int | None
) -> None:
    """Missing members and members of other types do no harm: text comes out that a UTF-8 terminal can show."""
    text = plain(shown, expand=expand, single_line=single_line, width=width)
    assert text.endswith("\n")
    text.encode()


def test_exceptions_show_our_frames_and_count_the_others() -> None:
    """Library frames shrink to a count, the way into the library and the place of the raise stay."""
    library = "".join(
        f'  File "/srv/venv/lib/python3.11/site-packages/lib{n}/a.py", line {n}, in f{n}\n    call{n}()\n'
        for n in range(5)
    )
    ours = '  File "keeps/api.py", line 8, in share\n    go()\n'
    stack = f"Traceback (most recent call last):\n{ours}{library}KeyError: 1\n"
    shown = event() | {"exception": {"type": "KeyError", "message": "1", "stack": stack}}
    lines = [line[15:].rstrip() for line in plain(shown).splitlines()[1:]]
    assert lines == [
        "KeyError  1",
        "  keeps/api.py:8  share  go()",
        "  lib0/a.py:0     f0     call0()",
        "  … 3 frames in lib1, lib2, lib3",
        "  lib4/a.py:4     f4     call4()",
    ]
    assert "lib2/a.py:2" in plain(shown, expand=True)


def test_our_files_are_named_from_the_root() -> None:
    """Absolute paths shrink to what tells files apart; -x has every frame but the same names."""
    frames = "".join(
        f'  File "{file}", line 1, in f\n'
        for file in ("/srv/app/keeps/api.py", "/opt/x/y/z/other.py", "/a/b.py")
    )
    text = plain(event() | {"exception": {"type": "E", "message": "", "stack": frames}}, root="/srv/app")
    assert [line[15:].rstrip() for line in text.splitlines()[2:]] == [
        "  keeps/api.py:1    f",
        "  …/y/z/other.py:1  f",
        "  /a/b.py:1         f",
    ]


def test_exceptions_show_their_causes_notes_and_groups() -> None:
    """The chain is readable from the outside in."""
    shown = event() | {
        "exception": {
            "type": "PushError",
            "message": "no",
            "notes": ["try again"],
            "group": [{"type": "A", "message": "a"}],
            "cause": {
                "type": "OSError",
                "message": "refused",
                "context": {"type": "KeyError", "message": "k"},
            },
        }
    }
    text = plain(shown)
    assert [line[15:] for line in text.splitlines()[1:]] == [
        "PushError  no",
        "  note try again",
        "  • A  a",
        "caused by OSError  refused",
        "while handling KeyError  k",
    ]


def test_tracebacks_that_are_plain_text_are_shown() -> None:
    """Other writers give the traceback as one text, perhaps of several exceptions."""
    stack = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    x\n    ^\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\nValueError: 2"
    )
    text = plain(event() | {"exception": stack})
    assert [line[15:].rstrip() for line in text.splitlines()[1:]] == [
        "  KeyError: 1",
        "  a.py:1  f  x",
        "  During handling of the above exception, another exception occurred:",
        "  ValueError: 2",
    ]


def test_a_note_among_the_frames_stays_in_its_place() -> None:
    """Long stacks say how much of them was left out."""
    stack = '  File "a.py", line 1, in f\n  … 9 frames left out …\n  File "b.py", line 2, in g\nE: m'
    text = plain(event() | {"exception": {"type": "E", "message": "m", "stack": stack}})
    assert [line[15:].rstrip() for line in text.splitlines()[1:]] == [
        "E  m",
        "  a.py:1  f",
        "  … 9 frames left out …",
        "  b.py:2  g",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "on_terminal", "on_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_colour_obeys_the_conventions(environ: dict[str, str], on_terminal: bool, on_pipe: bool) -> None:
    """NO_COLOR, FORCE_COLOR, a dumb terminal, a pipe."""
    assert wants_colour(Terminal(), environ) is on_terminal
    assert wants_colour(io.StringIO(), environ) is on_pipe


def test_a_closed_stream_has_no_colour() -> None:
    """At exit standard output may be closed already."""
    closed = io.StringIO()
    closed.close()
    assert wants_colour(closed, {}) is False


coloured = st.text(st.characters(exclude_characters="\x1b")).flatmap(
    lambda text: st.sampled_from([text, f"\x1b[31m{text}\x1b[0m", f"a\x1b[1m{text}\x1b[0mb"])
)


@given(coloured, st.integers(2, 40))
def test_cut_and_folded_text_fits_and_ends_its_colours(text: str, width: int) -> None:
    """Nothing is wider than asked, and no colour runs into the next line."""
    cut = clip(text, width)
    pieces = fold(text, width)
    for piece in (cut, *pieces):
        assert visible_length(piece) <= width
        assert piece.rfind("\x1b[0m") >= max(piece.rfind("\x1b[31m"), piece.rfind("\x1b[1m"))
    assert re.sub("\x1b\\[[0-9;]*m", "", "".join(pieces)) == re.sub("\x1b\\[[0-9;]*m", "", text)


def test_text_is_folded_between_words() -> None:
    """Unless a word alone is longer than half of the room."""
    assert fold("cannot identify the image", 16) == ["cannot identify ", "the image"]
    assert fold("a" + " " + "b" * 12, 10) == ["a bbbbbbbb", "bbbb"]
    assert fold("\x1b[31mone two three\x1b[0m", 10) == ["\x1b[31mone two \x1b[0m", "\x1b[31mthree\x1b[0m"]


def test_wide_characters_take_two_columns() -> None:
    """Japanese, emoji and combining marks are measured as a terminal shows them."""
    assert visible_length("日本") == 4
    assert visible_length("e\u0301") == 1
    assert clip("日本語", 4) == "日…"
