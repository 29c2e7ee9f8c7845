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


def test_one_event_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    """A whole name shows what the type requires and where it stands in other schemas."""
    assert cli.main(["events", "auth.login.failed"]) == 0
    assert capsys.readouterr().out == (
        "auth.login.failed  A login was refused.\n"
        "  severity    warning\n"
        "  stream      security\n"
        "  delivery    durable\n"
        "  required    actor.auth_method, reason, identifier_ref\n"
        "  optional    backend, attempts\n"
        "  OCSF 1.8.0  Authentication: Logon, type 300201\n"
        "  ECS         category authentication; type start\n"
        "  OWASP       authn_login_fail\n"
    )


def test_a_name_that_fits_nothing_is_helped(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest names that there are."""
    assert cli.main(["events", "auth.login.fail"]) == 1
    assert "did you mean auth.login.failed" in capsys.readouterr().err


def test_events_as_json_has_every_type(capsys: pytest.CaptureFixture[str]) -> None:
    """One object for each type, with its fields and its place in OCSF."""
    assert cli.main(["events", "--json"]) == 0
    kinds = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {kind["name"] for kind in kinds} == {kind.name for kind in catalog.every()}
    assert next(kind for kind in kinds if kind["name"] == "auth.logout")["ocsf"]["activity_id"] == 2
