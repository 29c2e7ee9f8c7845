"""What the story must say, whatever pool and broker told it; imported by the modules that tell it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import pytest

from tests.celery_app.story import FORGED_REQUEST, RETRIED, Story, request_id
from tests.worker import ENDS


def test_c01_a_request_its_task_sub_task_and_retries_are_one_family(story: Story) -> None:
    """One request id and root id for three generations; a retry keeps its parent and is never its own."""
    root = story.roots["family"]
    lines = [line for line in story.of("family") if "task_id" in line["context"]]
    ids = {line["context"]["task"]: line["context"]["task_id"] for line in lines}
    assert {line["context"]["root_id"] for line in lines} == {root}
    parents = {"work.family": None, "work.child": root, "work.grandchild": ids["work.child"]}
    for line in lines:
        context = line["context"]
        if line["message"] == "task.published" and context["task"] != "work.grandchild":
            assert context.get("parent_id") in (None, root)
        else:
            assert context.get("parent_id") == parents[context["task"]], line
    ends = [
        (line["context"]["task"], line["context"]["retries"], line["message"])
        for line in lines
        if line["message"] in ENDS
    ]
    assert sorted(ends) == [
        ("work.child", 0, "task.retried"),
        ("work.child", 1, "task.succeeded"),
        ("work.family", 0, "task.retried"),
        ("work.family", 1, "task.succeeded"),
        ("work.grandchild", 0, "task.succeeded"),
    ]


def test_c01_every_line_of_a_task_names_the_request_that_sent_it(story: Story) -> None:
    """No line of a task has another request's id, and no two requests share a task."""
    requests: dict[str, set[str]] = defaultdict(set)
    for line in story.lines:
        context = line["context"]
        if "root_id" in context and context["request_id"] != FORGED_REQUEST:
            requests[context["root_id"]].add(context["request_id"])
    assert {root: names for root, names in requests.items() if len(names) != 1} == {}


def test_c02_an_eager_task_leaves_the_outer_context_as_it_was(story: Story) -> None:
    """What the inner task sees, and what the outer one says after it."""
    (inner,) = [line for line in story.of("eager") if line["message"] == "fields.bound"]
    (after,) = [line for line in story.of("eager") if line["message"] == "eager.over"]
    outer_id = story.roots["eager"]
    assert inner["context"]["parent_id"] == inner["context"]["root_id"] == outer_id
    assert inner["context"]["task"] == "work.fields"
    assert after["context"]["task_id"] == outer_id
    assert after["context"]["task"] == "work.eager"
    assert "parent_id" not in after["context"]


def test_c03_nothing_of_a_task_is_seen_in_the_next(story: Story) -> None:
    """A field that two tasks bind is on their lines alone, in the same process or thread."""
    binders = {story.roots["fields"], story.roots["eager"]}
    for line in story.lines:
        if "circle_id" in line["context"]:
            assert binders & {line["context"]["root_id"], line["context"]["task_id"]}, line


def test_c04_publishing_from_a_context_that_no_header_can_hold(story: Story) -> None:
    """Sets, exceptions and long texts stay at home; the ids travel."""
    (done,) = [line for line in story.of("sets") if line["message"] == "nothing.done"]
    assert done["context"]["parent_id"] == story.roots["sets"]
    assert not {"a", "b", "c", "user_id", "session"} & done["context"].keys()


@pytest.mark.parametrize("name", ["chain", "chord", "link"])
def test_c05_canvas_keeps_its_request(story: Story, name: str) -> None:
    """The last step of a chain, the body of a chord and a link belong to the request that sent them."""
    last = {"chain": "nothing.done", "chord": "total.made", "link": "nothing.done"}[name]
    (line,) = [line for line in story.of(name) if line["message"] == last]
    assert line["context"]["root_id"]
    assert line["context"]["user_id"] == "7"


def test_c05_the_callers_own_headers_survive_and_nothing_grows(story: Story) -> None:
    """Our one key beside the caller's, at first hand and after two generations with retries."""
    for name in ("own", "family"):
        (met,) = [line for line in story.of(name) if line["message"] == "grandchild.met"]
        assert set(met["context"]["headers"]) - {"celery_beat_task"} == {"caller", "logkit"}
        assert met["context"]["caller"] == "own"


