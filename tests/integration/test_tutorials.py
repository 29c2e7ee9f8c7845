"""The tutorials that need no service, typed as `make walk` types them, in this environment."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
WALK = runpy.run_path(str(PROJECT / "docs" / "walk.py"))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a clone holds after `make install`, by links; what the tutorial writes is its own."""
    for entry in PROJECT.iterdir():
        if entry.name not in {"var", "Makefile", ".git", "site"}:
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / "Makefile").write_text("install:\n\t@true\n")
    (tmp_path / "var").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["first-line", "first-audit-event"])
def test_the_tutorial_tells_what_happens(clone: Path, name: str) -> None:
    """Every command ends with 0, and what the page shows is printed."""
    assert list(WALK["walk"](PROJECT / "docs" / "tutorial" / f"{name}.md", clone)) == []


def test_what_a_page_shows_and_nobody_prints_is_seen(clone: Path) -> None:
    """A command that fails, an event that does not come."""
    page = clone / "page.md"
    page.write_text("```console\n$ echo a.line.written\n$ false\n```\n\n```text\nother.event\n```\n")
    assert [fault.splitlines()[0] for fault in WALK["walk"](page, clone)] == [
        "page: false: exit code 1",
        "page: the page shows other.event, and it was not printed",
    ]
