"""The reference page and `logkit events`: what the catalog says, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from logkit import cli
from logkit.audit import catalog

PAGE = Path(__file__).parents[3] / "docs/reference/audit-events.md"


def test_the_page_is_what_the_catalog_says() -> None:
    """docs/reference/audit-events.md is the output of `python -m logkit events --markdown`."""
    command = [sys.executable, "-m", "logkit", "events", "--markdown"]  # without the types of any project
    made = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PAGE.parents[2])
    assert made.stdout == PAGE.read_text(encoding="utf-8")


def test_events_lists_names_that_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """A pattern chooses; one that fits nothing is exit code 1."""
    assert cli.main(["events", "auth.mfa.*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["auth.mfa.disabled", "auth.mfa.enabled"]
    assert cli.main(["events", "no.such"]) == 1


def test_events_as_json_has_every_type(capsys: pytest.CaptureFixture[str]) -> None:
    """One object for each type, with its fields and its place in OCSF."""
    assert cli.main(["events", "--json"]) == 0
    kinds = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {kind["name"] for kind in kinds} == {kind.name for kind in catalog.every()}
    assert next(kind for kind in kinds if kind["name"] == "auth.logout")["ocsf"]["activity_id"] == 2