def test_c06_what_arrives_in_headers_is_validated(story: Story) -> None:
    """A carrier that is none and ids that are none are ignored; the task runs under its own id."""
    root = story.roots["garbage"]
    (done,) = [
        line
        for line in story.lines
        if line["message"] == "nothing.done" and line["context"]["task_id"] == root
    ]
    assert done["context"]["request_id"] == done["context"]["root_id"] == root
    (end,) = story.ends("untrusted")
    assert end["message"] == "task.succeeded"
    assert (end["context"]["root_id"], end["context"]["retries"]) == (story.roots["untrusted"], 0)
    assert "parent_id" not in end["context"]


def test_c08_a_late_line_has_no_context_and_is_whole(story: Story) -> None:
    """A thread that outlives its task says something of nobody."""
    (late,) = [line for line in story.lines if line["message"] == "thread.late"]
    assert late["context"] == {}


def test_c10_a_clean_run_has_no_line_of_the_dispatcher(story: Story) -> None:
    """None of our receivers raised."""
    assert [line for line in story.lines if line["logger"] == "celery.utils.dispatch"] == []


def test_c11_an_expected_failure_is_information(story: Story) -> None:
    """`throws`: INFO and no traceback; any other exception: ERROR, and the traceback once."""
    expected, failed = story.end("expect"), story.end("fail")
    assert (expected["message"], expected["level"], "exception" in expected) == ("task.failed", "INFO", False)
    assert expected["context"]["exception_type"] == "Expected"
    assert (failed["message"], failed["level"]) == ("task.failed", "ERROR")
    assert failed["exception"]["type"] == "KeyError"
    assert len([line for line in story.of("fail") if "exception" in line]) == 1


def test_c11_ignore_reject_and_retry_are_control_flow(story: Story) -> None:
    """They end an attempt under their own names, without a traceback."""
    ends = {name: story.end(name) for name in ("ignore", "reject")}
    assert [ends[name]["message"] for name in ("ignore", "reject")] == ["task.ignored", "task.rejected"]
    assert [ends[name]["level"] for name in ("ignore", "reject")] == ["INFO", "WARNING"]
    assert ends["reject"]["context"]["requeued"] is False
    retried = next(line for line in story.ends("family") if line["message"] == RETRIED)
    assert retried["level"] == "WARNING"
    assert retried["context"]["exception_type"] == "ValueError"
    assert not any("exception" in line for line in (*ends.values(), retried))


def test_c11_a_traceback_begins_in_the_task(story: Story) -> None:
    """Celery's own frames, which are the same in every failure, are left out."""
    stack = story.end("fail")["exception"]["stack"]
    assert "tests/celery_app/tasks.py" in stack
    assert "celery/app/trace.py" not in stack


def test_c12_what_a_task_prints_is_a_line(story: Story) -> None:
    """With the context of the task, once."""
    printed = [line for line in story.of("fields") if line["message"] == "printed by hand"]
    assert [line["context"]["task_id"] for line in printed] == [story.roots["fields"]]


def test_c14_a_canonical_line_has_its_measures(story: Story) -> None:
    """Run time, queue wait, retries, ids, task, queue, worker, and the fields that the task added."""
    context = story.end("fields")["context"]
    assert context["duration_ms"] > 0
    assert context["queue_ms"] >= 0
    assert context["worker"].startswith("celery@")
    assert (context["retries"], context["task"], context["rows"]) == (0, "work.fields", 12)
    assert context["queue"]
    assert context["outcome"] == "succeeded"


def test_c14_a_countdown_is_no_wait(story: Story) -> None:
    """Queue wait counts from the moment that the task is due."""
    end = story.end("late")
    elapsed_ms = 1000 * (datetime.fromisoformat(end["timestamp"]).timestamp() - story.sent["late"])
    assert end["message"] == "task.succeeded"
    assert end["context"]["queue_ms"] <= elapsed_ms - 990


