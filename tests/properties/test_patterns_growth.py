"""No regular expression of the package is worse than linear on the text that hurts it most. (P04)"""

from __future__ import annotations

import re
import time

import pytest

from tests.properties.hostile import Found, hostile, patterns

PATTERNS = patterns()
LEAST = 0.004  # seconds for 16,000 characters: quadratic growth would be far beyond
SIZE = 4_000


def _seconds(found: Found, text: str) -> float:
    started = time.process_time()
    if found.searches:
        for _ in found.pattern.finditer(text):
            pass
    else:
        found.pattern.match(text)
        found.pattern.fullmatch(text)
    return time.process_time() - started


def _growth(found: Found, before: str, body: str) -> float:
    """How much more four times the text costs; 0 when it is too little to tell."""

    def text(size: int) -> str:
        return f"{before}{(body * (size // len(body) + 1))[:size]}\0"

    if any(_seconds(found, text(size)) > 0.05 for size in (24, 240, SIZE // 4)):
        return float("inf")  # so bad that longer texts would not end today
    large = _seconds(found, text(4 * SIZE))
    return large / max(_seconds(found, text(SIZE)), 1e-6) if large > LEAST else 0.0


@pytest.mark.parametrize("name", PATTERNS)
def test_p04_every_pattern_is_linear(name: str) -> None:
    """Four times the text costs about four times as much, not sixteen."""
    found = PATTERNS[name]
    for before, body in hostile(found.pattern):
        # A busy machine may spoil one measurement, not all of them.
        grows = all(_growth(found, before, body) >= 8 for _ in range(4))
        assert not grows, f"{before[:40]!r} and many {body[:40]!r}: {found.pattern.pattern[:200]}"


@pytest.mark.parametrize(
    "bad", [r"(?:a+)+b", r"\s*=\s*x", r"<[^>]*\bname=", r"[\w.]+@[\w.]+\.\w+", r"\w+ *\w+;"]
)
def test_a_bad_pattern_is_found(bad: str) -> None:
    """The texts made for a pattern show what is wrong with it."""
    found = Found(re.compile(bad), searches=True)
    assert any(_growth(found, *text) > 8 for text in hostile(found.pattern))


def test_every_room_is_looked_at() -> None:
    """The collection finds what is known to be there: in tuples, as bound methods, as literals at their use."""
    assert len(PATTERNS) > 150
    rooms = {name.partition(":")[0].rpartition(".")[0] for name in PATTERNS}
    assert {
        "logkit.redact",
        "logkit.redact.redactor",
        "logkit.audit",
        "logkit.tail",
        "logkit.trace",
    } <= rooms | {room.rpartition(".")[0] for room in rooms}
