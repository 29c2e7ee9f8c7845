"""What goes out: levels of modules, samples, rate limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from logkit.gate import Levels, RateLimit, Sampling, Suppressed
from logkit.parsers import Rate
from tests.program import run


def test_the_nearest_named_parent_decides() -> None:
    """A module's own entry wins, then its parents', then the default; names are whole parts."""
    levels = Levels("INFO", [("a", "ERROR"), ("a.b", "DEBUG")])
    assert [levels.of(name) for name in ("a", "a.x", "a.b", "a.b.c", "ab", "", "z")] == [
        40,
        40,
        10,
        10,
        20,
        20,
        20,
    ]
    assert levels.least == 10


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_sample_keeps_its_share_and_whole_traces(share: float) -> None:
    """Over many traces the share is kept, and a trace is always decided alike."""
    sampling = Sampling([("request.finished", share)])
    traces = [{"trace_id": os.urandom(16).hex()} for _ in range(4000)]
    kept = [sampling.share("request.finished", trace) for trace in traces]
    assert kept == [sampling.share("request.finished", trace) for trace in traces]
    assert abs(sum(map(bool, kept)) / len(kept) - share) < 0.04
    assert sampling.share("message.sent", traces[0]) == 1.0


def test_a_rate_limit_counts_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many of each level and event pass in a window; the rest is reported once, per event, when it is over."""
    now = [100.0]
    monkeypatch.setattr("logkit.gate.time.monotonic", lambda: now[0])
    reported: list[Suppressed] = []
    limit = RateLimit(Rate(3, 1.0), reported.append)
    admitted = [limit.admits("INFO", "a.b") for _ in range(10)] + [limit.admits("INFO", "c.d")]
    assert admitted == [True] * 3 + [False] * 7 + [True]
    now[0] += 1
    assert limit.admits("INFO", "a.b")
    assert reported == [Suppressed("INFO", "a.b", 7)]
    limit.flush()
    assert reported == [Suppressed("INFO", "a.b", 7)]


def test_a_rate_limit_is_bounded() -> None:
    """Names that an attacker chooses are counted together once there are too many."""
    limit = RateLimit(Rate(1, 3600.0), lambda _: None)
    for number in range(10_000):
        limit.admits("INFO", f"event.{number}")
    assert len(limit._counts) <= 4097


def test_sampled_lines_say_their_share_and_warnings_always_pass() -> None:
    """In the process: about a tenth of the INFO lines with `sample_rate`, every WARNING."""
    result = run(
        """
        for n in range(2000):
            with logkit.bound_context(request_id=f"request-{n:08d}"):
                logger.info("line.sampled"); logger.warning("line.kept")
        """,
        environ={"LOG_SAMPLE": "line.sampled=0.1,line.kept=0.1"},
    )
    sampled = result.find("line.sampled")
    assert 100 < len(sampled) < 300
    assert all(line["context"]["sample_rate"] == 0.1 for line in sampled)
    assert len(result.find("line.kept")) == 2000


def test_a_rate_limited_process_accounts_for_every_line() -> None:
    """What went out and what was reported as suppressed add up, at exit too; errors are exempt."""
    result = run(
        """
        for n in range(500): logger.info("line.chatty"); logger.error("line.wrong")
        """,
        environ={"LOG_RATE_LIMIT": "10/h"},
    )
    suppressed = [line["context"] for line in result.find("logkit.suppressed")]
    assert len(result.find("line.wrong")) == 500
    assert len(result.find("line.chatty")) + sum(one["suppressed"] for one in suppressed) == 500
    assert suppressed[0]["event"] == "line.chatty"


def test_buffered_stdout_and_a_file_hold_the_same_lines(tmp_path: os.PathLike[str]) -> None:
    """LOG_STDOUT_MODE and LOG_FILE: one encoding, two places, nothing missing at exit."""
    file = f"{tmp_path}/app.jsonl"
    result = run(
        "for n in range(300): logger.bind(n=n).info('line.written')",
        environ={"LOG_STDOUT_MODE": "buffered", "LOG_FILE": file},
    )
    assert len(result.lines) == 300
    with Path(file).open("rb") as written:
        assert written.read() == result.stdout