def test_c14_what_never_ran_is_told(story: Story) -> None:
    """Expired, unknown and unreadable messages have a line; their arguments have none."""
    expired, absent = story.end("expired"), story.end("absent")
    assert (expired["message"], expired["level"]) == ("task.revoked", "WARNING")
    assert expired["context"]["expired"] is True
    assert (absent["message"], absent["level"]) == ("task.unknown", "ERROR")
    assert absent["context"]["task"] == "work.absent"
    unreadable = [
        line for line in story.lines if line["message"] == "task.rejected" and line["level"] == "ERROR"
    ]
    assert [line["context"]["reason"].partition(":")[0] for line in unreadable] == [
        "no task",
        "Expecting property name enclosed in double quotes",
    ]
    for line in (absent, *unreadable):
        assert line["context"]["queue"]
        assert line["context"]["worker"].startswith("celery@")
    assert "argument-of-" not in str(story.lines)


def test_c14_the_way_of_a_task_at_debug(story: Story) -> None:
    """Received and started by the worker, published by the task that sends another."""
    for name in ("task.received", "task.started"):
        (line,) = [line for line in story.of("fields") if line["message"] == name]
        assert line["level"] == "DEBUG"
        assert line["context"]["task_id"] == story.roots["fields"]
    published = {
        (line["context"]["task"], line["context"]["retries"]): line["context"]
        for line in story.of("family")
        if line["message"] == "task.published"
    }
    assert published.keys() == {
        ("work.family", 1),
        ("work.child", 0),
        ("work.child", 1),
        ("work.grandchild", 0),
    }
    grandchild = published["work.grandchild", 0]
    assert grandchild["parent_id"] == published["work.child", 0]["task_id"]
    assert "queue_ms" not in grandchild  # the sender's


def test_c14_celerys_own_lines_for_the_same_facts_are_folded(story: Story) -> None:
    """One line for one fact."""
    chatter = (
        "received",
        "succeeded in",
        "raised",
        "retry:",
        "Discarding",
        "Received unregistered",
        "Can't decode",
        "ready.",
        "shutdown (MainProcess)",
    )
    own = [line["message"] for line in story.lines if line["logger"].startswith("celery.")]
    assert [message for message in own if any(words in message for words in chatter)] == []


def test_c16_an_executor_carries_the_context(story: Story) -> None:
    """A line of a thread of `ContextExecutor` is a line of the task."""
    (line,) = [line for line in story.of("thread") if line["message"] == "thread.carried"]
    assert line["context"]["task_id"] == story.roots["thread"]


def test_c18_a_forged_carrier_correlates_and_names_nobody(story: Story) -> None:
    """Its request id is kept, its user is not."""
    (done,) = [
        line
        for line in story.lines
        if line["message"] == "nothing.done" and line["context"]["task_id"] == story.roots["forged"]
    ]
    assert done["context"]["request_id"] == FORGED_REQUEST
    assert not {"user_id", "client_ip"} & done["context"].keys()
    assert request_id("forged") not in str(done)


def test_c19_the_banner_is_one_line(story: Story) -> None:
    """`worker.started` names pool and queues; everything on stdout is JSON, or the story could not be read."""
    (started,) = [line for line in story.lines if line["message"] == "worker.started"]
    pool = {"threads": "thread"}.get(story.pool, story.pool)
    assert started["context"]["pool"] == pool
    assert started["context"]["concurrency"] == 2
    assert started["context"]["app"] == "tests.celery_app"
    assert started["context"]["broker"].partition(":")[0] in ("mysite.broker", "redis", "amqp")
    assert started["context"]["celery"]


def test_every_attempt_has_one_canonical_line(story: Story) -> None:
    """Whatever started has ended once, under one name."""
    attempts: dict[tuple[str, int], list[str]] = defaultdict(list)
    for line in story.lines:
        if line["message"] in ENDS and "task_id" in line["context"]:
            attempts[line["context"]["task_id"], line["context"].get("retries", 0)].append(line["message"])
    several = {key: ends for key, ends in attempts.items() if len(ends) != 1}
    several.pop((story.roots.get("die_late", ""), 0), None)  # it ran twice
    assert several == {}


def test_the_worker_says_how_it_ended(story: Story) -> None:
    """The last lines are ours too."""
    events = [line["message"] for line in story.lines]
    assert events.index("worker.started") < events.index("worker.stopping") < events.index("worker.stopped")
