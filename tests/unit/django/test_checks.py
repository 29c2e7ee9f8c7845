"""System checks: each finding has its id, a hint and a place in the documentation."""

import re
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.checks import CheckMessage, registry, run_checks
from django.core.management import call_command
from loguru import logger

import logkit
from logkit import fastlane, findings
from logkit.django import checks
from logkit.testing import QUIET
from tests.program import LANE

PAGE = Path(__file__).parents[3] / "docs/reference/checks.md"
HEADINGS = re.findall(r"^### (\S+)$", PAGE.read_text(), re.MULTILINE)
MIDDLEWARE = "logkit.django.middleware.RequestContextMiddleware"


def found() -> dict[str | None, CheckMessage]:
    """What `manage.py check --tag logkit` says, by its id; each has a hint that leads to a heading of the page."""
    messages = run_checks(tags=[checks.TAG])
    anchors = {heading.replace(".", "").lower() for heading in HEADINGS}
    for message in messages:
        assert message.hint is not None
        advice, _, address = message.hint.rpartition(" See ")
        assert advice
        assert address.partition("#")[0] == "docs/reference/checks.md"
        assert address.partition("#")[2] in anchors
    return {message.id: message for message in messages}


def configured(tmp_path: Path, **variables: str) -> None:
    places = {"AUDIT_DIR": "audit", "AUDIT_SPOOL_DIR": "spool", "AUDIT_KEY_DIR": "keys"}
    paths = {name: str(tmp_path / place) for name, place in places.items()}
    logkit.configure({**QUIET, "AUDIT": "on", "LOG_FAST_LANE": LANE, **paths, **variables})


def test_the_middleware_is_missing_or_misplaced(tmp_path: Path, settings: LazySettings) -> None:
    """Missing is an error; behind others, a warning that names them."""
    configured(tmp_path)
    settings.MIDDLEWARE = ["a.B"]
    assert list(found()) == ["logkit.E001"]
    settings.MIDDLEWARE = ["a.B", MIDDLEWARE]
    assert "a.B" in found()["logkit.W002"].msg
    settings.MIDDLEWARE = [MIDDLEWARE, "a.B", MIDDLEWARE]
    assert "more than once" in found()["logkit.W002"].msg
    settings.MIDDLEWARE = [MIDDLEWARE, "a.B"]
    assert not found()


def test_logging_is_not_ours() -> None:
    """Nobody configured it."""
    logkit.shutdown()
    assert list(found()) == ["logkit.E003"]


def test_lines_that_no_machine_reads(tmp_path: Path) -> None:
    """Console lines are for development."""
    key = "k" * 40
    configured(tmp_path, LOG_FORMAT="console")
    assert not found()
    configured(tmp_path, LOG_FORMAT="console", LOG_ENVIRONMENT="production", LOG_PSEUDONYM_KEY=key)
    assert list(found()) == ["logkit.W004"]


def test_unknown_variables(tmp_path: Path) -> None:
    """With the nearest name that there is."""
    configured(tmp_path, LOG_LEVLE="INFO")
    assert "LOG_LEVEL?" in found()["logkit.W005"].msg


def test_p08_foreign_handlers_and_those_that_show_variables(tmp_path: Path) -> None:
    """Both are named by their sink."""
    configured(tmp_path)
    assert not found()
    plain = logger.add(print, diagnose=False)
    assert list(found()) == ["logkit.W006"]
    logger.remove(plain)
    telling = logger.add(print, diagnose=True)
    messages = found()
    logger.remove(telling)
    assert sorted(messages) == ["logkit.E007", "logkit.W006"]
    assert "print" in messages["logkit.E007"].msg


def test_a_fast_lane_that_stays_closed_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is meant to be off."""
    monkeypatch.setattr(fastlane, "TESTED", ("0.0.1",))
    configured(tmp_path, LOG_FAST_LANE="auto")
    assert "the lane knows 0.0.1" in found()["logkit.W012"].msg
    configured(tmp_path, LOG_FAST_LANE="off")
    assert "logkit.W012" not in found()


@pytest.mark.parametrize(("lane", "is_told"), [("auto", True), ("off", False)])
def test_a_foreign_handler_closes_the_lane_and_its_warning_says_so(
    tmp_path: Path, lane: str, is_told: bool
) -> None:
    """Where the lane is wanted; one warning for one cause."""
    configured(tmp_path, LOG_FAST_LANE=lane)
    theirs = logger.add(print, diagnose=False)
    messages = found()
    logger.remove(theirs)
    assert list(messages) == ["logkit.W006"]
    assert ("Loguru's own path" in messages["logkit.W006"].msg) == is_told


def test_the_trail_is_off(tmp_path: Path) -> None:
    """Tests may; development is told."""
    configured(tmp_path, AUDIT="off")
    assert not found()
    configured(tmp_path, AUDIT="off", LOG_ENVIRONMENT="dev")
    assert list(found()) == ["logkit.W008"]


def test_the_trail_is_open_to_everybody(tmp_path: Path) -> None:
    """A stream or a key with permissions for others, in a directory that lets them in."""
    configured(tmp_path)
    assert not found()
    stream = tmp_path / "audit" / "security"
    stream.mkdir(parents=True, exist_ok=True)
    stream.parent.chmod(0o755)
    stream.chmod(0o755)
    assert str(stream) in found()["logkit.E009"].msg
    stream.parent.chmod(0o750)
    assert not found()


@pytest.mark.parametrize("name", ["LOG_FILE", "AUDIT_SPOOL_DIR", "AUDIT_KEY_DIR"])
def test_the_trail_shares_its_place(name: str, tmp_path: Path) -> None:
    """Other files do not belong where segments are kept, verified and removed."""
    configured(tmp_path, **{name: str(tmp_path / "audit" / "other")})
    assert name in found()["logkit.E010"].msg
    (tmp_path / "elsewhere").symlink_to(tmp_path / "audit")
    configured(tmp_path, **{name: str(tmp_path / "elsewhere" / "other")})
    assert name in found()["logkit.E010"].msg


def test_django_runs_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Under a tag of their own, and each of them once."""
    call_command("check", "--tag", checks.TAG)
    ours = [
        check for check in registry.registry.registered_checks if checks.TAG in getattr(check, "tags", ())
    ]
    assert len(ours) == len(set(ours)) == 5


def test_every_finding_is_documented() -> None:
    """Each id in the code has its heading, and the page has no other."""
    source = Path(checks.__file__).read_text() + Path(findings.__file__).read_text()
    numbers = {"problem": "E", "warning": "W"}
    ids = {
        f"logkit.{numbers[kind]}{int(number):03}"
        for kind, number in re.findall(r"(problem|warning)\((?:[^()]|\([^()]*\))*?number=(\d+)", source)
    }
    assert len(ids) == 12
    assert set(HEADINGS) == ids
